"""What a measurement left: strict records, written as JSON and read back."""

from typing import Any, Literal

import numpy as np

from fakemamba.bench.plan import How, Point
from fakemamba.config import Frozen

FORMAT = 1


class Timing(Frozen):
    """One way to run a model at one size.

    Attributes:
        seconds: of each clip that it was given.
        p5, p50, p95, p99, mean: milliseconds of a call. calls: how many were measured, after warming up.
        rtf: the median over the audio's duration: below 1 is faster than the audio plays.
        throughput: seconds of audio in a second, over all calls.
        load_s: to open the model in a fresh process, imports included.
        peak_mb: the most memory of that process (10^6 bytes), gpu_peak_mb the GPU's; None where it is not told.
        joules: of the processor's package for a second of audio; None where the system does not tell.
    """

    seconds: float
    p5: float
    p50: float
    p95: float
    p99: float
    mean: float
    calls: int
    rtf: float
    throughput: float
    load_s: float
    peak_mb: float | None = None
    gpu_peak_mb: float | None = None
    joules: float | None = None


class Reference(Frozen):
    """What a cell is compared with: the plain implementation, in turns with it.

    Attributes:
        backend, threads: of the reference.
        timing: its own; on long recordings it may have been given less of them, so compare rtf, not milliseconds.
        ratio: how many times faster the cell is for a second of audio: median over the rounds; low, high: quartiles.
        score_difference: between their scores of the same clips, at most; None where they were given different ones.
    """

    backend: str
    threads: int
    timing: Timing
    ratio: float
    low: float
    high: float
    score_difference: float | None = None


class Cell(Frozen):
    """One back-end of one model at one size.

    Attributes:
        model: its name. random_weights: they cost what trained ones cost, and their scores mean nothing.
        backend: as on the command line; scan: the form of it that ran, None for a model without.
        parameters: of what was measured, None where that is not known.
        reference: None where the reference would have taken too long.
        stamp: of everything that would make it another measurement; versions: of what computed.
    """

    format: Literal[1] = 1
    model: str
    random_weights: bool
    backend: str
    how: How
    seconds: float
    batch: int
    threads: int
    rounds: int
    timing: Timing
    scan: str | None = None
    parameters: int | None = None
    reference: Reference | None = None
    stamp: str
    versions: dict[str, str]

    @property
    def point(self) -> Point:
        """Its size."""
        return Point(self.seconds, self.batch, self.threads, self.how)


class Skip(Frozen):
    """What was not measured, and why."""

    model: str
    backend: str
    size: str
    reason: str


def timing(
    milliseconds: list[float],
    *,
    seconds: float,
    batch: int,
    joules: float | None,
    facts: dict[str, Any],
) -> Timing:
    """Sum up the calls of one process.

    Args:
        milliseconds: of each call.
        seconds: of each clip. batch: clips a call.
        joules: of all calls together.
        facts: what the process says about itself: load_s, peak_mb, gpu_peak_mb.
    """
    p5, p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, [5, 50, 95, 99]))
    audio = seconds * batch
    return Timing(
        seconds=seconds,
        p5=_short(p5), p50=_short(p50), p95=_short(p95), p99=_short(p99), mean=_short(float(np.mean(milliseconds))),
        calls=len(milliseconds),
        rtf=_short(p50 / 1e3 / audio),
        throughput=_short(1e3 * audio * len(milliseconds) / sum(milliseconds)),
        joules=None if joules is None else _short(joules / (audio * len(milliseconds))),
        **facts,
    )  # fmt: skip


def compare(
    cell: list[list[float]], reference: list[list[float]], *, seconds: float, reference_seconds: float
) -> tuple[float, float, float]:
    """How many times faster than the reference, round by round: median and quartiles over the rounds.

    Args:
        cell, reference: milliseconds of each call, a list a round, the same rounds.
        seconds, reference_seconds: of the audio that each was given.
    """
    ratios = [
        (float(np.median(theirs)) / reference_seconds) / (float(np.median(ours)) / seconds)
        for ours, theirs in zip(cell, reference, strict=True)
    ]
    middle, low, high = (_short(float(value)) for value in np.percentile(ratios, [50, 25, 75]))
    return middle, low, high


def _short(value: float) -> float:
    """Five digits: more is noise."""
    return float(f"{value:.5g}")
