"""From a score file and a key to every number about them: what `fakemamba metrics` shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fakemamba.data.keys import Key, read_key
from fakemamba.data.scores import read_asv_scores, read_scores
from fakemamba.data.trials import Trials, match
from fakemamba.errors import ConfigError, DataError
from fakemamba.metrics import (
    AsvRates,
    Comparison,
    Confusion,
    Group,
    Interval,
    Summary,
    TandemCost,
    asv_rates,
    by_group,
    compare,
    confusion,
    interval,
    min_tdcf,
    min_tdcf_2019,
    summarise,
)
from fakemamba.metrics.bootstrap import MetricName
from fakemamba.metrics.records import Record

INTERVALS: tuple[MetricName, ...] = ("eer", "min_dcf")


@dataclass(frozen=True)
class Tandem(Record):
    """Minimum t-DCF in both published forms with the verifier that stood behind."""

    asv: AsvRates
    min_tdcf_2019: TandemCost
    min_tdcf_2021: TandemCost


@dataclass(frozen=True)
class Assessment(Record):
    """All numbers of one score file against one key.

    Attributes:
        scores, key: the files; key_format: its layout, in words.
        subset: which trials ("all": several subsets mixed on request; None: the key has no subsets).
        expected: trials of that subset; scored: those that have a score and are judged.
        summary: the metrics. intervals: bootstrap, by metric, where asked for.
        groups: by column of the key, where asked for.
        confusion: at a threshold, tandem: behind a verifier, comparison: against a second system; where asked for.
        notes: choices made for the reader. warnings: what makes the numbers doubtful.
    """

    scores: str
    key: str
    key_format: str
    subset: str | None
    expected: int
    scored: int
    summary: Summary
    intervals: dict[str, Interval]
    groups: dict[str, tuple[Group, ...]]
    confusion: Confusion | None
    tandem: Tandem | None
    comparison: Comparison | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What to work out besides the summary.

    Attributes:
        by: columns of the key to group by.
        threshold: for the confusion.
        asv: the verifier's score file, for t-DCF.
        against: a second system's score file, compared by paired bootstrap of the EER.
        resamples: bootstrap resamples; 0 = no interval (`against` takes 1000 then).
        cluster: column of the key (speaker) whose values are drawn whole.
    """

    by: Sequence[str] = ()
    threshold: float | None = None
    asv: Path | None = None
    against: Path | None = None
    resamples: int = 0
    cluster: str | None = None


def assess(
    scores: str | Path,
    key: str | Path,
    *,
    subset: str | None = None,
    wanted: Wanted | None = None,
    rng: int = 0,
) -> Assessment:
    """Read, match and measure.

    Args:
        scores: a score file (see `read_scores`).
        key: a key file (see `read_key`).
        subset: which of the key's subsets; None takes "eval" where there are several, "all" mixes them.
        wanted: what else to work out.
        rng: seed of the bootstrap.

    Raises:
        DataError: a file, a column or a subset is not as it must be.
        ConfigError: `cluster` without anything to resample.
    """
    wanted = wanted or Wanted()
    if wanted.cluster and not wanted.resamples and wanted.against is None:
        raise ConfigError("cluster says how to resample: give bootstrap (or against) with it")
    truth = read_key(key)
    trials = match(read_scores(scores), truth, subset=subset)
    clusters = None if wanted.cluster is None else trials.column(wanted.cluster)
    numbers, labels = trials.scores, trials.labels
    intervals: dict[str, Interval] = {
        name: interval(numbers, labels, name, clusters=clusters, resamples=wanted.resamples, rng=rng)
        for name in (INTERVALS if wanted.resamples else ())
    }
    assessment = Assessment(
        scores=str(scores),
        key=str(key),
        key_format=truth.format,
        subset=trials.subset,
        expected=trials.expected,
        scored=len(trials.ids),
        summary=summarise(numbers, labels),
        intervals=intervals,
        groups={column: by_group(numbers, labels, trials.column(column)) for column in wanted.by},
        confusion=None if wanted.threshold is None else confusion(numbers, labels, wanted.threshold),
        tandem=None if wanted.asv is None else _tandem(trials, wanted.asv),
        comparison=None,
        notes=trials.notes,
        warnings=trials.warnings,
    )
    return assessment if wanted.against is None else _compared(assessment, trials, truth, wanted, rng)


def _tandem(trials: Trials, path: Path) -> Tandem:
    verifier = read_asv_scores(path)
    rates = asv_rates(verifier.scores, verifier.labels)
    first = min_tdcf_2019(trials.scores, trials.labels, rates)
    return Tandem(rates, first, min_tdcf(trials.scores, trials.labels, rates))


def _compared(assessment: Assessment, trials: Trials, key: Key, wanted: Wanted, rng: int) -> Assessment:
    """The assessment with a second system beside it, on the trials that both scored."""
    assert wanted.against is not None
    other = match(read_scores(wanted.against), key, subset=trials.subset)
    ids, ours, theirs = np.intersect1d(trials.ids, other.ids, assume_unique=True, return_indices=True)
    if not len(ids):
        raise DataError(f"{wanted.against} shares no trial with {assessment.scores}")
    labels = trials.labels[ours]
    clusters = None if wanted.cluster is None else trials.column(wanted.cluster)[ours]
    comparison = compare(
        trials.scores[ours],
        other.scores[theirs],
        labels,
        clusters=clusters,
        resamples=wanted.resamples or 1000,
        rng=rng,
    )
    warnings = [f"{wanted.against}: {text}" for text in other.warnings]
    if len(ids) < max(len(trials.ids), len(other.ids)):
        warnings.append(f"the comparison uses the {len(ids)} trials that both files score")
    return replace(assessment, comparison=comparison, warnings=(*assessment.warnings, *warnings))
