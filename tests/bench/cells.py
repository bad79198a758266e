"""Cells as a run would leave them, with numbers that can be checked by head."""

from typing import Any

from fakemamba.bench.plan import How
from fakemamba.bench.records import Cell, Reference, Timing


def made_timing(seconds: float = 4.0, *, rtf: float = 0.1, batch: int = 1, peak: float | None = 100.0) -> Timing:
    middle = 1e3 * rtf * seconds * batch
    return Timing(
        seconds=seconds, p5=0.9 * middle, p50=middle, p95=1.2 * middle, p99=1.5 * middle, mean=middle, calls=10,
        rtf=rtf, throughput=1 / rtf, load_s=1.5, peak_mb=peak,
    )  # fmt: skip


def made_cell(backend: str = "torch", seconds: float = 4.0, how: How = "pass", **changes: Any) -> Cell:
    rtf = changes.pop("rtf", 0.1)
    reference = Reference(
        backend="torch+reference", threads=2, timing=made_timing(seconds, rtf=1.0), ratio=1 / rtf, low=0.9 / rtf,
        high=1.1 / rtf, score_difference=1e-6,
    )  # fmt: skip
    fields: dict[str, Any] = {
        "model": "small", "random_weights": False, "backend": backend, "how": how, "seconds": seconds, "batch": 1,
        "threads": 2, "rounds": 5, "timing": made_timing(seconds, rtf=rtf), "scan": "cpu", "reference": reference,
        "stamp": "0" * 16, "versions": {"fakemamba": "0"},
    }  # fmt: skip
    return Cell(**{**fields, **changes})
