"""How long something takes: warm-up, repeats, percentiles; on a GPU up to the last kernel."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fakemamba.metrics.records import Record


@dataclass(frozen=True)
class Times(Record):
    """Milliseconds of repeated calls.

    Attributes:
        p5, median, p95, mean: over the repeats. warmup, repeats: calls before, and measured.
    """

    p5: float
    median: float
    p95: float
    mean: float
    warmup: int
    repeats: int


def measure(call: Callable[[], object], *, warmup: int, repeats: int, device: str) -> Times:
    """Call it `warmup` times, then `repeats` times by the clock; on "cuda" each waits for the device."""
    import torch

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    taken = []
    for number in range(warmup + repeats):
        wait()
        begin = time.perf_counter()
        call()
        wait()
        if number >= warmup:
            taken.append(1e3 * (time.perf_counter() - begin))
    p5, median, p95 = (round(float(value), 4) for value in np.percentile(taken, [5, 50, 95]))
    return Times(p5, median, p95, round(float(np.mean(taken)), 4), warmup, repeats)
