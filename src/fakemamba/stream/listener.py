"""From 16 kHz samples to the windows that need a score: one look back each hop, at places that chunks do not move.

    sound      ........====================......      silence, then somebody speaks
    looks            |   |   |   |   |   |   |         one each hop
    long window         [--]                           from where the sound began, growing
                        [------]
                        [----------]                   up to the model's window, then sliding
    near window              [-----]                   the newest part alone: it places changes

A look costs the same however long the stream has run: the activity of one window, and two windows to score.
"""

from dataclasses import dataclass, field

import numpy as np

from fakemamba.audio import FRAME, SAMPLE_RATE, Condition, Outside, activity, condition, outside
from fakemamba.audio.activity import BoolArray
from fakemamba.judge import MIN_DURATION, MIN_SPEECH
from fakemamba.scorer import FloatArray

_SURE = 12  # frames: what lies less than 240 ms back is still judged by too few neighbours to be counted


@dataclass(frozen=True)
class Window:
    """Samples that need a score.

    Attributes:
        wave: (N,) float32 mono at 16 kHz, ready for `Scorer.score`: repeated to fill the model's window if need be.
        start, end: seconds in the stream.
    """

    wave: FloatArray
    start: float
    end: float


@dataclass(frozen=True)
class Look:
    """What was heard up to one hop; plain values, so that it can wait for its scores in a saved state.

    Attributes:
        time: seconds heard.
        step: seconds since the look before.
        start: the long window reaches from here to `time`.
        onset: where the sound began, or the farthest look back if it began before.
        quiet: seconds of silence at the end.
        speech: seconds of speech in the long window.
        counted: seconds of speech newly counted: each frame by the first look that sees enough behind it.
        uncounted: seconds of speech that the next look will count.
        near: the near window reaches from here to `time`; None where it holds too little sound.
        ripe: whether the sound lasts long enough for a window.
        scores: how many windows wait for a score: 0, or 1 where long and near are the same, or 2.
        outside: why the long window is not for this model, though it sounds like speech; None if it is.
        condition: what the long window went through.
    """

    time: float
    step: float
    start: float
    onset: float
    quiet: float
    speech: float
    counted: float
    uncounted: float
    near: float | None
    ripe: bool
    scores: int
    outside: Outside | None = None
    condition: Condition | None = None


@dataclass
class Listener:
    """Keeps the last window of samples and looks at it each hop.

    Attributes:
        hop, first, near, longest: samples: between looks; of the first, of the near and of the longest window.
        pause: frames of silence after which a new stretch of sound begins.
        kept: (n,) the newest samples, at most `longest` before the last look.
        total: samples heard.
        looked: samples heard at the last look.
        peak: largest magnitude heard.
        judged: whether the last look had something to judge; if not, the next one comes after half a hop already,
            so that whoever begins to speak is judged soon.
    """

    hop: int
    first: int
    near: int
    longest: int
    pause: int
    kept: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    total: int = 0
    looked: int = 0
    peak: float = 0.0
    judged: bool = False

    def hear(self, wave: FloatArray) -> list[tuple[Look, list[Window]]]:
        """Take (n,) samples; one look with its windows for each hop, or half a hop, that they complete."""
        self.kept = np.concatenate([self.kept, wave])
        self.total += len(wave)
        self.peak = max(self.peak, float(np.abs(wave).max(initial=0.0)))
        looks = []
        while (end := self.looked + (self.hop if self.judged else self.hop // 2)) <= self.total:
            looks.append(self._look(end, self.first))
        self._trim()
        return looks

    def last(self) -> list[tuple[Look, list[Window]]]:
        """The rest behind the last hop, if there is any; a whole stream too short for a first window counts too."""
        if self.total == self.looked:
            return []
        return [self._look(self.total, round(MIN_DURATION * SAMPLE_RATE))]

    def _trim(self) -> None:
        surplus = len(self.kept) - (self.total - self.looked) - self.longest
        if surplus > 0:
            self.kept = self.kept[surplus:].copy()

    def _look(self, end: int, least: int) -> tuple[Look, list[Window]]:
        begin = self.total - len(self.kept)  # position of kept[0]
        seen = self.kept[max(0, end - self.longest - begin) : end - begin]
        heard = activity(seen)
        onset = _last_onset(heard.sound, self.pause) * FRAME
        # Whole hops, so that few lengths occur and can be scored in one batch; all of it if the sound began before.
        length = len(seen) if onset == 0 else min(len(seen), round((len(seen) - onset) / self.hop) * self.hop)
        frames = -(-length // FRAME)
        speech = _seconds(heard.speech[-frames:]) if length else 0.0
        new = end // FRAME - self.looked // FRAME
        quiet = _run_of_silence(heard.sound)
        heard_enough = length >= least and speech >= MIN_SPEECH and quiet < self.pause
        why = outside(seen[len(seen) - length :], heard.last(frames)) if heard_enough else None
        judged = heard_enough and why is None
        near = self._near_enough(heard.sound, length)
        windows = [self._window(seen, end, size) for size in dict.fromkeys([length, near or length])] if judged else []
        look = Look(
            time=end / SAMPLE_RATE,
            step=(end - self.looked) / SAMPLE_RATE,
            start=(end - length) / SAMPLE_RATE,
            onset=(end - len(seen) + onset) / SAMPLE_RATE,
            quiet=quiet * FRAME / SAMPLE_RATE,
            speech=speech,
            counted=_seconds(heard.speech[max(0, len(heard.speech) - _SURE - new) : max(0, len(heard.speech) - _SURE)]),
            uncounted=_seconds(heard.speech[-_SURE:]),
            near=None if near is None else (end - near) / SAMPLE_RATE,
            ripe=length >= least,
            scores=len(windows),
            outside=why,
            condition=condition(heard.last(frames)) if judged else None,
        )
        self.looked, self.judged = end, judged
        return look, windows

    def _near_enough(self, sound: BoolArray, length: int) -> int | None:
        size = min(self.near, length)
        frames = -(-size // FRAME)
        return size if size and sound[-frames:].mean() >= 0.5 else None

    @staticmethod
    def _window(seen: FloatArray, end: int, size: int) -> Window:
        return Window(seen[len(seen) - size :].copy(), (end - size) / SAMPLE_RATE, end / SAMPLE_RATE)


def _seconds(flags: BoolArray) -> float:
    return float(flags.sum()) * FRAME / SAMPLE_RATE


def _run_of_silence(sound: BoolArray) -> int:
    """Frames of silence at the end."""
    found = np.flatnonzero(sound)
    return len(sound) - 1 - int(found[-1]) if len(found) else len(sound)


def _last_onset(sound: BoolArray, pause: int) -> int:
    """The frame where the last stretch of sound begins whose gaps are all shorter than `pause`."""
    found = np.flatnonzero(sound)
    if len(found) == 0:
        return len(sound)
    gaps = np.flatnonzero(np.diff(found) > pause)
    return int(found[gaps[-1] + 1]) if len(gaps) else int(found[0])
