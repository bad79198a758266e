"""What remains of a recording while it streams by: its windows, and of the judged ones five numbers each."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import FRAME, SAMPLE_RATE, Condition, Outside, activity, condition, outside
from fakemamba.judge import MIN_SPEECH, said_of
from fakemamba.scorer import FloatArray
from fakemamba.timeline import Scored, cell_count, clock

_MOST_SPANS = 3  # that a note names


@dataclass(frozen=True)
class Heard:
    """A window before it is judged: first sample, samples, seconds of speech; why it is not for this model, if so; what
    it went through."""

    start: int
    wave: FloatArray
    speech: float
    outside: Outside | None
    condition: Condition | None


@dataclass
class Track:
    """A recording so far.

    Attributes:
        scored: the judged windows.
        duration: seconds. peak: the largest magnitude.
        frames: 1 where a 20 ms frame holds speech.
        others: seconds of what sounds like speech in windows that are not for this model, by why.
        away: (start, end, why) of these windows, in seconds; those that touch are one.
        conditions: what the judged windows went through, None for neither.
    """

    scored: list[Scored] = field(default_factory=list)
    duration: float = 0.0
    peak: float = 0.0
    frames: bytearray = field(default_factory=bytearray)
    others: dict[Outside, float] = field(default_factory=lambda: defaultdict(float))
    away: list[tuple[float, float, Outside]] = field(default_factory=list)
    conditions: Counter[Condition | None] = field(default_factory=Counter)

    @property
    def speech(self) -> float:
        """Seconds of speech."""
        return self.frames.count(1) * FRAME / SAMPLE_RATE

    @property
    def spoken(self) -> NDArray[np.bool_]:
        """(T,) where frames of 20 ms hold speech."""
        return np.frombuffer(self.frames, dtype=np.uint8).astype(np.bool_)

    @property
    def judged(self) -> float:
        """Seconds of speech in the judged windows, which overlap."""
        return sum(window.speech for window in self.scored)

    def hear(self, start: int, wave: FloatArray) -> Heard:
        """Take a window in: its first sample's number, and (N,) samples."""
        found = activity(wave)
        first = round(start / FRAME)
        self.frames.extend(bytes(max(0, first + len(found.speech) - len(self.frames))))
        for k in np.flatnonzero(found.speech).tolist():
            self.frames[first + k] = 1
        self.duration = max(self.duration, (start + len(wave)) / SAMPLE_RATE)
        self.peak = max(self.peak, float(np.abs(wave).max(initial=0.0)))
        speech = float(found.speech.sum()) * FRAME / SAMPLE_RATE
        heard = Heard(start, wave, speech, outside(wave, found), condition(found))
        if heard.outside is not None and heard.speech >= MIN_SPEECH:
            self._leave_out(heard, heard.outside)
        return heard

    def cell_speech(self, hop: float) -> NDArray[np.float64]:
        """(cells,) seconds of speech in each cell of `hop` seconds."""
        count = cell_count(self.duration, hop)
        middles = (np.flatnonzero(np.frombuffer(self.frames, dtype=np.uint8)) + 0.5) * FRAME / SAMPLE_RATE
        cells = np.minimum((middles / hop).astype(int), count - 1)
        return np.bincount(cells, minlength=count).astype(np.float64) * (FRAME / SAMPLE_RATE)

    def notes(self) -> tuple[str, ...]:
        """What was left out of a recording that was judged otherwise, in one sentence for each kind."""
        notes = []
        for why in self.others:
            spans = [f"{clock(start)} to {clock(end)}" for start, end, kind in self.away if kind == why]
            more = f" and {len(spans) - _MOST_SPANS} more places" if len(spans) > _MOST_SPANS else ""
            notes.append(f"not judged: {', '.join(spans[:_MOST_SPANS])}{more}: it {said_of(why)}")
        return tuple(notes)

    def condition(self) -> Condition | None:
        """What most of the judged windows went through."""
        found, count = self.conditions.most_common(1)[0] if self.conditions else (None, 0)
        return found if 2 * count > self.conditions.total() else None

    def _leave_out(self, heard: Heard, why: Outside) -> None:
        start, end = heard.start / SAMPLE_RATE, (heard.start + len(heard.wave)) / SAMPLE_RATE
        self.others[why] += heard.speech
        if self.away and self.away[-1][2] == why and start <= self.away[-1][1]:
            start = self.away.pop()[0]
        self.away.append((start, end, why))
