"""Detection costs of a countermeasure alone, and how well its scores are calibrated.

    DCF(t) = C_miss (1 - P_spoof) P_miss(t) + C_fa P_spoof P_fa(t),  divided by the cost of the better constant answer

Defaults are those of ASVspoof 5 (P_spoof 0.05, C_miss 1, C_fa 10). `act_dcf`, `cllr` need scores that are natural
log-likelihood ratios; `min_dcf` and `min_cllr` need only their order.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.errors import DataError
from fakemamba.metrics.pav import pav
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Floats, Tally, tally


@dataclass(frozen=True)
class Prior(Record):
    """What is at stake: the share of spoofs expected and what the two errors cost."""

    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0

    def __post_init__(self) -> None:
        if not (0 < self.p_spoof < 1 and self.c_miss > 0 and self.c_fa > 0):
            raise DataError(f"a cost model needs 0 < p_spoof < 1 and positive costs, not {self}")

    @property
    def weight_miss(self) -> float:
        return self.c_miss * (1 - self.p_spoof)

    @property
    def weight_fa(self) -> float:
        return self.c_fa * self.p_spoof

    @property
    def threshold(self) -> float:
        """The log-likelihood ratio from which accepting costs less than rejecting."""
        return math.log(self.weight_fa / self.weight_miss)


ASVSPOOF5 = Prior()


@dataclass(frozen=True)
class Cost(Record):
    """A normalised cost (1 = no better than a constant answer) and its threshold (accept when score >= it)."""

    value: float
    threshold: float
    p_miss: float
    p_fa: float


def min_dcf(scores: ArrayLike, labels: ArrayLike, *, prior: Prior = ASVSPOOF5) -> Cost:
    """The least normalised DCF over all thresholds, "reject all" and "accept all" included.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        prior: priors and costs.
    """
    trials = tally(scores, labels)
    curve = _dcf_curve(trials, prior)
    point = int(np.argmin(curve))
    return Cost(float(curve[point]), trials.threshold(point), float(trials.p_miss[point]), float(trials.p_fa[point]))


def min_dcf_of(trials: Tally, prior: Prior = ASVSPOOF5) -> float:
    """`min_dcf` of a tally."""
    return float(_dcf_curve(trials, prior).min())


def act_dcf(scores: ArrayLike, labels: ArrayLike, *, prior: Prior = ASVSPOOF5) -> Cost:
    """The normalised DCF at the threshold that is right for calibrated log-likelihood ratios (arguments as above)."""
    trials = tally(scores, labels)
    point = int(np.searchsorted(trials.scores, prior.threshold))
    p_miss, p_fa = float(trials.p_miss[point]), float(trials.p_fa[point])
    return Cost(act_dcf_of(trials, prior), prior.threshold, p_miss, p_fa)


def act_dcf_of(trials: Tally, prior: Prior = ASVSPOOF5) -> float:
    """`act_dcf` of a tally."""
    return float(_dcf_curve(trials, prior)[np.searchsorted(trials.scores, prior.threshold)])


def _dcf_curve(trials: Tally, prior: Prior) -> Floats:
    """(K + 1,) normalised cost at each operating point."""
    curve = prior.weight_miss * trials.p_miss + prior.weight_fa * trials.p_fa
    return curve / min(prior.weight_miss, prior.weight_fa)


def cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """Cost of the log-likelihood ratio in bits (Brümmer 2006): 0 perfect, 1 no information, above 1 misleading."""
    return cllr_of(tally(scores, labels))


def cllr_of(trials: Tally) -> float:
    """`cllr` of a tally."""
    bonafide = np.dot(trials.bonafide, np.logaddexp(0, -trials.scores)) / trials.n_bonafide
    spoof = np.dot(trials.spoof, np.logaddexp(0, trials.scores)) / trials.n_spoof
    return float(bonafide + spoof) / (2 * math.log(2))


def min_cllr(scores: ArrayLike, labels: ArrayLike) -> float:
    """`cllr` after the best monotone recalibration (pool adjacent violators), in bits."""
    return min_cllr_of(tally(scores, labels))


def min_cllr_of(trials: Tally) -> float:
    """`min_cllr` of a tally."""
    blocks = pav(trials)
    llr = blocks.llr
    genuine, fake = blocks.bonafide > 0, blocks.spoof > 0  # an absent class would count 0 times infinity
    bonafide = np.dot(blocks.bonafide[genuine], np.logaddexp(0, -llr[genuine])) / trials.n_bonafide
    spoof = np.dot(blocks.spoof[fake], np.logaddexp(0, llr[fake])) / trials.n_spoof
    return float(bonafide + spoof) / (2 * math.log(2))
