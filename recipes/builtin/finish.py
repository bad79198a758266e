"""From the best averaged weights to the folder that ships: calibrated on dev, exported, checked against torch."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fakemamba.checkpoint.card import CARD_FILE
from fakemamba.checkpoint.folder import ModelFolder, open_folder
from fakemamba.checkpoint.torch_io import load_system, save_tensors
from fakemamba.export.graph import read_graph, write_graph
from fakemamba.export.half import exact_halves, halved
from fakemamba.export.onnx_file import export_onnx, largest_difference
from recipes.builtin import keep, points
from recipes.builtin.bank import Bank
from recipes.builtin.card import error_rates
from recipes.builtin.decide import decided
from recipes.builtin.manifest import Clip

NAME = "compact-3"
DRIFT = 1e-3  # of a score between torch and ONNX Runtime: sums of many numbers in other orders; scores differ by 10
ORIGIN = (
    "trained by recipes/builtin on human speech from LibriSpeech, speechocean762, GCompris, crowd-sourced commands and "
    "Debian packages; on fakes from published demo pages, mimic3, Kokoro, hibari, piper, espeak-ng, flite and Pico; "
    "and on copies of human recordings through HiFi-GAN, FARGAN and WORLD; the recogniser's weights are the first "
    "layer of the encoder of OpenAI's whisper-tiny.en (MIT licence)"
)


def note_errors(folder: Path, found: dict[str, Any]) -> None:
    """Put what was measured into the card, where reports and the page look for it; no file's hash changes."""
    card = keep.read_json(folder / CARD_FILE)
    card["training"]["error_rates"] = error_rates(found)
    keep.put_json(folder / CARD_FILE, card, indent=2)


def exactly(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What float16 holds to the last bit, as the recogniser's weights, stored so: half the bytes, the same numbers."""
    return {name: x.half() if x.ndim > 1 and torch.equal(x.half().float(), x) else x for name, x in tensors.items()}


def finish(best: Path, clips: list[Clip], bank: Bank, out: Path, training: dict[str, Any]) -> ModelFolder:
    """Write the model folder from the weights of the best look, named as the folder is; `training` tells of the run.

    Raises SystemExit when the exported file doesn't score as torch does.
    """
    opened = open_folder(best)
    config, step, system = opened.card.model, opened.card.training["step"], load_system(opened)
    dev = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
    chosen = decided(system, clips, bank)
    with tempfile.TemporaryDirectory() as work:
        onnx_path = Path(work) / "model.onnx"
        export_onnx(system, onnx_path)
        exported = read_graph(onnx_path)
        write_graph(halved(exported, exact_halves(exported)), onnx_path)
        difference = largest_difference(system, onnx_path, [bank.wave(i, 0) for i in dev[::8]])
        if difference > DRIFT:
            raise SystemExit(f"the exported model differs from torch by {difference:.1e}")
        print(f"exported; differs from torch by at most {difference:.1e} on {len(dev[::8])} clips", flush=True)
        folder = save_tensors(
            out, exactly(system.state_dict()), config, overwrite=True, files={"model.onnx": onnx_path}, name=out.name,
            licence="Apache-2.0", origin=ORIGIN,
            training={**training, "step": step, "chosen_and_calibrated_on": "dev"}, **chosen,
        )  # fmt: skip
    points.note_points(folder.path, clips, bank)
    return open_folder(folder.path)
