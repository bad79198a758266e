"""Equal error rates and the area under the ROC curve.

Three equal error rates, because published numbers use three:

    eer           the default: the challenge's, with ties honoured
    eer_hull      on the ROC convex hull; never above 50 %, what the best monotone recalibration would give
    eer_official  the challenge's algorithm, kept for comparison; wrong under ties (constant scores give 100 %)
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.metrics.pav import pav
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Tally, check_trials, tally


@dataclass(frozen=True)
class Eer(Record):
    """An equal error rate.

    Attributes:
        value: a fraction in [0, 1] (0.067 = 6.7 %).
        threshold: accept when score >= threshold (the official algorithm: its own threshold, a rejected score).
        n_bonafide: bona fide trials.
        n_spoof: spoofed trials.
        method: which of the three definitions.
    """

    value: float
    threshold: float
    n_bonafide: int
    n_spoof: int
    method: Literal["ties", "hull", "official"]


def eer(scores: ArrayLike, labels: ArrayLike) -> Eer:
    """The tie-aware equal error rate.

    Trials are rejected one after another from the lowest score up, and the answer is the mean of both error rates at
    the step where they are closest (of two equally close, the mean), as in the challenge. Tied trials have no order:
    their step has the rates to be expected if the order is drawn at random, which is the straight line of the ROC
    through the group. So constant scores give exactly 50 %, no order of the input matters, and without ties across
    classes the number is the challenge's own.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.

    Raises:
        DataError: see `tally`.
    """
    trials = tally(scores, labels)
    value, point = _crossing(trials)
    return Eer(value, trials.threshold(point), trials.n_bonafide, trials.n_spoof, "ties")


def eer_of(trials: Tally) -> float:
    """`eer` of a tally, as a fraction."""
    return _crossing(trials)[0]


def _crossing(trials: Tally) -> tuple[float, int]:
    """The equal error rate and the operating point nearest to it."""
    n_bonafide, n_spoof = trials.n_bonafide, trials.n_spoof
    # Exact integers: gap[k] = n_bonafide n_spoof (P_miss - P_fa), rising from -n_bonafide n_spoof to its opposite.
    gap = trials.misses * n_spoof - trials.false_alarms * n_bonafide
    right = int(np.searchsorted(gap, 0))
    left = right - 1  # the rates cross within this group
    below, above = -int(gap[left]), int(gap[right])
    share = _nearest_step(below, above, _steps(trials, left))
    misses = trials.misses[left] + share * trials.bonafide[left]
    alarms = trials.false_alarms[left] - share * trials.spoof[left]
    return float(misses / n_bonafide + alarms / n_spoof) / 2, left if below <= above else right


def _steps(trials: Tally, group: int) -> int:
    """How many trials a group holds, if the whole list is not just a smaller one repeated."""
    size = int(trials.bonafide[group] + trials.spoof[group])
    if math.gcd(int(trials.bonafide[group]), int(trials.spoof[group])) == 1:
        return size
    return size // math.gcd(int(np.gcd.reduce(trials.bonafide)), int(np.gcd.reduce(trials.spoof)))


def _nearest_step(below: int, above: int, steps: int) -> float:
    """Of `steps` equal steps from -below to above, the share done where the gap is least; halfway between equals."""
    done, rest = divmod(below * steps, below + above)
    twice = 2 * rest
    if twice == below + above:
        return (done + 0.5) / steps
    return (done + (twice > below + above)) / steps


def eer_hull(scores: ArrayLike, labels: ArrayLike) -> Eer:
    """The equal error rate on the ROC convex hull (arguments and errors as `eer`)."""
    trials = tally(scores, labels)
    value, point = _hull_crossing(trials)
    return Eer(value, trials.threshold(point), trials.n_bonafide, trials.n_spoof, "hull")


def eer_hull_of(trials: Tally) -> float:
    """`eer_hull` of a tally, as a fraction."""
    return _hull_crossing(trials)[0]


def _hull_crossing(trials: Tally) -> tuple[float, int]:
    """Where the hull's edge, one block of the isotonic fit, crosses P_miss = P_fa."""
    blocks = pav(trials)
    hull = Tally(trials.scores[blocks.first], blocks.bonafide, blocks.spoof)
    gap = hull.misses * hull.n_spoof - hull.false_alarms * hull.n_bonafide
    right = int(np.searchsorted(gap, 0))
    share = -int(gap[right - 1]) / int(gap[right] - gap[right - 1])
    step = hull.misses[right] - hull.misses[right - 1]
    return float(hull.misses[right - 1] + share * step) / hull.n_bonafide, int(blocks.first[right - 1])


def eer_official(scores: ArrayLike, labels: ArrayLike) -> Eer:
    """The algorithm of the ASVspoof packages: stable sort, the first point of least |FRR - FAR|, mean of both.

    It walks trial by trial, bona fide before spoof among equal scores, and so depends on ties; use it only to meet
    published numbers. `threshold` is the highest rejected score (arguments and errors as `eer`).
    """
    values, genuine = check_trials(scores, labels)
    ordered = np.concatenate([values[genuine], values[~genuine]])
    kind = np.arange(len(ordered)) < np.count_nonzero(genuine)
    order = np.argsort(ordered, kind="stable")
    n_bonafide, n_spoof = int(genuine.sum()), int((~genuine).sum())
    frr = np.r_[0, np.cumsum(kind[order])] / n_bonafide
    far = (n_spoof - np.r_[0, np.cumsum(~kind[order])]) / n_spoof
    point = int(np.argmin(np.abs(frr - far)))
    threshold = ordered[order[point - 1]] if point else ordered[order[0]] - 0.001
    return Eer(float(frr[point] + far[point]) / 2, float(threshold), n_bonafide, n_spoof, "official")


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve: how often a bona fide trial scores above a spoofed one, ties counted half."""
    return auc_of(tally(scores, labels))


def auc_of(trials: Tally) -> float:
    """`auc` of a tally."""
    below = trials.n_spoof - trials.false_alarms[:-1]  # spoofed trials strictly below each score
    wins = np.dot(trials.bonafide, below + trials.spoof / 2)
    return float(wins / trials.n_bonafide / trials.n_spoof)
