"""How sure is a number? Percentile bootstrap, by class or by speaker, and the paired comparison of two systems.

The scores are sorted once; a resample is only a new count per unique score, so that 1000 resamples of 71 000 trials
take seconds. Trials of one speaker are not independent: give `clusters` whenever the speakers are known.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import DataError
from fakemamba.metrics.costs import act_dcf_of, cllr_of, min_cllr_of, min_dcf_of
from fakemamba.metrics.rates import auc_of, eer_hull_of, eer_of
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Floats, Tally, check_scores, check_trials

Metric = Callable[[Tally], float]
MetricName = Literal["eer", "eer_hull", "auc", "min_dcf", "act_dcf", "cllr", "min_cllr"]
METRICS: dict[str, Metric] = {
    "eer": eer_of,
    "eer_hull": eer_hull_of,
    "auc": auc_of,
    "min_dcf": min_dcf_of,
    "act_dcf": act_dcf_of,
    "cllr": cllr_of,
    "min_cllr": min_cllr_of,
}

Weights = NDArray[np.int64]


@dataclass(frozen=True)
class Interval(Record):
    """A metric with its bootstrap interval; `clusters` is None where trials were drawn singly."""

    value: float
    low: float
    high: float
    level: float
    resamples: int
    clusters: int | None


@dataclass(frozen=True)
class Comparison(Record):
    """Two systems on the same trials.

    Attributes:
        first, second: the metric of each.
        difference: first - second, with its interval `low` to `high`.
        p_value: two-sided bootstrap p-value of "no difference"; at least 2 / (resamples + 1).
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    level: float
    resamples: int
    clusters: int | None


