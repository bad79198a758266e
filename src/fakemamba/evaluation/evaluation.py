"""`Evaluation`: every number about one system on one data set, ready to be shown."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba import __version__
from fakemamba.errors import ConfigError
from fakemamba.evaluation.breakdown import Breakdown, GroupRow
from fakemamba.evaluation.clips import Origin
from fakemamba.evaluation.judged import Judged, speakers_of
from fakemamba.evaluation.unscored import Unscored
from fakemamba.metrics import Confusion, FrameEer, Interval, Reliability, Summary, intervals, reliability, summarise
from fakemamba.metrics.bootstrap import MetricName
from fakemamba.metrics.records import Record

INTERVALS: tuple[MetricName, ...] = ("eer", "auc", "min_dcf")
_LISTED = 50  # clips without a score that are named; all are counted


@dataclass(frozen=True)
class Mistake(Record):
    """A clip on the wrong side of the threshold, with all that is known of it.

    Attributes:
        distance: of its evidence from the threshold, > 0.
        known: column -> what the corpus says.
    """

    id: str
    path: str
    label: int
    evidence: float
    distance: float
    verdict: str
    seconds: float | None
    known: dict[str, str]


@dataclass(frozen=True)
class Speed(Record):
    """Seconds of audio scored in the last run, and the seconds that it took."""

    audio: float
    elapsed: float


@dataclass(frozen=True)
class Evaluation(Record):
    """All numbers of one system on one data set.

    Attributes:
        origin: model, protocol, data set, thresholds.
        expected, scored: clips of the data set; those that have a score.
        n_bonafide, n_spoof: of the scored.
        scale: of all evidence here: "log-likelihood ratio" or "raw score".
        summary: the metrics; None where a class is missing.
        intervals: bootstrap, by metric; clusters: the speakers that were drawn whole, None where trials were.
        threshold: that decides in `confusion`; threshold_from: "the model", "the caller" or "equal error rate".
        confusion: decisions at that threshold; None where a class is missing and the model has no threshold.
        verdicts: class -> real, unsure, fake, unscored -> clips; empty where the model gives no verdicts.
        groups: column -> its groups. short: by attack, clips under 3 s alone.
        mistakes: the worst, farthest from the threshold first, of each class.
        calibration: stated against observed probabilities; None for raw scores.
        frames: frame-level rates, where frame scores and labels are known.
        unscored: the first clips without a score. speed: of the last run.
        notes, warnings: choices made for the reader; what makes the numbers doubtful.
        version, created: of fakemamba; when (ISO 8601, UTC).
        judged: the trials themselves, for plots; not part of `to_dict`.
    """

    origin: Origin
    expected: int
    scored: int
    n_bonafide: int
    n_spoof: int
    scale: str
    summary: Summary | None
    intervals: dict[str, Interval]
    threshold: float | None
    threshold_from: str
    confusion: Confusion | None
    verdicts: dict[str, dict[str, int]]
    groups: dict[str, tuple[GroupRow, ...]]
    short: tuple[GroupRow, ...]
    mistakes: tuple[Mistake, ...]
    calibration: Reliability | None
    frames: tuple[FrameEer, ...]
    unscored: tuple[Unscored, ...]
    speed: Speed | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    version: str
    created: str
    judged: Judged = field(repr=False, compare=False)

    @property
    def interval_unit(self) -> str:
        """What the intervals say about: how many were drawn of what; empty without intervals."""
        first = next(iter(self.intervals.values()), None)
        if first is None:
            return ""
        what = "clips" if first.clusters is None else f"{first.clusters} speakers"
        return f"{first.level:.0%} intervals from {first.resamples} resamples of {what}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; without the single trials."""
        document = super().to_dict()
        del document["judged"]
        return document


def measure(
    judged: Judged,
    *,
    threshold: float | None = None,
    resamples: int = 1000,
    worst: int = 10,
    frames: tuple[FrameEer, ...] = (),
    speed: Speed | None = None,
    seed: int = 0,
    now: datetime | None = None,
) -> Evaluation:
    """Work out everything about some trials.

    Args:
        judged: the trials.
        threshold: decides in the confusion, on the scale of the evidence; None for the model's own, or where it has
            none that of the equal error rate on these very trials.
        resamples: of the bootstrap, by speaker where all are known; 0 for no intervals.
        worst: mistakes listed of each class.
        frames, speed: taken over.
        seed: of the bootstrap.
        now: for the record.

    Raises:
        ConfigError: a negative number, or a threshold that is none.
    """
    if resamples < 0 or worst < 0 or (threshold is not None and not np.isfinite(threshold)):
        raise ConfigError("resamples and worst must be at least 0, a threshold a finite number")
    genuine = judged.labels == 1
    both = bool(genuine.any() and not genuine.all())
    summary = summarise(judged.evidence, judged.labels) if both else None
    limit, source = _threshold(judged, threshold, summary)
    clusters, why = speakers_of(judged) if both and resamples else (None, "")
    parts = Breakdown(judged.evidence, genuine, judged.columns, limit, clusters, resamples, seed)
    return Evaluation(
        origin=judged.origin,
        expected=len(judged) + len(judged.unscored),
        scored=len(judged),
        n_bonafide=int(genuine.sum()),
        n_spoof=int((~genuine).sum()),
        scale="log-likelihood ratio" if judged.origin.calibrated else "raw score",
        summary=summary,
        intervals=_intervals(judged, clusters, resamples, seed) if both else {},
        threshold=limit,
        threshold_from=source,
        confusion=None if limit is None else count(judged.evidence, genuine, limit),
        verdicts=_verdicts(judged),
        groups=parts.groups(),
        short=parts.short(),
        mistakes=() if limit is None else _mistakes(judged, limit, worst),
        calibration=_calibration(judged) if both else None,
        frames=frames,
        unscored=judged.unscored[:_LISTED],
        speed=speed,
        notes=(*judged.notes, *([why] if why else [])),
        warnings=(*judged.warnings, *_warnings(judged, summary)),
        version=__version__,
        created=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        judged=judged,
    )


