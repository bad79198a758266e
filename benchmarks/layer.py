"""What a PN-BiMamba layer and a training step cost by each form of the scan, run in turn, beside the floor.

python benchmarks/layer.py [--threads 2] [--repeats 60] [--frames 208] [--json FILE]

`step by step` and `chunked` are the layer as it was before the directions shared their products: one mixer over a
batch of both directions, by the reference scan and by the chunked one. The floor is the layer's products alone, by the
faster of torch's two libraries, and the bytes that a layer must read and write once.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from fakemamba.config import load_model_config
from fakemamba.models import blocks as blocks_module
from fakemamba.models import build
from fakemamba.models.blocks import PnBiMamba
from fakemamba.models.mamba import Mamba
from fakemamba.models.products import linear
from fakemamba.scan import selective_scan

WIDTH, STATES, SAMPLES = 144, 16, 64_000
CONFIG = Path(__file__).resolve().parent.parent / "configs" / "compact.toml"
Run = Callable[[], object]


def run_twice(mixer: Mamba, x: Tensor) -> Tensor:
    """A mixer without anything fused or shared."""
    u, delta, z, into, out = mixer.scan_inputs(x)
    y = selective_scan(u, delta, mixer.decay(), into, out, mixer.D, z, mixer.dt_proj.bias, delta_softplus=True)
    assert isinstance(y, Tensor)
    mixed: Tensor = mixer.out_proj(y.transpose(1, 2))
    return mixed


def both_ways_before(mixer: Mamba, x: Tensor, lengths: Tensor | None) -> Tensor:
    """The directions as two halves of a batch."""
    assert lengths is None
    mixed = run_twice(mixer, torch.cat([x, x.flip(1)]))
    return mixed[: len(x)] + mixed[len(x) :].flip(1)


def before(layer: PnBiMamba, x: Tensor) -> Tensor:
    """The whole layer as it was."""
    hidden = layer.norm2(both_ways_before(layer.mamba, layer.norm1(x), None))
    y: Tensor = layer.feed_forward(hidden) + x
    return y


def scanning(form: str, call: Run) -> Run:
    """`call` with FAKEMAMBA_SCAN set."""

    def run() -> object:
        os.environ["FAKEMAMBA_SCAN"] = form
        return call()

    return run


def products(layer: PnBiMamba, frames: int) -> Run:
    """The layer's products and nothing else."""
    mixer = layer.mamba
    inner = mixer.D.shape[0]
    up, _, down = layer.feed_forward
    x, both, y, hidden = (torch.randn(n, k) for n, k in ((frames, WIDTH), (2 * frames, inner), (frames, inner),
                                                          (frames, up.out_features)))  # fmt: skip
    pairs = ((x, mixer.in_proj), (both, mixer.x_proj), (y, mixer.out_proj), (x, up), (hidden, down))
    return lambda: [linear(value, part.weight) for value, part in pairs]


def layers(frames: int) -> dict[str, Run]:
    """Inference of one layer, batch 1."""
    torch.manual_seed(0)
    layer, x = PnBiMamba(WIDTH, STATES).eval(), torch.randn(1, frames, WIDTH)
    half, x_half = PnBiMamba(WIDTH, STATES).eval().bfloat16(), x.bfloat16()
    runs: dict[str, Run] = {
        "step by step": scanning("reference", lambda: before(layer, x)),
        "chunked": scanning("chunked", lambda: before(layer, x)),
        "chunked, shared products": scanning("chunked", lambda: layer(x)),
        "compiled": scanning("cpu", lambda: layer(x)),
        "compiled, bfloat16": scanning("cpu", lambda: half(x_half)),
        "floor: products": products(layer, frames),
    }
    return {name: torch.inference_mode()(run) for name, run in runs.items()}


def steps(batch: int) -> dict[str, Run]:
    """Forward and backward of the compact model, as it was with the chunked scan and as it is."""
    torch.manual_seed(0)
    system = build(load_model_config(CONFIG)).train()
    waves, now = 0.1 * torch.randn(batch, SAMPLES), blocks_module.both_ways

    def step(both: Callable[..., Tensor]) -> None:
        blocks_module.both_ways = both
        system.zero_grad()
        torch.nn.functional.cross_entropy(system(waves), torch.arange(batch) % 2).backward()
        blocks_module.both_ways = now

    return {
        "step, chunked": scanning("chunked", lambda: step(both_ways_before)),
        "step, chunked, shared products": scanning("chunked", lambda: step(now)),
        "step, compiled": scanning("cpu", lambda: step(now)),
    }


def measure(runs: dict[str, Run], repeats: int) -> dict[str, float]:
    """Median milliseconds; all take turns, so that what else the machine does meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn >= 2:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def bytes_moved(frames: int) -> int:
    """x and y once, xz, both convolved, B, C and steps, the gated sum and the FFN's inside written and read once."""
    inner = 2 * WIDTH
    wide = 2 * WIDTH + 2 * (2 * inner + 2 * inner + 2 * (WIDTH // 16 + 2 * STATES) + inner + 4 * WIDTH)
    weights = sum(p.numel() for p in PnBiMamba(WIDTH, STATES).parameters())
    return 4 * (frames * wide + weights)


def show(title: str, found: dict[str, float]) -> None:
    print(f"\n{title}\n{'':<32}{'ms':>9}" + "".join(f"{f'{name} /':>18}" for name in list(found)[:2]))
    slow = list(found.values())[:2]
    for name, spent in found.items():
        print(f"{name:<32}{spent:>9.3f}" + "".join(f"{other / spent:>18.1f}" for other in slow))


def main() -> None:
    """Print two tables; write them as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--frames", type=int, default=208, help="208 are 66 800 samples behind XLS-R")
    parser.add_argument("--batch", type=int, default=4, help="clips of a training step")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.threads} threads, medians of {options.repeats} in turn; torch {torch.__version__}")
    found = measure(layers(options.frames), options.repeats)
    show(f"layer, D {WIDTH}, {options.frames} frames, batch 1, {bytes_moved(options.frames) / 1e6:.1f} MB", found)
    learned = measure(steps(options.batch), max(3, options.repeats // 10))
    show(f"training step, compact, {options.batch} clips of 4 s", learned)
    if options.json:
        machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__}
        record = {**machine, "threads": options.threads, "layer_ms": found, "step_ms": learned}
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
