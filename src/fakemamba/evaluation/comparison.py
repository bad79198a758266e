"""Two or more systems on the same trials: one table, and which differences are more than chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba import __version__
from fakemamba.data.tables import sample
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation.breakdown import SAY_NOTHING, place
from fakemamba.evaluation.judged import Judged, speakers_of
from fakemamba.metrics import Comparison, Interval, Summary, compare_all, holm, interval, members, summarise
from fakemamba.metrics.bootstrap import METRICS, MetricName
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import tally

ALPHA = 0.05
_FEWEST = 10  # trials of each class below which a group is shown without a test


@dataclass(frozen=True)
class System(Record):
    """One system: what it is called, its metrics on the common trials, the interval of the metric compared."""

    name: str
    model: str
    protocol: str
    summary: Summary
    interval: Interval


@dataclass(frozen=True)
class Pair(Record):
    """Two systems: the difference first - second of the metric, its p-value, and that corrected for all tests here."""

    first: str
    second: str
    comparison: Comparison
    p_corrected: float

    @property
    def significant(self) -> bool:
        """Whether chance alone is unlikely, all tests of the table considered."""
        return self.p_corrected < ALPHA

    def to_dict(self) -> dict[str, Any]:
        """The fields and `significant`."""
        return super().to_dict() | {"significant": self.significant}


@dataclass(frozen=True)
class Part(Record):
    """One group of trials: the metric of each system in order, None where a class is missing, and the pairs tested."""

    name: str
    n_bonafide: int
    n_spoof: int
    values: tuple[float | None, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class SystemsCompared(Record):
    """Systems side by side.

    Attributes:
        dataset: on what. metric: that is compared.
        n_bonafide, n_spoof: trials that every system scored; nothing else is counted.
        systems: best first. pairs: of all of them, on all trials.
        groups: column -> its groups. tests: how many p-values the correction of the groups counts, by column.
        notes, warnings, version, created: as in `Evaluation`.
        evidence: system -> (n,) and labels (n,), for plots; not part of `to_dict`.
    """

    dataset: str
    metric: str
    n_bonafide: int
    n_spoof: int
    systems: tuple[System, ...]
    pairs: tuple[Pair, ...]
    groups: dict[str, tuple[Part, ...]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    version: str
    created: str
    evidence: Mapping[str, NDArray[np.float64]] = field(repr=False, compare=False)
    labels: NDArray[np.int64] = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; without the single trials."""
        document = super().to_dict()
        del document["evidence"], document["labels"]
        return document


def compare_systems(
    systems: Mapping[str, Judged],
    *,
    metric: MetricName = "eer",
    by: Sequence[str] = (),
    resamples: int = 1000,
    seed: int = 0,
    now: datetime | None = None,
) -> SystemsCompared:
    """Compare systems on the trials that all of them scored, by paired bootstrap with Holm's correction.

    Args:
        systems: name -> its trials; at least two.
        metric: what is compared.
        by: columns, in whose groups the comparison is repeated; corrected over all groups of the column.
        resamples: of the bootstrap, by speaker where all are known.
        seed: of the bootstrap.
        now: for the record.

    Raises:
        ConfigError: fewer than two systems, an unknown metric, no resamples.
        DataError: the systems share no trial, or their labels disagree; a column that is missing.
    """
    if len(systems) < 2:
        raise ConfigError(f"a comparison needs at least two systems, not {len(systems)}")
    if metric not in METRICS or resamples < 1:
        raise ConfigError(f"compare one of {', '.join(METRICS)}, with at least 1 resample; not {metric}, {resamples}")
    common, warnings = _common(systems)
    first = next(iter(common.values()))
    order = sorted(common, key=lambda name: _badness(metric, common[name].evidence, first.labels))
    evidence = {name: common[name].evidence for name in order}
    clusters, why = speakers_of(first)
    test = _Test(metric, clusters, resamples, seed)
    pairs = _corrected([test.pairs(evidence, first.labels, np.ones(len(first), dtype=bool))])[0]
    groups = {column: _parts(column, first, evidence, test) for column in by}
    return SystemsCompared(
        dataset=first.origin.dataset,
        metric=metric,
        n_bonafide=int(first.labels.sum()),
        n_spoof=int((first.labels == 0).sum()),
        systems=tuple(_system(name, common[name], test) for name in order),
        pairs=pairs,
        groups=groups,
        notes=(*first.notes, *([why] if why else [])),
        warnings=(*warnings, *_unlike(common, metric), *_too_few(pairs, groups, resamples)),
        version=__version__,
        created=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        evidence=evidence,
        labels=first.labels,
    )


