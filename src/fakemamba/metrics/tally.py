"""Scored trials, sorted and counted once: the ground that every rate and cost stands on.

One convention for the whole package: `scores` (n,) higher = more genuine, `labels` (n,) 1 = bona fide,
0 = spoof; a trial is accepted as bona fide when its score >= threshold. Trials of equal score cannot be told
apart by any threshold, so they are one group here and move together:

    unique scores      s0    s1    s2   ...  s(K-1)
    operating points  0     1     2   ...        K        point k rejects every score below s(k); point K rejects all
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import DataError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Tally:
    """How many trials of each class share each score.

    Attributes:
        scores: (K,) ascending, unique.
        bonafide: (K,) bona fide trials at that score; resampling may leave zeros.
        spoof: (K,) spoofed trials at that score.
    """

    scores: Floats
    bonafide: Counts
    spoof: Counts

    @cached_property
    def misses(self) -> Counts:
        """(K + 1,) bona fide trials rejected at each operating point, 0 first."""
        return _running(self.bonafide)

    @cached_property
    def false_alarms(self) -> Counts:
        """(K + 1,) spoofed trials accepted at each operating point, all first."""
        rejected = _running(self.spoof)
        accepted: Counts = rejected[-1] - rejected
        return accepted

    @property
    def n_bonafide(self) -> int:
        return int(self.misses[-1])

    @property
    def n_spoof(self) -> int:
        return int(self.false_alarms[0])

    @property
    def p_miss(self) -> Floats:
        """(K + 1,) miss rate (FRR, BPCER) at each operating point, rising from 0 to 1."""
        return self.misses / self.n_bonafide

    @property
    def p_fa(self) -> Floats:
        """(K + 1,) false-alarm rate (FAR, APCER) at each operating point, falling from 1 to 0."""
        return self.false_alarms / self.n_spoof

    def threshold(self, point: int) -> float:
        """The threshold of an operating point: the lowest accepted score, +inf where all are rejected."""
        return float(self.scores[point]) if point < len(self.scores) else float("inf")


def tally(scores: ArrayLike, labels: ArrayLike) -> Tally:
    """Sort and count trials.

    Args:
        scores: (n,) finite numbers, higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof (or booleans).

    Raises:
        DataError: lengths differ, a score is not finite, a label is neither 0 nor 1, or a class is missing.
    """
    values, genuine = check_trials(scores, labels)
    unique, position = np.unique(values, return_inverse=True)
    return count(unique, position[genuine], position[~genuine])


def count(unique: Floats, bonafide: NDArray[Any], spoof: NDArray[Any]) -> Tally:
    """A tally from each trial's position among the unique scores."""
    size = len(unique)
    return Tally(unique, np.bincount(bonafide, minlength=size), np.bincount(spoof, minlength=size))


def check_trials(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Flags]:
    """Scores as float64 (n,) and labels as booleans (n,), both classes present; DataError otherwise."""
    values = check_scores(scores)
    codes = np.asarray(labels)
    if codes.shape != values.shape:
        raise DataError(f"{values.size} scores but labels of shape {codes.shape}: give one label per score")
    if codes.dtype.kind not in "biuf" or not np.isin(codes, (0, 1)).all():
        raise DataError("labels must be 1 (bona fide) or 0 (spoof)")
    genuine = codes.astype(bool)
    for name, present in (("bona fide", genuine.any()), ("spoofed", not genuine.all())):
        if not present:
            raise DataError(f"no {name} trial among {values.size}: error rates need both classes")
    return values, genuine


def check_scores(scores: ArrayLike) -> Floats:
    """Scores as float64 (n,), finite; DataError otherwise."""
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"scores must be numbers: {error}") from error
    if values.ndim != 1:
        raise DataError(f"scores must have the shape (n,), not {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise DataError(f"{bad.size} of {values.size} scores are not finite (first at {bad[0]}: {values[bad[0]]})")
    return values


def _running(counts: Counts) -> Counts:
    """(K,) counts -> (K + 1,) running sums that start with 0."""
    total = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=total[1:])
    return total
