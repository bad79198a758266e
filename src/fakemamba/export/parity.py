"""What an export changed: scores and verdicts on the same clips before and after, bytes, and time."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fakemamba.checkpoint.card import ModelCard
from fakemamba.data.dataset import Dataset
from fakemamba.detect import Detector
from fakemamba.errors import AudioError
from fakemamba.evaluation.clips import ScoredClip
from fakemamba.evaluation.protocols import ProtocolName
from fakemamba.evaluation.scoring import Progress, score_dataset
from fakemamba.metrics import eer
from fakemamba.metrics.records import Record
from fakemamba.scorer import FloatArray, Scorer

FLIPS = 0.005  # the share of changed verdicts above which an export is called another model
REPEATS = 5
_NOTHING = 0.02  # a ratio of times nearer to 1 than the noise of a busy machine


@dataclass(frozen=True)
class Side(Record):
    """One of the two models.

    Attributes:
        what: such as "torch float32" or "ONNX int8".
        bytes: of the files that run.
        milliseconds: the median for one window.
        eer: equal error rate on the clips; None where labels or a class are missing.
    """

    what: str
    bytes: int
    milliseconds: float
    eer: float | None


@dataclass(frozen=True)
class Parity(Record):
    """How far two models agree.

    Attributes:
        audio: what they heard. clips: how many were judged by both. unscored: that neither or only one could judge.
        before, after: the two.
        max_difference, mean_difference: of raw scores, absolute. bias: the mean of after - before.
        max_llr, mean_llr: of log-likelihood ratios; None without calibration.
        flips: clips with another verdict (real, fake, unsure); None for a model that gives none.
        opposite: those of them that went from real to fake or back.
        size_ratio: bytes after / before. speed_ratio: time before / after, medians of runs in turn; above 1 is faster.
        threads: CPU threads; None for all.
    """

    audio: str
    clips: int
    unscored: int
    before: Side
    after: Side
    max_difference: float
    mean_difference: float
    bias: float
    max_llr: float | None
    mean_llr: float | None
    flips: int | None
    opposite: int | None
    size_ratio: float
    speed_ratio: float
    threads: int | None

    @property
    def flip_share(self) -> float | None:
        """Of all clips."""
        return None if self.flips is None else self.flips / self.clips


@dataclass(frozen=True)
class Contender:
    """A model to compare: what it is called, what runs it, and its bytes."""

    what: str
    scorer: Scorer
    bytes: int


def compare(
    card: ModelCard,
    before: Contender,
    after: Contender,
    dataset: Dataset,
    *,
    protocol: ProtocolName = "detect",
    threads: int | None = None,
    on_progress: Progress | None = None,
) -> Parity:
    """Judge every clip with both, by `protocol` (as `fakemamba detect` does), and time one window of each in turn.

    Raises:
        AudioError: no clip could be judged by both.
        CheckpointError: a model gives scores that are no numbers.
    """
    pairs = _pairs(card, before.scorer, after.scorer, dataset, protocol, on_progress)
    if not pairs:
        raise AudioError(f"{dataset.name}: none of its clips could be judged, so the export cannot be checked")
    first, second = ([pair[k] for pair in pairs] for k in (0, 1))
    change = np.array([b.score - a.score for a, b in pairs])
    scale = card.calibration.scale if card.calibration else None
    flips = [(a.verdict, b.verdict) for a, b in pairs if a.verdict != b.verdict]
    decides = card.calibration is not None
    times = _times(before.scorer, after.scorer, card.model.window)
    sides = [
        Side(one.what, one.bytes, 1e3 * seconds, _eer(clips))
        for one, seconds, clips in zip((before, after), times, (first, second), strict=True)
    ]
    worst, mean = float(np.abs(change).max()), float(np.abs(change).mean())
    return Parity(
        audio=dataset.name,
        clips=len(pairs),
        unscored=len(dataset) - len(pairs),
        before=sides[0],
        after=sides[1],
        max_difference=worst,
        mean_difference=mean,
        bias=float(change.mean()),
        max_llr=None if scale is None else scale * worst,
        mean_llr=None if scale is None else scale * mean,
        flips=len(flips) if decides else None,
        opposite=sum("unsure" not in pair for pair in flips) if decides else None,
        size_ratio=after.bytes / before.bytes,
        speed_ratio=times[0] / times[1],
        threads=threads,
    )


def drift_of(card: ModelCard, reference: FloatArray) -> Callable[[FloatArray], float]:
    """A function of other scores (n,) of the same clips: the root mean square change.

    In log-likelihood ratios, or without a calibration in standard deviations of the reference's scores.
    """
    spread = float(np.std(reference))
    unit = 1 / card.calibration.scale if card.calibration else (spread if spread > 1e-6 else 1.0)

    def drift(found: FloatArray) -> float:
        change = (found.astype(np.float64) - reference) / unit
        return float(np.sqrt(np.mean(change**2))) if np.isfinite(change).all() else float("inf")

    return drift


def scores_of(scorer: Scorer, windows: Sequence[FloatArray]) -> FloatArray:
    """(n,) raw scores of windows (1, N), each alone: in eight bits neighbours of a batch share a scale."""
    return np.concatenate([scorer.score(window) for window in windows])


def markdown(found: Parity) -> str:
    """The comparison as a short table, and one sentence on what it means."""
    a, b = found.before, found.after
    rows = [
        ("", a.what, b.what, "ratio"),
        ("size, MB", f"{a.bytes / 1e6:.2f}", f"{b.bytes / 1e6:.2f}", f"{found.size_ratio:.2f}"),
        ("one window, ms", f"{a.milliseconds:.1f}", f"{b.milliseconds:.1f}", f"{found.speed_ratio:.2f}x as fast"),
    ]
    if a.eer is not None and b.eer is not None:
        rows.append(("equal error rate, %", f"{100 * a.eer:.2f}", f"{100 * b.eer:.2f}", ""))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    table = "\n".join([lines[0], "|---|---|---|---|", *lines[1:]])
    return f"# Before and after\n\n{table}\n\n" + "\n".join(f"- {line}" for line in sentences(found)) + "\n"


def sentences(found: Parity) -> list[str]:
    """What the comparison means, for people."""
    lines = [
        f"{found.clips} clips of {found.audio}: scores differ by {found.mean_difference:.2g} on average, "
        f"by {found.max_difference:.2g} at most"
    ]
    if found.flips is None:
        lines.append("the model is not calibrated and gives no verdicts, so none could change")
    else:
        share = 100 * found.flips / found.clips
        lines.append(f"{found.flips} verdicts changed ({share:.2f} %), {found.opposite} of them between real and fake")
    if found.unscored:
        lines.append(f"{found.unscored} clips could not be judged and do not count")
    if (found.flip_share or 0) > FLIPS:
        lines.append(f"more than {100 * FLIPS:g} % of verdicts changed: lower --drift, or choose a higher precision")
    if abs(found.speed_ratio - 1) < 5 * _NOTHING and found.size_ratio < 0.95:
        lines.append("it is smaller, not faster")
    return lines


def _pairs(
    card: ModelCard,
    before: Scorer,
    after: Scorer,
    dataset: Dataset,
    protocol: ProtocolName,
    on_progress: Progress | None,
) -> list[tuple[ScoredClip, ScoredClip]]:
    first, second = (
        {
            clip.utterance.id: clip
            for clip in score_dataset(
                Detector(scorer, card), dataset, protocol=protocol, workers=1, on_progress=on_progress
            ).clips
        }
        for scorer in (before, after)
    )
    return [(clip, second[name]) for name, clip in first.items() if name in second]


def _eer(clips: Sequence[ScoredClip]) -> float | None:
    labels = [clip.utterance.label for clip in clips]
    return float(eer([clip.score for clip in clips], labels).value) if len(set(labels)) == 2 else None


def _times(first: Scorer, second: Scorer, window: int) -> tuple[float, float]:
    """Seconds for one window: medians of runs in turn, so that both see the machine equally busy."""
    wave = (0.1 * np.random.default_rng(0).standard_normal((1, window))).astype(np.float32)
    taken: tuple[list[float], list[float]] = ([], [])
    for round_ in range(1 + REPEATS):
        for scorer, times in zip((first, second), taken, strict=True):
            begin = time.perf_counter()
            scorer.score(wave)
            if round_:
                times.append(time.perf_counter() - begin)
    return statistics.median(taken[0]), statistics.median(taken[1])
