"""What the selective scan costs in each of its forms, and that its time grows linearly.

python benchmarks/scan.py [--threads 2] [--repeats 20] [--longest 30000] [--json FILE]
"""

import argparse
import importlib
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

FORMS = ("reference", "chunked", "cpu")
# Both directions of one block of Fake-Mamba over 4.175 s of speech.
BATCH, CHANNELS, STATES, STEPS = 2, 288, 16, 208


def inputs(steps: int, *, grad: bool) -> list[Tensor]:
    """u, delta, A, B, C, D, z, delta_bias as a mixer makes them."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    sequence, state = (BATCH, CHANNELS, steps), (BATCH, STATES, steps)
    values = [
        normal(*sequence), normal(*sequence) - 2, -torch.exp(normal(CHANNELS, STATES)), normal(*state), normal(*state),
        normal(CHANNELS), normal(*sequence), normal(CHANNELS),
    ]  # fmt: skip
    return [value.requires_grad_(grad) for value in values]


def call(form: str, values: list[Tensor], *, backward: bool) -> Callable[[], None]:
    """One run of a form; forward alone runs without autograd."""
    scan = importlib.import_module(f"fakemamba.scan.{form}").selective_scan

    def forward() -> None:
        with torch.inference_mode():
            scan(*values, delta_softplus=True)

    def both() -> None:
        scan(*values, delta_softplus=True).sum().backward()

    return both if backward else forward


def milliseconds(run: Callable[[], None], repeats: int) -> float:
    """The median of `repeats` runs after two that warm up (and compile)."""
    times = []
    for index in range(repeats + 2):
        start = time.perf_counter()
        run()
        if index >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def compare(repeats: int) -> list[dict[str, float | str]]:
    """Every form on one block's scan."""
    rows: list[dict[str, float | str]] = []
    for form in FORMS:
        row: dict[str, float | str] = {"form": form}
        for name, backward in (("forward_ms", False), ("both_ms", True)):
            row[name] = milliseconds(call(form, inputs(STEPS, grad=backward), backward=backward), repeats)
        rows.append(row)
    return rows


def growth(longest: int, repeats: int) -> list[dict[str, float]]:
    """The compiled form over ever longer clips."""
    rows: list[dict[str, float]] = []
    for steps in sorted({STEPS, math.isqrt(STEPS * longest), longest}):
        row = {"steps": float(steps)}
        for name, backward in (("forward", False), ("both", True)):
            spent = milliseconds(call("cpu", inputs(steps, grad=backward), backward=backward), max(3, repeats // 4))
            row[f"{name}_ms"], row[f"{name}_us_a_step"] = spent, spent / steps * 1e3
        rows.append(row)
    return rows


def main() -> None:
    """Print two tables; write them as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--longest", type=int, default=30_000, help="steps")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shape = f"batch {BATCH}, channels {CHANNELS}, states {STATES}"
    print(f"{shape}; {options.threads} threads; medians of {options.repeats}\n\n{STEPS} steps")
    print(f"{'form':<12}{'forward ms':>12}{'times':>8}{'forward + backward ms':>24}{'times':>8}")
    forms = compare(options.repeats)
    slowest = forms[0]
    for row in forms:
        forward, both = (float(slowest[key]) / float(row[key]) for key in ("forward_ms", "both_ms"))
        print(f"{row['form']:<12}{row['forward_ms']:>12.2f}{forward:>8.1f}{row['both_ms']:>24.2f}{both:>8.1f}")
    print(f"\ncpu\n{'steps':<12}{'forward ms':>12}{'us a step':>12}{'forward + backward ms':>24}{'us a step':>12}")
    lengths = growth(options.longest, options.repeats)
    for row in lengths:
        print(
            f"{row['steps']:<12.0f}{row['forward_ms']:>12.2f}{row['forward_us_a_step']:>12.2f}"
            f"{row['both_ms']:>24.2f}{row['both_us_a_step']:>12.2f}"
        )
    if options.json:
        machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__}
        record = {**machine, "threads": options.threads, "shape": shape, "forms": forms, "growth": lengths}
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
