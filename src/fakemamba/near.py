"""The near pass: short windows over a recording, and from their scores the stretches that sound fake.

A window of 4 s says little about one word in it. A model whose card has a `near` section hears the recording a second
time, in windows of half a second or so; they are less sure each, but many, and they say where:

    windows    |--0--|                 every `hop`; the last one ends with the recording
                 |--1--|
                   |--2--|
    frames     ||||||||||||||||||      of 20 ms: the mean LLR of the windows over it, each by how near its middle is
    stretches        [----]            frames in a row below 0; their evidence is the sum of -LLR times 20 ms,
                                       as in Page's cumulative sums (1954, Biometrika 41): a short stretch needs strong
                                       evidence, a long one may be weak throughout

Of half a second nobody can tell for sure, so that a stretch is marked only from a threshold on, chosen so that few
genuine recordings are marked anywhere. Longer recordings give chance more room; with tails that fall exponentially,
as those of the evidence do, the threshold has to grow by the logarithm of the length.
"""

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import FRAME, SAMPLE_RATE
from fakemamba.checkpoint.card import Near
from fakemamba.decision import p_fake, to_llr
from fakemamba.hearing import Heard
from fakemamba.result import NearScores, Segment
from fakemamba.scorer import FloatArray
from fakemamba.timeline import clock

FRAME_SECONDS = FRAME / SAMPLE_RATE  # 20 ms
Frames = NDArray[np.float64]  # (T,) one value each 20 ms
Score = Callable[[FloatArray], FloatArray]  # (B, N) -> (B,)

_HEAR_SPEECH = 0.1  # seconds of it in a stretch, or nothing was said there that could be fake
_SHORTEST = 0.1  # seconds; what is left of a segment beside another one is none if it is shorter
_DECIMALS = 3  # of an LLR in the result
_MOST_NAMED = 3  # stretches that a note names


@dataclass(frozen=True)
class Stretch:
    """Neighbouring frames that sound fake: place in seconds, mean LLR, and evidence in LLR times seconds."""

    start: float
    end: float
    llr: float
    evidence: float


@dataclass(frozen=True)
class Nearby:
    """What a near pass found: the short windows' scores, and the stretches that are fake with enough evidence."""

    scores: NearScores
    segments: tuple[Segment, ...]


class NearPass:
    """Short windows of one recording while it streams by; of each one number remains.

    Every long window in turn is told by `hear`; the short ones that start in it before the next begins are scored
    where the long one is judged, and only there.

    Args:
        near: the card's section.
        score: (B, N) windows -> (B,) raw scores.
        batch: windows scored at once.
    """

    def __init__(self, near: Near, score: Score, batch: int) -> None:
        self.near = near
        self._score, self._batch = score, max(1, batch)
        self._size, self._hop = round(near.seconds * SAMPLE_RATE), round(near.hop * SAMPLE_RATE)
        self._scores = array("d")  # NaN where nothing was judged
        self._last: tuple[Heard, bool] | None = None
        self._total = 0  # samples
        self._pending: list[tuple[int, FloatArray]] = []

    def hear(self, heard: Heard, *, judged: bool) -> None:
        """Take the next long window in; `judged` says whether it is itself for this model."""
        self._cut(heard.start)
        self._last, self._total = (heard, judged), heard.start + len(heard.wave)

    def finish(self, speech: NDArray[np.bool_]) -> "Nearby | None":
        """Score what is left and tell what was found; None if nothing was judged, as in what is too short.

        Args:
            speech: (T,) where frames of 20 ms hold speech.
        """
        self._cut(self._total)
        end = self._total - self._size
        if self._scores and (len(self._scores) - 1) * self._hop < end:
            self._put(end)
        self._flush()
        self._last = None
        llrs = [to_llr(score, self.near.calibration) for score in self._scores]
        if all(map(math.isnan, llrs)):
            return None
        return nearby(llrs, speech, self.near, self._total / SAMPLE_RATE)

    def _cut(self, before: int) -> None:
        """Short windows of the long one before, up to where the next one begins."""
        while (start := len(self._scores) * self._hop) < before and start + self._size <= self._total:
            self._put(start)

    def _put(self, start: int) -> None:
        assert self._last is not None
        heard, judged = self._last
        self._scores.append(math.nan)
        if judged:
            at = start - heard.start
            self._pending.append((len(self._scores) - 1, heard.wave[at : at + self._size]))
            if len(self._pending) == self._batch:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            scores = self._score(np.stack([wave for _, wave in self._pending]))
            for (index, _), score in zip(self._pending, scores.tolist(), strict=True):
                self._scores[index] = score
            self._pending.clear()


def nearby(llrs: Sequence[float], speech: NDArray[np.bool_], near: Near, seconds: float) -> Nearby:
    """What the LLRs of all short windows (W,) of a recording say; as of `NearPass.finish`."""
    frames = frame_means(llrs, window=near.seconds, hop=near.hop, seconds=seconds)
    needed = threshold(near, judged_seconds(frames))
    found = [one for one in stretches(frames, speech, seconds) if one.evidence >= needed]
    rounded = tuple(None if math.isnan(llr) else round(llr, _DECIMALS) for llr in llrs)
    scores = NearScores(window=near.seconds, hop=near.hop, threshold=needed, llr=rounded)
    return Nearby(scores, tuple(_segment(one, near) for one in found))


