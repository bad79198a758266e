"""What a training step of Fake-Mamba-L with XLS-R 300M costs here: seconds, peak memory, floating-point operations.

python benchmarks/train_step.py [fp32|bf16] [--batch 2] [--steps 3]

Random weights, 66 800 samples, gradient checkpointing, Adam as released. The last lines are an ESTIMATE of the whole
released run on one H100, from the counted operations and an assumed share of its peak; nothing of it was measured.
"""

import argparse
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from fakemamba.config import ModelConfig
from fakemamba.models import build
from fakemamba.train.batches import Batch
from fakemamba.train.settings import LossConfig, OptimConfig, Recipe, TrainConfig
from fakemamba.train.steps import Steps, make_accelerator

SAMPLES = 66_800
# ASVspoof 2019 LA, the official counts: train 2 580 + 22 800, dev 2 548 + 22 296; batch 20, at most 75 epochs.
TRAIN_CLIPS, DEV_CLIPS, EPOCHS = 25_380, 24_844, 75
PEAKS = {"bf16": 989e12, "fp32": 67e12}  # operations a second that NVIDIA states for the H100 SXM, dense
SHARES = 0.1, 0.4  # of the peak: the range that is assumed; batch 20 is small and scans are no matrix products


def recipe(precision: str, *, checkpointing: bool = True) -> Recipe:
    """The released recipe around random weights."""
    return Recipe(
        model=ModelConfig(),
        optim=OptimConfig(kind="adam", lr=1e-6, weight_decay=1e-4, checkpointing=checkpointing),
        loss=LossConfig(weights=(0.1, 0.9)),
        train=TrainConfig(precision=precision),
    )


def batch(size: int, seed: int) -> Batch:
    """Noise as loud as speech, both classes."""
    rng = np.random.default_rng(seed)
    waves = (0.1 * rng.standard_normal((size, SAMPLES))).astype(np.float32)
    return Batch(waves, np.arange(size, dtype=np.int64) % 2)


def operations() -> tuple[float, float]:
    """Of one clip: forward, and forward with backward, without recomputing. The scan's own few are not counted."""
    system = build(ModelConfig())
    wave = torch.from_numpy(batch(1, 0).waves)
    with FlopCounterMode(display=False) as counter:
        logits = system(wave)
        forward = counter.get_total_flops()
        logits.sum().backward()
    return float(forward), float(counter.get_total_flops())


def measure(precision: str, size: int, count: int) -> None:
    """Take steps and print what they cost."""
    chosen = recipe(precision)
    torch.manual_seed(0)
    steps = Steps(chosen, build(chosen.model), 100, make_accelerator(chosen, cpu=True))
    parameters = sum(p.numel() for p in steps.system.parameters())
    print(f"Fake-Mamba-L, {parameters / 1e6:.1f} M parameters, batch {size}, {SAMPLES} samples, {precision}, "
          f"{torch.get_num_threads()} threads", flush=True)  # fmt: skip
    for step in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        loss = steps.update(batch(size, step), step)
        print(f"step {step + 1}: {time.perf_counter() - wall:.1f} s, processor {time.process_time() - cpu:.1f} s, "
              f"loss {loss:.4f}, peak memory {steps.memory() / 1e9:.2f} GB", flush=True)  # fmt: skip


def estimate() -> None:
    """The released run on one H100, as a range."""
    forward, both = operations()
    print(f"operations a clip: forward {forward / 1e9:.0f} G, with backward {both / 1e9:.0f} G")
    epoch = TRAIN_CLIPS * both + DEV_CLIPS * forward
    for name, peak in PEAKS.items():
        slow, fast = (epoch / (peak * share) / 60 for share in SHARES)
        print(f"ESTIMATE, one H100, {name}, {SHARES[0]:.0%} to {SHARES[1]:.0%} of {peak / 1e12:.0f} TFLOP/s: "
              f"{fast:.1f} to {slow:.1f} min an epoch, {fast * EPOCHS / 60:.1f} to {slow * EPOCHS / 60:.1f} h "
              f"for {EPOCHS} epochs")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("precision", nargs="?", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    measure(options.precision, options.batch, options.steps)
    estimate()


if __name__ == "__main__":
    main()
