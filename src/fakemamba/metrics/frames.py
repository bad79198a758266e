"""Where is the fake? Frame-level equal error rate at several time resolutions.

The re-pooling rule, for scores and labels alike (1 = genuine, higher = more genuine):

1. Frames are repeated to the greatest common divisor of their own and the wanted duration (10 ms from 20 ms: twice).
2. Scores and labels of a file are cut to the shorter of the two; up to two frames (of the longer kind) may differ,
   because front-ends round the end differently; more is an error.
3. Frames are pooled to the wanted duration by the minimum: a frame is spoofed if any part of it is, and is as
   suspicious as its most suspicious part ("mean" pools scores by their average instead). A last partial frame is
   pooled from what it holds.
4. Frames of all files are put together; the tie-aware EER is taken over them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import DataError
from fakemamba.metrics.rates import eer
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Floats

RESOLUTIONS_MS = (10, 20, 40, 80, 160, 320, 640)
_SLACK = 2  # frames by which scores and labels of one file may differ

Pool = Literal["min", "mean"]


@dataclass(frozen=True)
class FrameEer(Record):
    """The frame-level EER (a fraction) at one resolution, and over how many frames."""

    resolution_ms: int
    value: float
    threshold: float
    n_bonafide: int
    n_spoof: int


def frame_eer(
    scores: Mapping[str, ArrayLike],
    labels: Mapping[str, ArrayLike],
    *,
    score_ms: int = 20,
    label_ms: int = 20,
    resolutions_ms: Sequence[int] = RESOLUTIONS_MS,
    pool: Pool = "min",
) -> tuple[FrameEer, ...]:
    """Frame-level EER over a set of files.

    Args:
        scores: file -> (T,) frame scores, higher = more genuine.
        labels: file -> (T',) frame labels, 1 = genuine, 0 = spoof (PartialSpoof: '1' and '0' as text are read too).
        score_ms: duration of a score's frame in ms.
        label_ms: duration of a label's frame in ms.
        resolutions_ms: at which to measure.
        pool: how scores are pooled; labels always by the minimum.

    Raises:
        DataError: files differ, lengths differ by more than two frames, or a class is absent at a resolution.
    """
    if set(scores) != set(labels):
        odd = sorted(set(scores) ^ set(labels))
        raise DataError(f"frame scores and labels cover different files: {len(odd)} in only one, such as {odd[0]!r}")
    if not scores or min(score_ms, label_ms, *resolutions_ms) < 1:
        raise DataError("frame-level EER needs at least one file and durations of at least 1 ms")
    pairs = [_align(name, scores[name], labels[name], score_ms, label_ms) for name in sorted(scores)]
    base = math.gcd(score_ms, label_ms)
    return tuple(_at(pairs, base, resolution, pool) for resolution in resolutions_ms)


def _at(pairs: list[tuple[Floats, Floats]], base_ms: int, resolution_ms: int, pool: Pool) -> FrameEer:
    pooled = [repool(score, base_ms, resolution_ms, pool=pool) for score, _ in pairs]
    truth = [repool(label, base_ms, resolution_ms) for _, label in pairs]
    result = eer(np.concatenate(pooled), np.concatenate(truth))
    return FrameEer(resolution_ms, result.value, result.threshold, result.n_bonafide, result.n_spoof)


def repool(frames: ArrayLike, frame_ms: int, wanted_ms: int, *, pool: Pool = "min") -> Floats:
    """(T,) frames of `frame_ms` -> (ceil(T frame_ms / wanted_ms),) frames of `wanted_ms`, by the rule above."""
    step = math.gcd(frame_ms, wanted_ms)
    fine = np.repeat(np.asarray(frames, dtype=np.float64), frame_ms // step)
    width = wanted_ms // step
    starts = np.arange(0, len(fine), width)
    if pool == "min":
        return np.minimum.reduceat(fine, starts) if len(fine) else fine
    sizes = np.minimum(starts + width, len(fine)) - starts
    return np.add.reduceat(fine, starts) / sizes if len(fine) else fine


def _align(name: str, scores: ArrayLike, labels: ArrayLike, score_ms: int, label_ms: int) -> tuple[Floats, Floats]:
    """Scores and labels of a file on their common, finest grid, cut to the shorter."""
    try:
        score, label = (np.asarray(frames).astype(np.float64) for frames in (scores, labels))
    except ValueError as error:
        raise DataError(f"{name}: frame scores and labels must be numbers ({error})") from error
    if score.ndim != 1 or label.ndim != 1:
        raise DataError(f"{name}: frame scores and labels must have the shape (T,), not {score.shape}, {label.shape}")
    apart = abs(len(score) * score_ms - len(label) * label_ms)
    if apart > _SLACK * max(score_ms, label_ms):
        raise DataError(
            f"{name}: {len(score)} scores of {score_ms} ms against {len(label)} labels of {label_ms} ms "
            f"differ by {apart} ms: check the frame durations"
        )
    base = math.gcd(score_ms, label_ms)
    fine: list[NDArray[np.float64]] = [np.repeat(score, score_ms // base), np.repeat(label, label_ms // base)]
    length = min(len(fine[0]), len(fine[1]))
    return fine[0][:length], fine[1][:length]