@dataclass(frozen=True)
class _Test:
    metric: MetricName
    clusters: NDArray[np.str_] | None
    resamples: int
    seed: int

    def pairs(
        self, evidence: Mapping[str, NDArray[np.float64]], labels: NDArray[np.int64], keep: NDArray[np.bool_]
    ) -> list[tuple[str, str, Comparison]]:
        names = list(evidence)
        clusters = None if self.clusters is None else self.clusters[keep]
        scores = [evidence[name][keep] for name in names]
        found = compare_all(
            scores, labels[keep], self.metric, clusters=clusters, resamples=self.resamples, rng=self.seed
        )
        return [(names[i], names[j], pair) for (i, j), pair in found.items()]


def _common(systems: Mapping[str, Judged]) -> tuple[dict[str, Judged], tuple[str, ...]]:
    """The trials that all have, in the first one's order, and what is left out."""
    places = {name: {trial: row for row, trial in enumerate(judged.names)} for name, judged in systems.items()}
    shared = set.intersection(*(set(place) for place in places.values()))
    if not shared:
        raise DataError(f"{' and '.join(systems)} share no trial: were they scored on the same data set?")
    first = next(iter(systems))
    order = [trial for trial in places[first] if trial in shared]
    common = {name: judged.take([places[name][trial] for trial in order]) for name, judged in systems.items()}
    labels = common[first].labels
    for name, judged in common.items():
        odd = np.array(order)[judged.labels != labels].tolist()
        if odd:
            raise DataError(f"{name} and {first} disagree on the label of {len(odd)} trials: {sample(odd)}")
    warnings = [f"{name}: {text}" for name, judged in systems.items() for text in judged.warnings]
    if any(len(place) > len(order) for place in places.values()):
        listed = ", ".join(f"{name} {len(place)}" for name, place in places.items())
        warnings.append(f"only the {len(order)} trials that every system scored are compared ({listed})")
    return common, tuple(warnings)


def _unlike(systems: Mapping[str, Judged], metric: MetricName) -> list[str]:
    """What makes the systems hard to compare."""
    found = []
    raw = [name for name, judged in systems.items() if not judged.origin.calibrated]
    if metric in ("cllr", "act_dcf") and raw:
        found.append(f"{metric} says little about scores that may be no log-likelihood ratios: {', '.join(raw)}")
    protocols = {judged.origin.protocol for judged in systems.values()} - {""}
    if len(protocols) > 1:
        found.append(f"the systems were scored by different protocols: {', '.join(sorted(protocols))}")
    return found


def _too_few(pairs: Sequence[Pair], groups: Mapping[str, Sequence[Part]], resamples: int) -> list[str]:
    """A bootstrap of R resamples knows no p below 2 / (R + 1); times many tests that can never be small."""
    found = []
    families = {"pairs": len(pairs)}
    families |= {f"by {column}": sum(len(part.pairs) for part in parts) for column, parts in groups.items()}
    for name, tests in families.items():
        if 2 * tests / (resamples + 1) >= ALPHA:
            needed = math.ceil(4 * tests / ALPHA)
            found.append(
                f"{name}: with {resamples} resamples none of {tests} tests can pass their correction; "
                f"take {needed} resamples"
            )
    return found


def _system(name: str, judged: Judged, test: _Test) -> System:
    sure = interval(
        judged.evidence, judged.labels, test.metric, clusters=test.clusters, resamples=test.resamples, rng=test.seed
    )
    origin = judged.origin
    return System(name, origin.model, origin.protocol, summarise(judged.evidence, judged.labels), sure)


def _parts(column: str, first: Judged, evidence: Mapping[str, NDArray[np.float64]], test: _Test) -> tuple[Part, ...]:
    if column not in first.columns or column in SAY_NOTHING:
        known = ", ".join(sorted(set(first.columns) - SAY_NOTHING))
        raise DataError(f"the trials have no column {column!r} to compare by: they have {known or 'none'}")
    groups = sorted(members(first.labels, first.columns[column]), key=lambda group: place(group[0]))
    tested = []
    for _, keep in groups:
        genuine = int(first.labels[keep].sum())
        enough = min(genuine, int(keep.sum()) - genuine) >= _FEWEST
        tested.append(test.pairs(evidence, first.labels, keep) if enough else [])
    parts = []
    for (name, keep), pairs in zip(groups, _corrected(tested), strict=True):
        labels = first.labels[keep]
        both = 0 < labels.sum() < len(labels)
        values = [METRICS[test.metric](tally(scores[keep], labels)) if both else None for scores in evidence.values()]
        parts.append(Part(name or "(not given)", int(labels.sum()), int((labels == 0).sum()), tuple(values), pairs))
    return tuple(parts)


def _corrected(tests: Sequence[Sequence[tuple[str, str, Comparison]]]) -> list[tuple[Pair, ...]]:
    """Pairs with the p-values of all these tests corrected together."""
    corrected = iter(holm([found.p_value for group in tests for _, _, found in group]).tolist())
    return [tuple(Pair(first, second, found, next(corrected)) for first, second, found in group) for group in tests]


def _badness(metric: MetricName, evidence: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The metric, turned so that less is better."""
    value = METRICS[metric](tally(evidence, labels))
    return -value if metric == "auc" else value