def judged_seconds(llr: Frames) -> float:
    """Seconds of frames (T,) that have a number."""
    return float((~np.isnan(llr)).sum()) * FRAME_SECONDS


def frame_count(seconds: float) -> int:
    """How many frames a recording has, with the last one that it fills in part."""
    return max(1, math.ceil(seconds / FRAME_SECONDS - 1e-6))


def frame_means(values: Sequence[float], *, window: float, hop: float, seconds: float) -> Frames:
    """(W,) of windows -> (T,) of frames: means weighted by how near the windows' middles are, a triangle.

    Args:
        values: in time; window k starts at k hop, the last one ends with the recording. NaN is no value.
        window, hop: seconds.
        seconds: length of the recording.

    Returns:
        one value each 20 ms; NaN where no window has one.
    """
    given = np.asarray(values, dtype=np.float64)
    centres = np.minimum(np.arange(len(given)) * hop, max(0.0, seconds - window)) + window / 2  # (W,)
    given, centres = given[~np.isnan(given)], centres[~np.isnan(given)]
    count, reach = frame_count(seconds), window / 2 + FRAME_SECONDS
    first = np.ceil((centres - reach) / FRAME_SECONDS - 0.5).astype(np.int64)  # (W,) its frames begin here
    sums, weights = np.zeros(count), np.zeros(count)
    for offset in range(math.ceil(2 * reach / FRAME_SECONDS) + 1):
        at = first + offset
        away = np.abs((at + 0.5) * FRAME_SECONDS - centres)
        inside = (away <= reach) & (at >= 0) & (at < count)
        # A frame at the very edge of the only window that covers it must not weigh nothing.
        weight = np.maximum(1 - away[inside] / reach, 1e-6)
        sums += np.bincount(at[inside], weight * given[inside], minlength=count)
        weights += np.bincount(at[inside], weight, minlength=count)
    means = np.full(count, np.nan)
    np.divide(sums, weights, out=means, where=weights > 0)
    return means


def threshold(near: Near, seconds: float) -> float:
    """The evidence that a stretch needs in a recording of so many seconds."""
    return near.threshold + near.growth * math.log(max(1.0, seconds / near.length))


def stretches(llr: Frames, speech: NDArray[np.bool_], seconds: float) -> list[Stretch]:
    """All runs of frames below 0 in which something is said, whatever their evidence.

    Args:
        llr: (T,) of the frames; NaN where nothing was judged, which ends a run.
        speech: (T,) or fewer, where frames hold speech; what is missing holds none.
        seconds: length of the recording; the last frame ends there.
    """
    below = np.concatenate([[False], llr < 0, [False]])  # NaN is not below
    edges = np.flatnonzero(below[1:] != below[:-1]).reshape(-1, 2)
    found = []
    for first, last in edges.tolist():
        if speech[first:last].sum() * FRAME_SECONDS >= _HEAR_SPEECH - 1e-9:
            part = llr[first:last]
            evidence = -float(part.sum()) * FRAME_SECONDS
            found.append(
                Stretch(first * FRAME_SECONDS, min(last * FRAME_SECONDS, seconds), float(part.mean()), evidence)
            )
    return found


def _segment(stretch: Stretch, near: Near) -> Segment:
    score = (stretch.llr - near.calibration.bias) / near.calibration.scale
    p = p_fake(stretch.llr)
    return Segment(start=stretch.start, end=stretch.end, verdict="fake", p_fake=p, score=score, near=True)


def overlaid(segments: Sequence[Segment], near: Sequence[Segment]) -> list[Segment]:
    """Segments of the windows with those of the near pass in them; where both say fake, the windows' stays."""
    fakes = [one for one in segments if one.verdict == "fake"]
    others = [one for one in segments if one.verdict != "fake"]
    found = [*fakes, *_without(near, fakes), *_without(others, near)]
    return sorted(found, key=lambda one: one.start)


def _without(segments: Sequence[Segment], holes: Sequence[Segment]) -> Iterator[Segment]:
    """What is left of each segment outside the holes, which are in order and apart."""
    for segment in segments:
        start = segment.start
        for hole in holes:
            if hole.end <= start or hole.start >= segment.end:
                continue
            if hole.start - start >= _SHORTEST:
                yield replace(segment, start=start, end=hole.start)
            start = hole.end
        if start == segment.start or segment.end - start >= _SHORTEST:
            yield replace(segment, start=start)


def near_notes(segments: Sequence[Segment]) -> tuple[str, ...]:
    """One sentence on what the near pass found in the segments, or none."""
    spans = [f"{clock(one.start)} to {clock(one.end)}" for one in segments if one.near]
    if not spans:
        return ()
    more = f" and {len(spans) - _MOST_NAMED} more places" if len(spans) > _MOST_NAMED else ""
    return (f"parts may be fake: {', '.join(spans[:_MOST_NAMED])}{more}, heard in short windows alone",)