def count(evidence: NDArray[np.float64], genuine: NDArray[np.bool_], threshold: float) -> Confusion:
    """Decisions at a threshold; unlike `metrics.confusion` it takes trials of one class alone."""
    cells = np.bincount(2 * genuine + (evidence >= threshold), minlength=4).tolist()
    return Confusion(
        threshold,
        bonafide_accepted=cells[3],
        bonafide_rejected=cells[2],
        spoof_accepted=cells[1],
        spoof_rejected=cells[0],
    )


def _threshold(judged: Judged, asked: float | None, summary: Summary | None) -> tuple[float | None, str]:
    if asked is not None:
        return asked, "the caller"
    if judged.origin.threshold is not None:
        return judged.origin.threshold, "the model"
    return (None, "") if summary is None else (summary.eer_threshold, "equal error rate")


def _intervals(judged: Judged, clusters: NDArray[np.str_] | None, resamples: int, seed: int) -> dict[str, Interval]:
    if not resamples:
        return {}
    settings: dict[str, Any] = {"clusters": clusters, "resamples": resamples, "rng": seed}
    return dict(zip(INTERVALS, intervals(judged.evidence, judged.labels, INTERVALS, **settings), strict=True))


def _verdicts(judged: Judged) -> dict[str, dict[str, int]]:
    if not any(judged.verdicts.tolist()):
        return {}
    table = {}
    for label, name in ((1, "bonafide"), (0, "spoof")):
        given = Counter(judged.verdicts[judged.labels == label].tolist())
        unscored = sum(clip.label == label for clip in judged.unscored)
        table[name] = {verdict: given[verdict] for verdict in ("real", "unsure", "fake")} | {"unscored": unscored}
    return table


def _mistakes(judged: Judged, threshold: float, worst: int) -> tuple[Mistake, ...]:
    """Of each class the clips farthest on the wrong side."""
    beyond = np.where(judged.labels == 1, threshold - judged.evidence, judged.evidence - threshold)
    wrong = np.where(judged.labels == 1, beyond > 0, beyond >= 0)
    rows: list[int] = []
    for label in (0, 1):
        found = np.flatnonzero(wrong & (judged.labels == label))
        rows += found[np.argsort(-beyond[found], kind="stable")][:worst].tolist()
    return tuple(_mistake(judged, row, float(beyond[row])) for row in rows)


def _mistake(judged: Judged, row: int, distance: float) -> Mistake:
    clip = judged.clips[row] if judged.clips else None
    return Mistake(
        id=str(judged.ids[row]),
        path="" if clip is None else str(clip.utterance.path),
        label=int(judged.labels[row]),
        evidence=float(judged.evidence[row]),
        distance=distance,
        verdict=str(judged.verdicts[row]),
        seconds=None if clip is None else clip.utterance.seconds,
        known={name: str(column[row]) for name, column in judged.columns.items() if str(column[row]) not in ("", "-")},
    )


def _calibration(judged: Judged) -> Reliability | None:
    """Of the probability "bona fide", for the share of bona fide clips that these trials really have."""
    if not judged.origin.calibrated:
        return None
    n_bonafide = int((judged.labels == 1).sum())
    odds = np.log(n_bonafide / (len(judged) - n_bonafide))
    posterior = 1 / (1 + np.exp(-np.clip(judged.evidence + odds, -500, 500)))
    return reliability(posterior, judged.labels, bins=10)


def _warnings(judged: Judged, summary: Summary | None) -> tuple[str, ...]:
    found = []
    if judged.unscored:
        total = len(judged) + len(judged.unscored)
        share = len(judged.unscored) / total
        found.append(f"no score for {len(judged.unscored)} of {total} clips ({share:.1%}): they are in no error rate")
    if summary is None:
        only = "bona fide" if (judged.labels == 1).all() else "spoofed"
        found.append(f"only {only} clips: error rates need both classes; decisions at the threshold are counted")
    elif summary.eer > 0.5 and not any("negated" in text for text in judged.warnings):
        found.append(
            f"EER {summary.eer:.1%}, worse than chance: do the scores point the wrong way, are labels swapped?"
        )
    return tuple(found)
