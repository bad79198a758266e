"""How a clip becomes a score: the four protocols.

    fixed   the first `window` samples, shorter clips repeated end to end: what the papers publish
    whole   the clip from end to end in one pass ("variable length")
    detect  what people get: overlapping windows, those with speech, one weighted mean and a verdict
    locate  windows every `hop` over the whole clip, for frame-level rates; the clip's score is its lowest window

Each has two halves: `prepare` reads one clip (called from several threads), `score` answers for many (one thread).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from fakemamba.audio import SAMPLE_RATE, Condition, Source, activity, condition, open_audio, windows
from fakemamba.data.dataset import Utterance
from fakemamba.decision import decide
from fakemamba.detect import Detector
from fakemamba.errors import AudioError, CheckpointError, ConfigError
from fakemamba.evaluation.clips import ScoredClip
from fakemamba.judge import told_of
from fakemamba.scorer import FloatArray, Scorer

ProtocolName = Literal["fixed", "whole", "detect", "locate"]
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)
_HOPS = 8  # windows of `locate` start every eighth of a window
_ALONE = 30 * SAMPLE_RATE  # a longer clip shares no batch in `whole`: the padding of the others would cost as much


@runtime_checkable
class PaddedScorer(Scorer, Protocol):
    """A scorer that takes clips of different length in one batch and gives each the score it gets alone."""

    def score_padded(self, waves: FloatArray, lengths: Sequence[int]) -> FloatArray:
        """(B, N) zero-padded at the end, (B,) samples of each -> (B,) raw scores."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A clip that was read: its seconds, the wave to judge or (detect) the answer, and what was wrong with it."""

    utterance: Utterance
    seconds: float
    wave: FloatArray | None = None
    answer: ScoredClip | None = None
    defects: tuple[str, ...] = ()