def interval(
    scores: ArrayLike,
    labels: ArrayLike,
    metric: MetricName | Metric = "eer",
    *,
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """Percentile bootstrap interval of a metric.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        metric: a name of `METRICS` or a function of a `Tally`.
        clusters: (n,) speaker (or session) of each trial; whole clusters are then drawn, stratified by whether they
            hold bona fide trials, spoofs or both. Without it trials are drawn, stratified by class.
        resamples: how many.
        level: coverage, 0.95 = 95 %.
        rng: a generator or a seed.

    Raises:
        DataError: an unknown metric, a bad level or number, or see `tally`.
    """
    settings: dict[str, Any] = {"clusters": clusters, "resamples": resamples, "level": level, "rng": rng}
    (found,) = intervals(scores, labels, [metric], **settings)
    return found


def intervals(
    scores: ArrayLike,
    labels: ArrayLike,
    metrics: Sequence[MetricName | Metric],
    *,
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[Interval, ...]:
    """`interval` for several metrics at once, all on the same resamples, which are drawn only once."""
    values, genuine = check_trials(scores, labels)
    measures = [_metric(metric) for metric in metrics]
    _check_plan(resamples, level)
    system = _Sorted.of(values, genuine)
    plan = _Plan.of(genuine, clusters)
    drawn = np.array(
        [[measure(tally) for measure in measures] for tally in map(system.weighted, plan.draw(resamples, rng))]
    )  # (resamples, metrics)
    whole = system.weighted(np.ones(len(values), dtype=np.int64))
    return tuple(
        Interval(measure(whole), *_percentiles(drawn[:, k], level), level, resamples, plan.clusters)
        for k, measure in enumerate(measures)
    )


def compare(
    first: ArrayLike,
    second: ArrayLike,
    labels: ArrayLike,
    metric: MetricName | Metric = "eer",
    *,
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> Comparison:
    """Paired bootstrap of the difference of two systems: both are measured on the same resamples.

    Args:
        first, second: (n,) scores of the two systems for the same trials in the same order.
        labels, metric, clusters, resamples, level, rng: as in `interval`.
    """
    (pair,) = compare_all(
        [first, second], labels, metric, clusters=clusters, resamples=resamples, level=level, rng=rng
    ).values()
    return pair


def compare_all(
    systems: Sequence[ArrayLike],
    labels: ArrayLike,
    metric: MetricName | Metric = "eer",
    *,
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> dict[tuple[int, int], Comparison]:
    """`compare` for every pair (i, j), i < j, of two or more systems, all measured on the same resamples.

    The p-values are each pair's own; `holm` corrects them for their number.
    """
    if len(systems) < 2:
        raise DataError(f"a comparison needs at least two systems, not {len(systems)}")
    measure = _metric(metric)
    _check_plan(resamples, level)
    checked = [check_trials(scores, labels) for scores in systems]
    genuine = checked[0][1]
    ordered = [_Sorted.of(values, genuine) for values, _ in checked]
    plan = _Plan.of(genuine, clusters)
    drawn = np.array(
        [[measure(system.weighted(weights)) for system in ordered] for weights in plan.draw(resamples, rng)]
    )  # (resamples, systems)
    ones = np.ones(len(genuine), dtype=np.int64)
    whole = [measure(system.weighted(ones)) for system in ordered]
    found = {}
    for i, j in combinations(range(len(systems)), 2):
        differences = drawn[:, i] - drawn[:, j]
        low, high = _percentiles(differences, level)
        beyond = 1 + min(int((differences <= 0).sum()), int((differences >= 0).sum()))
        p_value = min(1.0, 2 * beyond / (resamples + 1))
        gap = whole[i] - whole[j]
        found[i, j] = Comparison(whole[i], whole[j], gap, low, high, p_value, level, resamples, plan.clusters)
    return found


def holm(p_values: ArrayLike) -> Floats:
    """(m,) p-values corrected for their number (Holm 1979): any of them below alpha is wrong with at most alpha.

    The k-th smallest is multiplied by m - k + 1, and no corrected value is less than one before it, nor above 1.
    """
    values = check_scores(p_values)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


@dataclass(frozen=True)
class _Sorted:
    """A system's trials with their places among its unique scores, bona fide trials first."""

    scores: Floats
    bonafide: NDArray[np.intp]
    spoof: NDArray[np.intp]
    order: NDArray[np.intp]

    @classmethod
    def of(cls, scores: Floats, genuine: NDArray[np.bool_]) -> "_Sorted":
        unique, place = np.unique(scores, return_inverse=True)
        order = np.r_[np.flatnonzero(genuine), np.flatnonzero(~genuine)]
        return cls(unique, place[genuine], place[~genuine], order)

    def weighted(self, weights: Weights) -> Tally:
        """The tally in which trial i counts weights[i] times; (n,) in the caller's order."""
        ordered, split, size = weights[self.order], len(self.bonafide), len(self.scores)
        bonafide = np.bincount(self.bonafide, ordered[:split], size).astype(np.int64)
        return Tally(self.scores, bonafide, np.bincount(self.spoof, ordered[split:], size).astype(np.int64))


@dataclass(frozen=True)
class _Plan:
    """What is drawn together (the cluster of each trial) and which of it is exchangeable (the strata)."""

    unit: NDArray[np.intp] | None  # (n,) the unit of each trial; None: every trial is its own
    strata: tuple[NDArray[np.intp], ...]  # units that are drawn among each other
    units: int

    @classmethod
    def of(cls, genuine: NDArray[np.bool_], clusters: ArrayLike | None) -> "_Plan":
        if clusters is None:
            return cls(None, (np.flatnonzero(genuine), np.flatnonzero(~genuine)), len(genuine))
        names = np.asarray(clusters)
        if names.shape != genuine.shape:
            raise DataError(f"{genuine.size} trials but clusters of shape {names.shape}: give one cluster per trial")
        _, unit = np.unique(names, return_inverse=True)
        units = int(unit.max()) + 1
        kind = (np.bincount(unit, genuine, units) > 0) + 2 * (np.bincount(unit, ~genuine, units) > 0)
        strata = tuple(np.flatnonzero(kind == code) for code in (1, 2, 3))
        return cls(unit, tuple(stratum for stratum in strata if stratum.size), units)

    @property
    def clusters(self) -> int | None:
        return None if self.unit is None else self.units

    def draw(self, resamples: int, rng: np.random.Generator | int) -> Iterator[Weights]:
        """(n,) how often each trial counts, for each resample."""
        generator = np.random.default_rng(rng)
        for _ in range(resamples):
            times = np.zeros(self.units, dtype=np.int64)
            for stratum in self.strata:
                size = len(stratum)
                times[stratum] = np.bincount(generator.integers(size, size=size), minlength=size)
            yield times if self.unit is None else times[self.unit]


def _metric(metric: MetricName | Metric) -> Metric:
    if callable(metric):
        return metric
    if metric not in METRICS:
        raise DataError(f"unknown metric {metric!r}: choose one of {', '.join(METRICS)}")
    return METRICS[metric]


def _check_plan(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise DataError(f"a bootstrap needs resamples >= 1 and a level between 0 and 1, not {resamples} and {level}")


def _percentiles(values: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
