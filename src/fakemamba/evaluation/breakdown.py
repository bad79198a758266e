"""The same numbers by attack, codec, vocoder, duration, language, speaker, corpus and source."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.keys import Text
from fakemamba.evaluation.judged import BUCKETS
from fakemamba.metrics import Interval, auc, eer, interval, members, min_dcf
from fakemamba.metrics.records import Record

COLUMNS = ("attack", "codec", "vocoder", "duration", "language", "speaker", "corpus", "source", "subset", "split")
SHORT = BUCKETS[0]
_NOT_GIVEN = "(not given)"
_FEWEST = 10  # trials of each class that a group needs for an interval worth showing
_MOST_RESAMPLES = 200  # for a group: with many groups of many trials 1000 would take minutes and change little
_MOST_INTERVALS = 60  # groups of a column that get an interval; a thousand of them would take an hour
# Columns of keys that name single trials, or do not say what kind of trial it is.
SAY_NOTHING = frozenset({"id", "label", "score", "path", "trim", "seed", "task", "team", "environment"})


@dataclass(frozen=True)
class GroupRow(Record):
    """One group of trials.

    Attributes:
        n_bonafide, n_spoof: of the group; by attack or vocoder the bona fide trials are all there are.
        eer, min_dcf, auc: None where the group lacks a class.
        eer_low, eer_high: the bootstrap interval, where asked for.
        bonafide_rejected, spoof_accepted: errors at the evaluation's threshold, None without one.
    """

    name: str
    n_bonafide: int
    n_spoof: int
    eer: float | None
    eer_low: float | None
    eer_high: float | None
    min_dcf: float | None
    auc: float | None
    bonafide_rejected: int | None
    spoof_accepted: int | None


@dataclass(frozen=True)
class Breakdown:
    """Trials that can be split by what is known of them.

    Attributes:
        evidence: (n,) higher = more genuine. genuine: (n,) which trials are bona fide.
        columns: name -> (n,) text.
        threshold: for the counts of errors; None for no counts.
        clusters: (n,) speakers that the bootstrap draws whole; resamples, seed: of it; 0 for no intervals.
    """

    evidence: NDArray[np.float64]
    genuine: NDArray[np.bool_]
    columns: Mapping[str, Text]
    threshold: float | None = None
    clusters: Text | None = None
    resamples: int = 0
    seed: int = 0

    def groups(self) -> dict[str, tuple[GroupRow, ...]]:
        """Rows by column, for each column that tells at least two groups apart."""
        found = {}
        for column in (*COLUMNS, *sorted(set(self.columns) - set(COLUMNS) - SAY_NOTHING)):
            groups = list(members(self.genuine, self.columns[column])) if column in self.columns else []
            if not 2 <= len(groups) < len(self.genuine):
                continue
            sure = len(groups) <= _MOST_INTERVALS and column != "speaker"  # of one speaker nothing can be drawn
            rows = [self._row(name, keep, sure=sure) for name, keep in groups]
            found[column] = tuple(sorted(rows, key=lambda row: place(row.name)))
        return found

    def short(self) -> tuple[GroupRow, ...]:
        """By attack, clips under 3 s alone: where the paper's system is weakest."""
        if "attack" not in self.columns or "duration" not in self.columns:
            return ()
        inside = self.columns["duration"] == SHORT
        if not inside.any():
            return ()
        part = Breakdown(self.evidence[inside], self.genuine[inside], {}, self.threshold)
        groups = members(part.genuine, self.columns["attack"][inside])
        return tuple(part._row(name, keep, sure=False) for name, keep in groups)

    def _row(self, name: str, keep: NDArray[np.bool_], *, sure: bool) -> GroupRow:
        scores, labels = self.evidence[keep], self.genuine[keep]
        n_bonafide, n_spoof = int(labels.sum()), int((~labels).sum())
        both = bool(n_bonafide and n_spoof)
        drawn = (
            self._drawn(scores, labels, keep)
            if sure and self.resamples and min(n_bonafide, n_spoof) >= _FEWEST
            else None
        )
        accepted = None if self.threshold is None else scores >= self.threshold
        return GroupRow(
            name=_NOT_GIVEN if name in ("", "-") else name,
            n_bonafide=n_bonafide,
            n_spoof=n_spoof,
            eer=eer(scores, labels).value if both else None,
            eer_low=None if drawn is None else drawn.low,
            eer_high=None if drawn is None else drawn.high,
            min_dcf=min_dcf(scores, labels).value if both else None,
            auc=auc(scores, labels) if both else None,
            bonafide_rejected=None if accepted is None else int((labels & ~accepted).sum()),
            spoof_accepted=None if accepted is None else int((~labels & accepted).sum()),
        )

    def _drawn(self, scores: NDArray[np.float64], labels: NDArray[np.bool_], keep: NDArray[np.bool_]) -> Interval:
        clusters = None if self.clusters is None else self.clusters[keep]
        return interval(
            scores, labels, clusters=clusters, resamples=min(self.resamples, _MOST_RESAMPLES), rng=self.seed
        )


def place(name: str) -> int:
    """Where a group stands: buckets of duration by length, all others where their names put them."""
    return BUCKETS.index(name) if name in BUCKETS else len(BUCKETS)
