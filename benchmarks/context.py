"""How far XLS-R in windows is from XLS-R on the whole, by the windows' span and context.

python benchmarks/context.py RECORDING... [--model FOLDER | CONFIG.toml] [--seconds 90] [--sharpen 1 3 9] [--json FILE]

The recordings are joined, and of the first seconds both are computed. A configuration gets random weights, whose
attention is nearly uniform; --sharpen multiplies its logits, so that frames attend to few others, wherever these are.

    frames     root mean square difference of the features, over their own spread in time
    edges      the same for the worst frame of a hundred
    embedding  distance of the two embeddings, over the distance to the embedding of the seconds that follow
    work       frames computed for one that is kept
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fakemamba.audio import load_audio
from fakemamba.checkpoint.torch_io import load_system
from fakemamba.config import load_model_config
from fakemamba.models import build
from fakemamba.models.system import EncodedSystem
from fakemamba.models.windows import over_windows, plan
from fakemamba.models.xlsr import XLSR

CONFIG = str(Path(__file__).resolve().parent.parent / "configs" / "fake-mamba-l.toml")
RATE = 16_000


def opened(model: str) -> EncodedSystem:
    """A model folder, or random weights of a configuration."""
    torch.manual_seed(0)
    system = build(load_model_config(Path(model))).eval() if model.endswith(".toml") else load_system(model)
    if not (isinstance(system, EncodedSystem) and isinstance(system.frontend, XLSR)):
        raise SystemExit(f"{model}: its front-end is not XLS-R")
    return system


def joined(paths: list[Path], samples: int) -> Tensor:
    """(2, samples): the first so many of all recordings, and the next so many."""
    wave = np.concatenate([load_audio(path) for path in paths])
    if len(wave) < 2 * samples:
        raise SystemExit(f"the recordings hold {len(wave) / RATE:.1f} s: {2 * samples / RATE:g} are needed")
    return torch.from_numpy(wave[: 2 * samples]).view(2, samples)


def sharpen(frontend: XLSR, factor: float) -> None:
    """Multiply the logits of all attention."""
    for layer in frontend.encoder.layers:
        layer.attention.q_proj.weight.mul_(factor)
        layer.attention.q_proj.bias.mul_(factor)


def compared(system: EncodedSystem, waves: Tensor, pairs: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """One row for each span and context."""
    frontend = system.frontend
    assert isinstance(frontend, XLSR)
    whole = frontend(waves[:1])[0]  # (1, T, C)
    spread = (whole - whole.mean(1, keepdim=True)).square().mean().sqrt()
    own = system.embed_features(whole)
    away = (system.embed_features(frontend(waves[1:])[0]) - own).norm()
    for span, context in pairs:
        frontend.span, frontend.context = span, context
        parts = torch.cat(list(over_windows(frontend, waves[:1])), dim=1)
        off = (parts - whole).square().mean(2).sqrt()[0] / spread  # (T,)
        work = sum(window.stop - window.start for window in plan(len(off), span, context)) / len(off)
        yield {
            "span": span, "context": context, "frames": float(off.square().mean().sqrt()),
            "edges": float(off.quantile(0.99)), "embedding": float((system.embed_features(parts) - own).norm() / away),
            "work": round(work, 2),
        }  # fmt: skip


def main() -> None:
    """Print a table; write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--model", default=CONFIG)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--spans", type=int, nargs="+", default=[750, 1500, 3000], help="frames, 50 a second")
    parser.add_argument("--contexts", type=int, nargs="+", default=[0, 64, 125, 250, 500])
    parser.add_argument("--sharpen", type=float, nargs="+", default=[1.0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    waves = joined(options.recordings, round(options.seconds * RATE))
    pairs = [(span, context) for span in options.spans for context in options.contexts if 2 * context < span]
    rows = []
    for factor in options.sharpen:
        system = opened(options.model)
        with torch.no_grad():
            sharpen(system.frontend, factor)  # type: ignore[arg-type]
            for row in compared(system, waves, pairs):
                rows.append({"sharpen": factor, **row})
                print("  ".join(f"{name} {value:<7.4g}" for name, value in rows[-1].items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
