"""Makes model folders to measure, in a process of its own: `python -m fakemamba.bench.prepare JSON`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fakemamba.bench.job import RATE
from fakemamba.bench.tasks import voices
from fakemamba.errors import FakeMambaError


def main() -> None:
    """Make one folder, whole or not at all."""
    document = json.loads(sys.argv[1])
    try:
        _MAKERS[document["make"]](document)
    except FakeMambaError as error:
        sys.exit(str(error))


def _random(document: dict[str, Any]) -> None:
    """The same weights at each run: seed 0."""
    import torch

    from fakemamba.bench.subjects import RANDOM
    from fakemamba.checkpoint.torch_io import save_system
    from fakemamba.config import ModelConfig, parse
    from fakemamba.models import build

    config = parse(ModelConfig, document["config"], "config")
    torch.manual_seed(0)
    system = build(config).eval()
    save_system(
        document["target"], system, config, name=document["name"], licence="Apache-2.0",
        origin="random weights, to measure time and memory", training={RANDOM: True},
    )  # fmt: skip


def _onnx(document: dict[str, Any]) -> None:
    from fakemamba.checkpoint.folder import ONNX_FILE, open_folder, write_folder
    from fakemamba.checkpoint.torch_io import load_system
    from fakemamba.export.onnx_file import export_onnx

    folder, target = open_folder(document["source"]), Path(document["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export.", dir=target.parent) as room:
        file = Path(room) / ONNX_FILE
        export_onnx(load_system(folder), file)
        write_folder(target, folder.card, {ONNX_FILE: file})


def _smaller(document: dict[str, Any]) -> None:
    """As `fakemamba export --int8` or `--fp16` makes it."""
    import soundfile

    from fakemamba.export.export import Wish, export_model

    with TemporaryDirectory(prefix="fakemamba-bench-") as room:
        for number, wave in enumerate(voices(8, 6.0)):  # real speech: a model may not judge made-up sounds
            soundfile.write(Path(room) / f"{number}.wav", wave, RATE)
        export_model(document["source"], document["target"], Wish(document["make"].removeprefix("onnx-"), room))


_MAKERS = {"random": _random, "onnx": _onnx, "onnx-int8": _smaller, "onnx-fp16": _smaller}


if __name__ == "__main__":
    main()
