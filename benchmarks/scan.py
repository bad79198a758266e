"""What both directions of the selective scan cost in each form, beside the floor: a copy of the bytes that must move.

python benchmarks/scan.py [--threads 2] [--repeats 20] [--longest 30000] [--json FILE]
python benchmarks/scan.py --device cuda [--batch 64] [--dtype bfloat16]

The bytes are those of the inputs and results, each once; for the gradients also those of the inputs again, of the
result's gradient and of each sequence's. What a form keeps for itself is not counted, so that it can be seen.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from fakemamba.paper.forms import chosen, forms_here
from fakemamba.paper.machine import machine, words
from fakemamba.scan import bidirectional_scan

# One block of Fake-Mamba-L over 4.175 s of speech.
CHANNELS, STATES, STEPS = 288, 16, 208
HIDDEN = 2_000_000  # cycles that a GPU waits while calls are queued: about a millisecond


class Bench:
    """One size on one device; sequences in `dtype`, parameters in float32."""

    def __init__(self, device: str, batch: int, dtype: torch.dtype, repeats: int) -> None:
        self.device, self.batch, self.dtype, self.repeats = device, batch, dtype, repeats

    def inputs(self, steps: int, *, grad: bool) -> list[Tensor]:
        """u, delta, A, B, C, D, z, delta_bias, laid out as a mixer's products leave them."""
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        def sequence(*rows: int, low: float = 0.0) -> Tensor:
            return (normal(*rows[:-1], steps, rows[-1]) + low).to(self.device, self.dtype).transpose(-1, -2)

        decay, skip, bias = -torch.exp(normal(CHANNELS, STATES)), normal(CHANNELS), normal(CHANNELS)
        values = [
            sequence(2, self.batch, CHANNELS), sequence(2, self.batch, CHANNELS, low=-2), decay.to(self.device),
            sequence(2, self.batch, STATES), sequence(2, self.batch, STATES), skip.to(self.device),
            sequence(self.batch, CHANNELS), bias.to(self.device),
        ]  # fmt: skip
        return [value.requires_grad_(grad) for value in values]

    def bytes(self, steps: int, *, backward: bool) -> int:
        """What must move at least."""
        values = self.inputs(steps, grad=False)
        result = values[6].numel() * values[6].element_size()
        given = sum(value.numel() * value.element_size() for value in values)
        return 3 * given + 2 * result if backward else given + result

    def scan(self, form: str, steps: int, *, backward: bool) -> float:
        """Milliseconds of a form; forward alone runs without autograd."""
        values, upstream = self.inputs(steps, grad=backward), self.inputs(steps, grad=False)[6]

        def forward() -> None:
            with torch.inference_mode():
                bidirectional_scan(*values)

        def both() -> None:
            torch.autograd.grad(bidirectional_scan(*values), values, upstream)

        with chosen(form):
            return self.milliseconds(both if backward else forward)

    def floor(self, count: int) -> float:
        """Milliseconds of a copy that reads and writes `count` bytes together."""
        source = torch.zeros(count // 8, dtype=torch.float32, device=self.device)
        target = torch.empty_like(source)
        return self.milliseconds(lambda: target.copy_(source))

    def milliseconds(self, run: Callable[[], object]) -> float:
        """The median of the runs after two that warm up (and compile)."""
        timed = self._on_gpu if self.device == "cuda" else self._on_cpu
        return statistics.median([timed(run) for _ in range(self.repeats + 2)][2:])

    @staticmethod
    def _on_cpu(run: Callable[[], object]) -> float:
        start = time.perf_counter()
        run()
        return (time.perf_counter() - start) * 1e3

    @staticmethod
    def _on_gpu(run: Callable[[], object]) -> float:
        """By the GPU's clock; it waits before, so that it counts what it computes and not Python's launching."""
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(HIDDEN)
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end)


def compare(bench: Bench, forms: tuple[str, ...]) -> list[dict[str, float | str]]:
    """Every form on one block, forward and with gradients."""
    rows: list[dict[str, float | str]] = []
    for backward in (False, True):
        count = bench.bytes(STEPS, backward=backward)
        floor = bench.floor(count)
        what = "forward + backward" if backward else "forward"
        print(f"\n{what}: {count / 1e6:.2f} MB must move; copied in {floor:.4f} ms, {count / floor / 1e6:.1f} GB/s")
        print(f"{'form':<12}{'ms':>12}{'times':>10}{'GB/s':>10}{'x floor':>10}")
        slowest = None
        for form in forms:
            spent = bench.scan(form, STEPS, backward=backward)
            slowest = slowest or spent
            row = {"times": slowest / spent, "gb_s": count / spent / 1e6, "times_floor": spent / floor}
            print(f"{form:<12}{spent:>12.4f}" + "".join(f"{value:>10.2f}" for value in row.values()), flush=True)
            rows.append({"form": form, "what": what, "bytes": count, "floor_ms": floor, "ms": spent, **row})
    return rows


def growth(bench: Bench, form: str, longest: int) -> list[dict[str, float]]:
    """The fastest form over ever longer clips."""
    print(f"\n{form}\n{'steps':<12}{'forward ms':>12}{'us a step':>12}{'forward + backward ms':>24}{'us a step':>12}")
    rows: list[dict[str, float]] = []
    bench = Bench(bench.device, bench.batch, bench.dtype, max(3, bench.repeats // 4))
    for steps in sorted({STEPS, math.isqrt(STEPS * longest), longest}):
        forward, both = (bench.scan(form, steps, backward=backward) for backward in (False, True))
        row = {"steps": float(steps), "forward_ms": forward, "both_ms": both}
        row |= {"forward_us_a_step": forward / steps * 1e3, "both_us_a_step": both / steps * 1e3}
        print(
            f"{steps:<12}{forward:>12.2f}{row['forward_us_a_step']:>12.2f}{both:>24.2f}{row['both_us_a_step']:>12.2f}"
        )
        rows.append(row)
    return rows


def main() -> None:
    """Print the tables; write them as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch", type=int, help="clips at once (1; on a GPU 64, more than its cache holds)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32", help="of sequences")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--longest", type=int, default=30_000, help="steps, for one clip; 0: no growth")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no GPU (fakemamba doctor says more)")
    torch.set_num_threads(options.threads)
    batch = options.batch or (64 if options.device == "cuda" else 1)
    bench = Bench(options.device, batch, getattr(torch, options.dtype), options.repeats)
    shape = f"{batch} clips, both directions, {STEPS} steps, {CHANNELS} channels, {STATES} states, {options.dtype}"
    facts = machine(options.device)
    print(f"{words(facts)}; medians of {options.repeats}\n{shape}")
    forms = compare(bench, forms_here(options.device))
    single = Bench(options.device, 1, bench.dtype, options.repeats)
    fastest = min((row for row in forms if row["what"] == "forward"), key=lambda row: float(row["ms"]))
    lengths = growth(single, str(fastest["form"]), options.longest) if options.longest else []
    if options.json:
        record = {**facts, "shape": shape, "forms": forms, "growth": lengths}
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
