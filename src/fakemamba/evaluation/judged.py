"""Scored trials as arrays, whatever they come from: a run, a folder with scores.tsv, or a score file and its key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.dataset import COLUMNS
from fakemamba.data.keys import Text, read_key
from fakemamba.data.scores import read_scores
from fakemamba.data.trials import match
from fakemamba.errors import DataError
from fakemamba.evaluation.clips import SCORES, Origin, ScoredClip, read_clips, read_origin
from fakemamba.evaluation.scoring import Scoring
from fakemamba.evaluation.unscored import Unscored, read_unscored

EDGES = (3.0, 4.0, 5.0, 6.0)  # seconds
_FEWEST_SPEAKERS = 5  # fewer say nothing about other speakers
BUCKETS = ("< 3 s", "3–4 s", "4–5 s", "5–6 s", "> 6 s")  # a clip on an edge belongs to the longer bucket


@dataclass(frozen=True)
class Judged:
    """Trials with their evidence.

    Attributes:
        origin: what the scores were made with.
        ids: (n,) as the corpus names them.
        labels: (n,) 1 = bona fide, 0 = spoof.
        evidence: (n,) higher = more genuine: the log-likelihood ratio of a calibrated model, else the raw score.
        columns: name -> (n,) text; only those that say something; "duration" among them where lengths are known.
        verdicts: (n,) real, fake, unsure; "" where none was given.
        clips: (n,) where the audio is known, else empty.
        unscored: clips that have no score.
        notes, warnings: as in `Dataset`.
    """

    origin: Origin
    ids: Text
    labels: NDArray[np.int64]
    evidence: NDArray[np.float64]
    columns: Mapping[str, Text]
    verdicts: Text
    clips: tuple[ScoredClip, ...] = ()
    unscored: tuple[Unscored, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def names(self) -> list[str]:
        """(n,) ids that are unique over corpora."""
        corpora = self.columns.get("corpus")
        if corpora is None:
            return list(map(str, self.ids.tolist()))
        return [f"{corpus}/{name}" for corpus, name in zip(corpora.tolist(), self.ids.tolist(), strict=True)]

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> "Judged":
        """The trials at these rows."""
        index = np.asarray(rows, dtype=np.intp)
        return replace(
            self,
            ids=self.ids[index],
            labels=self.labels[index],
            evidence=self.evidence[index],
            columns={name: column[index] for name, column in self.columns.items()},
            verdicts=self.verdicts[index],
            clips=tuple(self.clips[k] for k in index.tolist()) if self.clips else (),
        )


def speakers_of(judged: Judged) -> tuple[Text | None, str]:
    """(n,) the speakers that a bootstrap should draw whole, or None and why single clips are drawn instead."""
    speakers = judged.columns.get("speaker")
    if speakers is None:
        return None, ""
    if np.isin(speakers, ("", "-")).any():
        return None, "not all speakers are known: the intervals come from single clips and may be too narrow"
    if len(np.unique(speakers)) < _FEWEST_SPEAKERS:
        return (
            None,
            f"fewer than {_FEWEST_SPEAKERS} speakers: the intervals come from single clips and may be too narrow",
        )
    return speakers, ""


def from_scoring(scoring: Scoring, *, notes: tuple[str, ...] = (), warnings: tuple[str, ...] = ()) -> Judged:
    """The trials of a run; DataError if no clip has a score."""
    if not scoring.clips and scoring.unscored:
        first = scoring.unscored[0]
        raise DataError(
            f"{scoring.origin.dataset}: none of {len(scoring.unscored)} clips has a score; the first, {first.id}: "
            f"{first.reason}"
        )
    if scoring.resumed:
        notes = (*notes, f"scored by an earlier run and not again: {scoring.resumed} clips")
    if scoring.foreign:
        warnings = (*warnings, f"{scoring.foreign} rows of the score file are not in the data set and are left out")
    if scoring.defects:
        about = f"{len(scoring.defects)} defects in clips that could be read, such as {scoring.defects[0]}"
        warnings = (*warnings, about)
    judged = from_clips(scoring.clips, scoring.origin)
    return replace(judged, unscored=scoring.unscored, notes=notes, warnings=warnings)


def from_clips(clips: Sequence[ScoredClip], origin: Origin) -> Judged:
    """Clips as arrays; DataError if there is none."""
    if not clips:
        raise DataError(f"{origin.dataset}: no clip has a score")
    calibrated = all(clip.llr is not None for clip in clips)
    evidence = [clip.score if not calibrated or clip.llr is None else clip.llr for clip in clips]
    columns = {name: np.array([str(getattr(clip.utterance, name)) for clip in clips]) for name in COLUMNS}
    seconds = np.array([np.nan if clip.utterance.seconds is None else clip.utterance.seconds for clip in clips])
    if not np.isnan(seconds).any():
        columns["duration"] = np.array(BUCKETS)[np.digitize(seconds, EDGES)]
    return Judged(
        origin=replace(origin, calibrated=calibrated),
        ids=np.array([clip.utterance.id for clip in clips]),
        labels=np.array([clip.utterance.label for clip in clips], dtype=np.int64),
        evidence=np.array(evidence, dtype=np.float64),
        columns={name: column for name, column in columns.items() if any(column)},
        verdicts=np.array([clip.verdict or "" for clip in clips]),
        clips=tuple(clips),
    )


def from_file(scores: str | Path, key: str | Path | None = None, *, subset: str | None = None) -> Judged:
    """Trials from scores on disk, without a model.

    Args:
        scores: a folder of `fakemamba evaluate` or its `scores.tsv`; with `key` any score file.
        key: the labels, in any format that `fakemamba metrics` reads.
        subset: of the trials (None with a key: its eval subset where there are several).

    Raises:
        DataError: a file is missing or malformed, or holds no trial of that subset.
    """
    path = Path(scores)
    path = path / SCORES if path.is_dir() else path
    return _from_own(path, subset) if key is None else _from_key(path, key, subset)


def _from_own(path: Path, subset: str | None) -> Judged:
    clips = read_clips(path)
    if subset is not None:
        clips = [clip for clip in clips if subset in (clip.utterance.subset, clip.utterance.split)]
    if not clips:
        raise DataError(f"{path}: holds no trial" + (f" of the subset {subset!r}" if subset else " yet"))
    judged = from_clips(clips, read_origin(path.parent) or Origin(dataset=path.parent.name))
    if subset is not None:
        return judged
    unscored = read_unscored(path.parent)
    missing = judged.origin.expected - len(clips) - len(unscored)
    warnings = (f"the evaluation is not finished: {missing} clips are still to be scored",) if missing > 0 else ()
    return replace(judged, unscored=unscored, warnings=warnings)


def _from_key(path: Path, key: str | Path, subset: str | None) -> Judged:
    trials = match(read_scores(path), read_key(key), subset=subset)
    found = Judged(
        origin=Origin(dataset=f"{Path(key).name}" + (f" {trials.subset}" if trials.subset else ""), model=path.name),
        ids=trials.ids,
        labels=trials.labels,
        evidence=trials.scores,
        columns={name: column for name, column in trials.columns.items() if name not in ("seconds", "duration")},
        verdicts=np.full(len(trials.ids), ""),
        notes=trials.notes,
        warnings=trials.warnings,
    )
    return _with_durations(found, trials.columns)


def _with_durations(judged: Judged, columns: Mapping[str, Text]) -> Judged:
    """A key with a column of seconds gives the duration buckets too."""
    name = next((name for name in ("seconds", "duration") if name in columns), None)
    if name is None:
        return judged
    try:
        seconds = columns[name].astype(np.float64)
    except ValueError:
        return judged
    buckets = np.array(BUCKETS)[np.digitize(seconds, EDGES)]
    return replace(judged, columns={**judged.columns, "duration": buckets})