class ClipProtocol(Protocol):
    """What a protocol is to the loop that runs it."""

    def prepare(self, utterance: Utterance, source: Source | None = None) -> Prepared:
        """Read one clip, from `source` if not from its path; AudioError with the reason where it cannot be judged."""
        ...

    def score(self, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:
        """Answer for many clips, `batch` at once, in any order."""
        ...


class Fixed:
    """The first `window` samples."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._length = detector.card.model.window

    def prepare(self, utterance: Utterance, source: Source | None = None) -> Prepared:
        found = _read(utterance, source, self._length)
        return replace(found, wave=np.resize(_wave(found)[: self._length], self._length))

    def score(self, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:
        return _score_alike(self._detector, clips, batch)


class Whole:
    """The clip in one pass; clips of one length share a batch, others only where the scorer masks the padding."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def prepare(self, utterance: Utterance, source: Source | None = None) -> Prepared:
        found, shortest = _read(utterance, source, None), self._detector.scorer.shortest
        return found if _samples(found) >= shortest else replace(found, wave=np.resize(_wave(found), shortest))

    def score(self, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:
        ordered = sorted(clips, key=_samples)
        if isinstance(self._detector.scorer, PaddedScorer):
            short = [clip for clip in ordered if _samples(clip) <= _ALONE]
            answers = [answer for some in _chunks(short, batch) for answer in self._padded(self._detector.scorer, some)]
            return answers + _score_alike(self._detector, ordered[len(short) :], 1)
        alike = (list(group) for _, group in groupby(ordered, key=_samples))
        return [clip for group in alike for clip in _score_alike(self._detector, group, batch)]

    def _padded(self, scorer: PaddedScorer, clips: Sequence[Prepared]) -> list[ScoredClip]:
        lengths = [_samples(clip) for clip in clips]
        waves = np.zeros((len(clips), max(lengths)), dtype=np.float32)  # (B, N)
        for row, clip in zip(waves, clips, strict=True):
            row[: _samples(clip)] = _wave(clip)
        return _answers(self._detector, clips, scorer.score_padded(waves, lengths))


class Detect:
    """The detector's own line; clips in which it finds nothing to judge have no score."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def prepare(self, utterance: Utterance, source: Source | None = None) -> Prepared:
        result = self._detector.detect(utterance.path if source is None else source, name=utterance.id, near=False)
        if result.score is None:
            raise AudioError(f"nothing to judge: {result.reason}")
        verdict = result.verdict if self._detector.decides else None
        answer = ScoredClip(replace(utterance, seconds=result.duration), result.score, llr=result.llr, verdict=verdict)
        told = {told_of(one) for one in get_args(Condition)}  # of the sound, no defect of a file
        defects = tuple(text for text in result.warnings if not text.startswith("the model ") and text not in told)
        return Prepared(utterance, result.duration, answer=answer, defects=defects)

    def score(self, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:  # noqa: ARG002 - windows are its batch
        return [clip.answer for clip in clips if clip.answer is not None]


class Locate:
    """Scores over time; windows as long as the model's, shorter clips repeated or as they are, as the model takes."""

    def __init__(self, detector: Detector, hop: float | None = None) -> None:
        self._detector = detector
        self._length = detector.card.model.window
        self.hop = hop_samples(detector, hop) / SAMPLE_RATE

    def prepare(self, utterance: Utterance, source: Source | None = None) -> Prepared:
        return _read(utterance, source, None)

    def score(self, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:
        return [self._score_one(clip, batch) for clip in clips]

    def _score_one(self, clip: Prepared, batch: int) -> ScoredClip:
        cut = windows([_wave(clip)], self._length, round(self.hop * SAMPLE_RATE))
        scores: list[float] = []
        while some := [self._fit(wave) for _, wave in islice(cut, batch)]:
            scores += _checked(self._detector, self._detector.scorer.score(np.stack(some)))
        length = min(clip.seconds, self._length / SAMPLE_RATE)
        answer = _answer(self._detector, clip, min(scores))
        return replace(answer, windows=tuple(scores), hop=self.hop, window=length)

    def _fit(self, wave: FloatArray) -> FloatArray:
        least = self._length if self._detector.card.model.short == "repeat" else self._detector.scorer.shortest
        return wave if len(wave) >= least else np.resize(wave, least)


def open_protocol(name: ProtocolName, detector: Detector, *, hop: float | None = None) -> ClipProtocol:
    """A protocol by its name.

    Args:
        name: fixed, whole, detect or locate.
        detector: the model.
        hop: seconds between windows, for locate; None for an eighth of the model's window.

    Raises:
        ConfigError: an unknown name, or a hop that is none.
    """
    check_protocol(name)
    if hop is not None and name != "locate":
        raise ConfigError(f"a hop belongs to the protocol locate, not to {name}")
    plain: dict[str, Callable[[Detector], ClipProtocol]] = {"fixed": Fixed, "whole": Whole, "detect": Detect}
    return Locate(detector, hop) if name == "locate" else plain[name](detector)


def judge_waves(detector: Detector, sources: Sequence[Source], protocol: ProtocolName, batch: int) -> list[float]:
    """Raw scores of sounds in memory, in order; AudioError if one cannot be judged."""
    worker = open_protocol(protocol, detector)
    nowhere = [Utterance(str(k), Path(), label=1, corpus="") for k in range(len(sources))]
    clips = worker.score([worker.prepare(u, source) for u, source in zip(nowhere, sources, strict=True)], batch)
    return [clip.score for clip in sorted(clips, key=lambda clip: int(clip.utterance.id))]


def check_protocol(name: str) -> ProtocolName:
    """The name, if it is one; ConfigError otherwise."""
    for known in PROTOCOLS:
        if name == known:
            return known
    raise ConfigError(f"unknown protocol {name!r}: choose one of {', '.join(PROTOCOLS)}")


def hop_samples(detector: Detector, hop: float | None) -> int:
    """The hop of `locate` in samples; ConfigError if it is none or longer than the window."""
    length = detector.card.model.window
    if hop is None:
        return max(1, length // _HOPS)
    if not (math.isfinite(hop) and 1 <= round(hop * SAMPLE_RATE) <= length):
        raise ConfigError(f"a hop must lie above 0 and within the model's window of {detector.window:g} s, not {hop}")
    return round(hop * SAMPLE_RATE)


def _read(utterance: Utterance, source: Source | None, samples: int | None) -> Prepared:
    """The first `samples` (None: all) and the whole length, without reading on where the header tells it."""
    parts: list[FloatArray] = []
    count, complete = 0, True
    with open_audio(utterance.path if source is None else source) as stream:
        known = utterance.seconds or stream.duration
        for block in stream.blocks():
            parts.append(block if samples is None or count < samples else block[:0])
            count += len(block)
            if samples is not None and count >= samples and known is not None:
                complete = False
                break
        defects = stream.warnings
    seconds = count / SAMPLE_RATE if complete or known is None else max(known, count / SAMPLE_RATE)
    return Prepared(utterance, seconds, _joined(parts), defects=defects)


def _joined(parts: list[FloatArray]) -> FloatArray:
    """The parts one after the other; each is let go when it is copied, as hours of samples would be there twice."""
    wave, at = np.empty(sum(map(len, parts)), np.float32), 0
    parts.reverse()
    while parts:
        part = parts.pop()
        wave[at : at + len(part)] = part
        at += len(part)
    return wave


def _score_alike(detector: Detector, clips: Sequence[Prepared], batch: int) -> list[ScoredClip]:
    """Clips of one length."""
    answers: list[ScoredClip] = []
    for some in _chunks(clips, batch):
        waves = np.stack([_wave(clip) for clip in some]) if len(some) > 1 else _wave(some[0])[None]  # (B, N)
        answers += _answers(detector, some, detector.scorer.score(waves))
    return answers


def _answers(detector: Detector, clips: Sequence[Prepared], scores: FloatArray) -> list[ScoredClip]:
    return [_answer(detector, clip, score) for clip, score in zip(clips, _checked(detector, scores), strict=True)]


def _checked(detector: Detector, scores: FloatArray) -> list[float]:
    if not np.isfinite(scores).all():
        name = detector.card.name
        raise CheckpointError(f"model {name}: a score is not a number; its weights do not fit its card")
    values: list[float] = scores.tolist()
    return values


def _answer(detector: Detector, clip: Prepared, score: float) -> ScoredClip:
    # Where the card has no conditions, what a clip went through makes no difference: it is not looked for.
    heard = condition(activity(_wave(clip))) if detector.judge.conditions else None
    llr = detector.judge.llr(score, heard)
    verdict = decide(llr, detector.decision) if detector.decides else None
    known = replace(clip.utterance, seconds=clip.seconds)
    return ScoredClip(known, score, llr if detector.card.calibration else None, verdict)


def _chunks(clips: Sequence[Prepared], size: int) -> list[Sequence[Prepared]]:
    return [clips[start : start + size] for start in range(0, len(clips), size)]


def _wave(clip: Prepared) -> FloatArray:
    assert clip.wave is not None
    return clip.wave


def _samples(clip: Prepared) -> int:
    return len(_wave(clip))
