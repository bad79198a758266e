"""DET and ROC curves, ready to plot."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.metrics.pav import pav
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Flags, Floats, Tally, tally


@dataclass(frozen=True)
class Curve(Record):
    """Error rates over thresholds; an ROC plots 1 - p_miss over p_fa, a DET curve `probit` of both.

    Attributes:
        thresholds: (M,) ascending, +inf last: accept when score >= threshold.
        p_miss: (M,) rising from 0 to 1.
        p_fa: (M,) falling from 1 to 0.
    """

    thresholds: Floats
    p_miss: Floats
    p_fa: Floats


def curve(scores: ArrayLike, labels: ArrayLike, *, corners: bool = True) -> Curve:
    """Both error rates at every operating point.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        corners: leave out points on straight horizontal or vertical stretches; the drawn line is the same.
    """
    trials = tally(scores, labels)
    full = Curve(np.append(trials.scores, np.inf), trials.p_miss, trials.p_fa)
    if not corners:
        return full
    moves: Flags = np.stack([trials.bonafide > 0, trials.spoof > 0])  # (2, K): which rate each step changes
    turns = (moves[:, 1:] != moves[:, :-1]).any(axis=0) | (moves[0] & moves[1])[1:]
    keep = np.r_[True, turns, True]
    return Curve(full.thresholds[keep], full.p_miss[keep], full.p_fa[keep])


def hull(scores: ArrayLike, labels: ArrayLike) -> Curve:
    """The ROC convex hull: the operating points that are optimal for some cost (arguments as `curve`)."""
    trials = tally(scores, labels)
    blocks = pav(trials)
    edge = Tally(trials.scores[blocks.first], blocks.bonafide, blocks.spoof)
    return Curve(np.append(edge.scores, np.inf), edge.p_miss, edge.p_fa)


def probit(rates: ArrayLike) -> Floats:
    """Rates in (0, 1) on the axis of a DET plot, where Gaussian scores give straight lines; 0 and 1 become ±inf."""
    values = np.asarray(rates, dtype=np.float64)
    inverse = NormalDist().inv_cdf
    inside = [inverse(p) if 0 < p < 1 else np.copysign(np.inf, p - 0.5) for p in values.ravel().tolist()]
    return np.array(inside, dtype=np.float64).reshape(values.shape)
