"""A countermeasure (CM) in front of a speaker verifier (ASV): t-DCF, a-DCF and t-EER.

Here labels have three codes: 1 = target, 2 = non-target (both bona fide speech), 0 = spoof. The letters:

    P_miss, P_fa           the CM: bona fide rejected, spoof accepted, at a CM threshold
    Q_miss, Q_fa, Q_spoof  the ASV at its own threshold: target rejected, non-target accepted, spoof accepted

Sources: Kinnunen et al., "Tandem Assessment of Spoofing Countermeasures and ASV: Fundamentals" (TASLP 2020);
Shim et al., "a-DCF" (Odyssey 2024); Kinnunen et al., "t-EER" (TPAMI 2023); the ASVspoof 2019, 2021, 5 plans.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import DataError
from fakemamba.metrics.rates import eer_official
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Floats, check_scores, tally

SPOOF, TARGET, NONTARGET = 0, 1, 2


@dataclass(frozen=True)
class TandemCosts(Record):
    """Priors of the three kinds of trial and what each error costs (defaults: ASVspoof 2019, 2021 and 5).

    Attributes:
        c_miss: rejecting a target. c_fa: accepting a non-target. c_fa_spoof: accepting a spoof (2019: the CM
            letting one through).
    """

    p_target: float = 0.9405
    p_nontarget: float = 0.0095
    p_spoof: float = 0.05
    c_miss: float = 1.0
    c_fa: float = 10.0
    c_fa_spoof: float = 10.0

    def __post_init__(self) -> None:
        priors = (self.p_target, self.p_nontarget, self.p_spoof)
        if min(priors) < 0 or abs(sum(priors) - 1) > 1e-9 or min(self.c_miss, self.c_fa, self.c_fa_spoof) <= 0:
            raise DataError(f"tandem costs need priors that sum to 1 and positive costs, not {self}")


ASVSPOOF = TandemCosts()


@dataclass(frozen=True)
class AsvRates(Record):
    """A speaker verifier at one threshold, as fractions; `threshold` is None where only the rates are known."""

    p_miss: float
    p_fa: float
    p_fa_spoof: float
    threshold: float | None = None


# The ASVspoof 5 organisers' fixed verifier: min t-DCF of that challenge uses these rates for every system.
ASVSPOOF5_ASV = AsvRates(0.01880141010575793, 0.01881016557566423, 0.4607082907604729)


@dataclass(frozen=True)
class TandemCost(Record):
    """A normalised tandem cost at its best CM (a-DCF: joint) threshold; 1 = no better than a constant answer."""

    value: float
    threshold: float
    form: Literal["t-DCF 2019", "t-DCF 2021", "a-DCF"]


@dataclass(frozen=True)
class TandemEer(Record):
    """The concurrent tandem equal error rate and the pair of thresholds that reaches it."""

    value: float
    cm_threshold: float
    asv_threshold: float


def asv_rates(scores: ArrayLike, labels: ArrayLike, *, threshold: float | None = None) -> AsvRates:
    """A verifier's error rates, by default at the equal-error threshold of target against non-target.

    Args:
        scores: (n,) verification scores, higher = more likely the same speaker.
        labels: (n,) 1 = target, 2 = non-target, 0 = spoof.
        threshold: accept from this score on; None takes the challenge's own (`eer_official`).
    """
    values, codes = _check(scores, labels)
    genuine = codes != SPOOF
    if threshold is None:
        threshold = eer_official(values[genuine], codes[genuine] == TARGET).threshold
    accepted = values >= threshold
    miss = float((~accepted[codes == TARGET]).mean())
    nontarget, spoof = (float(accepted[codes == code].mean()) for code in (NONTARGET, SPOOF))
    return AsvRates(miss, nontarget, spoof, threshold)


def min_tdcf(scores: ArrayLike, labels: ArrayLike, asv: AsvRates, *, costs: TandemCosts = ASVSPOOF) -> TandemCost:
    """Minimum normalised t-DCF in the form of ASVspoof 2021 and 5: C0 + C1 P_miss + C2 P_fa.

    Args:
        scores: (n,) of the countermeasure, higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof (2 = non-target counts as bona fide).
        asv: the fixed verifier.
        costs: priors and costs.
    """
    c0 = costs.p_target * costs.c_miss * asv.p_miss + costs.p_nontarget * costs.c_fa * asv.p_fa
    c1 = costs.p_target * costs.c_miss - c0
    return _min_tdcf(scores, labels, (c0, c1, costs.p_spoof * costs.c_fa_spoof * asv.p_fa_spoof), "t-DCF 2021")


def min_tdcf_2019(scores: ArrayLike, labels: ArrayLike, asv: AsvRates, *, costs: TandemCosts = ASVSPOOF) -> TandemCost:
    """Minimum normalised t-DCF in the form of ASVspoof 2019: C1 P_miss + C2 P_fa (arguments as `min_tdcf`)."""
    c1 = costs.p_target * costs.c_miss * (1 - asv.p_miss) - costs.p_nontarget * costs.c_fa * asv.p_fa
    return _min_tdcf(scores, labels, (0.0, c1, costs.p_spoof * costs.c_fa_spoof * asv.p_fa_spoof), "t-DCF 2019")


def _min_tdcf(
    scores: ArrayLike, labels: ArrayLike, weights: tuple[float, float, float], form: Literal["t-DCF 2019", "t-DCF 2021"]
) -> TandemCost:
    c0, c1, c2 = weights
    if c1 <= 0 or c2 <= 0:
        raise DataError(
            f"{form} is undefined for this verifier (C1 {c1:.4g}, C2 {c2:.4g}): its error rates are unusable"
        )
    trials = tally(scores, np.asarray(labels) != SPOOF)
    cost = (c0 + c1 * trials.p_miss + c2 * trials.p_fa) / (c0 + min(c1, c2))
    point = int(np.argmin(cost))
    return TandemCost(float(cost[point]), trials.threshold(point), form)


def min_adcf(scores: ArrayLike, labels: ArrayLike, *, costs: TandemCosts = ASVSPOOF) -> TandemCost:
    """Minimum normalised a-DCF of one score that answers both questions at once.

    Args:
        scores: (n,) higher = more likely the claimed, living speaker.
        labels: (n,) 1 = target, 2 = non-target, 0 = spoof.
        costs: priors and costs.
    """
    thresholds, (miss, fa, fa_spoof) = _three_curves(scores, labels)
    weights = (costs.p_target * costs.c_miss, costs.p_nontarget * costs.c_fa, costs.p_spoof * costs.c_fa_spoof)
    cost = (weights[0] * miss + weights[1] * fa + weights[2] * fa_spoof) / min(weights[0], weights[1] + weights[2])
    point = int(np.argmin(cost))
    return TandemCost(float(cost[point]), float(thresholds[point]), "a-DCF")


def teer(cm_scores: ArrayLike, asv_scores: ArrayLike, labels: ArrayLike, *, rho: float = 0.5) -> TandemEer:
    """Concurrent tandem equal error rate: misses, non-target and spoof acceptances of the tandem all equal.

    For each ASV threshold the CM threshold is taken where the tandem's misses meet its acceptances (a share `rho`
    of them spoofs); along this path the point is sought where (Q_fa / Q_spoof) meets P_fa / (1 - P_miss), that is,
    where both kinds of acceptance are equal. In the limit rho does not matter; on finite data it moves the third
    digit (ASVspoof 5's numbers go with 0.5).

    Args:
        cm_scores: (n,) of the countermeasure.
        asv_scores: (n,) of the verifier, same trials.
        labels: (n,) 1 = target, 2 = non-target, 0 = spoof.
        rho: share of spoofs among impostors, strictly between 0 and 1.
    """
    if not 0 < rho < 1:
        raise DataError(f"rho is a share strictly between 0 and 1, not {rho}")
    asv_thresholds, asv = _three_curves(asv_scores, labels)
    trials = tally(cm_scores, np.asarray(labels) != SPOOF)
    cm = (trials.p_miss, trials.p_fa)
    allowed = np.flatnonzero(asv[0] < (1 - rho) * asv[1] + rho * asv[2])  # the ASV alone still accepts too much
    q_miss, q_fa, q_spoof = (rate[allowed] for rate in asv)
    point = _meeting(cm, (q_miss, q_fa, q_spoof), rho)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(q_fa / q_spoof - cm[1][point] / (1 - cm[0][point]))
    best = int(np.nanargmin(distance))
    value = float(q_spoof[best] * cm[1][point[best]])
    return TandemEer(value, trials.threshold(int(point[best])), float(asv_thresholds[allowed[best]]))


def _meeting(cm: tuple[Floats, Floats], asv: tuple[Floats, Floats, Floats], rho: float) -> NDArray[np.intp]:
    """For each ASV point the CM point of least |misses - acceptances|; the gap rises with the CM threshold: bisect."""
    p_miss, p_fa = cm
    q_miss, q_fa, q_spoof = asv

    def gap(k: NDArray[np.intp]) -> Floats:
        passed = 1 - p_miss[k]
        accepted = (1 - rho) * passed * q_fa + rho * p_fa[k] * q_spoof
        difference: Floats = p_miss[k] + passed * q_miss - accepted
        return difference

    low = np.zeros(len(q_miss), dtype=np.intp)
    high = np.full(len(q_miss), len(p_miss) - 1, dtype=np.intp)
    while (low < high).any():
        middle = (low + high) // 2
        met = gap(middle) >= 0
        high, low = np.where(met, middle, high), np.where(met, low, np.minimum(middle + 1, high))
    before = np.maximum(low - 1, 0)
    return np.where(np.abs(gap(before)) <= np.abs(gap(low)), before, low)


def _three_curves(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """(K + 1,) thresholds and the target-miss, non-target and spoof acceptance rates at each operating point."""
    values, codes = _check(scores, labels)
    unique = np.unique(values)
    below = [np.append(np.searchsorted(np.sort(values[codes == c]), unique), (codes == c).sum()) for c in range(3)]
    rejected = [counts / counts[-1] for counts in below]
    return np.append(unique, np.inf), (rejected[TARGET], 1 - rejected[NONTARGET], 1 - rejected[SPOOF])


def _check(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Scores (n,) and codes (n,), all three kinds of trial present."""
    values = check_scores(scores)
    codes = np.asarray(labels)
    if codes.shape != values.shape or not np.isin(codes, (SPOOF, TARGET, NONTARGET)).all():
        raise DataError("tandem labels must be one per score: 1 = target, 2 = non-target, 0 = spoof")
    for code, name in ((TARGET, "target"), (NONTARGET, "non-target"), (SPOOF, "spoof")):
        if not (codes == code).any():
            raise DataError(f"no {name} trial: tandem metrics need target, non-target and spoofed trials")
    return values, codes.astype(np.int64)
