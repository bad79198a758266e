"""From scores to events: sums of evidence that open and close fake spans, and where these most likely begin and end.

A change must be told soon, and rarely without cause. Page's cumulative sum (Biometrika 1954, "Continuous inspection
schemes") does that with one number: evidence against the voice adds up, evidence for it takes off, never below zero.

    against += (edge of the band - llr) * new seconds        above `start_evidence`: a fake span starts
    for     += (llr - threshold) * new seconds               above `end_evidence`: it ends

Until then time has passed. The place of the change is the step that fits the newest near windows best, each being a
mixture of what lies before and after the step in the share of its length.
"""

import math
from dataclasses import dataclass, field

from fakemamba.audio import Outside
from fakemamba.decision import Verdict
from fakemamba.errors import CheckpointError
from fakemamba.judge import Judge, abstention, nothing_to_judge, said_of
from fakemamba.stream.changes import Point, step_between
from fakemamba.stream.events import End, Event, FakeEnded, FakeStarted, ScoreUpdate, Unsure, UnsureReason
from fakemamba.stream.listener import Look

_EARLIER, _LATER = 4.0, 1.0  # seconds around the first window with evidence; those that end there place the change
_PATIENCE = 2.0  # seconds of something else than speech before anything is said of it
_BEFORE = 1.0  # seconds before the first window with evidence where the change may lie

_SENTENCES: dict[UnsureReason, str] = {
    "silence": "nothing is heard",
    "no_speech": "no speech is heard",
    "little_speech": "too little speech is heard",
}


@dataclass
class Sums:
    """Over the whole stream; `others` as of `judge.abstention`, the rest as of `End`."""

    weight: float = 0.0
    score: float = 0.0
    llr: float = 0.0
    speech: float = 0.0
    fakes: int = 0
    fake_seconds: float = 0.0
    longest: tuple[float, float] | None = None
    others: dict[Outside, float] = field(default_factory=dict)
    first_verdict: float | None = None


@dataclass
class Fake:
    """An open fake span: where it starts, and the sum of its LLRs times seconds."""

    start: float
    llr: float = 0.0
    seconds: float = 0.0


@dataclass
class Track:
    """All that is remembered between looks; plain values of bounded size.

    Attributes:
        verdict, why: what was last said; why only if unsure.
        onset: where the current stretch of sound began.
        judged: time up to which the current stretch of sound is judged; None before its first look.
        sum, rising: the running sum, and since when it is above zero.
        points: the newest near windows of this stretch, and those around `rising`.
        fake: the open fake span.
        over: time when the last fake span ended.
        quiet, uncounted: seconds of silence at the end of the last look; of speech that it left to the next one.
    """

    verdict: Verdict | None = None
    why: UnsureReason | None = None
    onset: float = 0.0
    judged: float | None = None
    sum: float = 0.0
    rising: float | None = None
    points: list[Point] = field(default_factory=list)
    fake: Fake | None = None
    over: float = 0.0
    quiet: float = 0.0
    uncounted: float = 0.0
    sums: Sums = field(default_factory=Sums)


class Tracker:
    """Applies one judge and two limits of evidence to a `Track`, which it changes."""

    def __init__(self, judge: Judge, model: str, *, start_evidence: float, end_evidence: float, pause: float) -> None:
        self._judge, self._model, self._pause = judge, model, pause
        self._start, self._end = start_evidence, end_evidence

    def see(self, track: Track, look: Look, scores: list[float]) -> list[Event]:
        """The events of one look; `scores` are those of its windows, the long one first."""
        if not all(math.isfinite(score) for score in scores):
            raise CheckpointError(f"model {self._model}: a score is not a number; its weights do not fit its card")
        track.sums.speech += look.counted
        track.quiet, track.uncounted = look.quiet, look.uncounted
        if track.judged is None:
            track.onset = look.onset
        if not scores:
            return self._unheard(track, look)
        near = self._judge.llr(scores[-1], look.condition) if look.near is not None else None
        events = self._weigh(track, look, near) if near is not None and self._judge.decides else []
        # A long window that reaches back into a fake span that is over says little of now; the near one stands for it.
        past = look.near is not None and look.start < track.over
        score = scores[-1] if past else scores[0]
        llr = self._judge.llr(score, look.condition)
        verdict = self._verdict(track, llr)
        update = ScoreUpdate(
            time=look.time,
            start=look.near if past and look.near is not None else look.start,
            verdict=verdict,
            p_fake=self._judge.p_fake(llr),
            recent=None if near is None else self._judge.p_fake(near),
            llr=llr,
            score=score,
            speech=look.speech,
        )
        self._add(track, look, score, llr)
        return [*events, update, *self._say(track, look, verdict, llr)]

    def close(self, track: Track, duration: float, peak: float) -> list[Event]:
        """The last events: an open span ends, and the whole is summed up."""
        events = self._end_fake(track, duration, duration - track.quiet)
        sums = track.sums
        speech = min(duration, sums.speech + track.uncounted)
        reason = None
        if not sums.weight:
            reason = nothing_to_judge(duration, peak, speech, judged=False, others=sums.others)
        verdict: Verdict = "unsure"
        score = llr = None
        if reason is None:
            score, llr = sums.score / sums.weight, sums.llr / sums.weight
            reason = abstention(speech, sums.weight, sums.others)
            if reason is None:
                verdict, reason = self._judge.conclude(llr, sums.longest)
        end = End(
            time=duration,
            verdict=verdict,
            reason=reason,
            p_fake=None if llr is None else self._judge.p_fake(llr),
            llr=llr,
            score=score,
            speech=round(speech, 2),
            fakes=sums.fakes,
            fake_seconds=sums.fake_seconds,
            longest_fake=sums.longest,
            first_verdict=sums.first_verdict,
            operating_point=self._judge.operating_point,
        )
        return [*events, end]

    def _unheard(self, track: Track, look: Look) -> list[Event]:
        """Nothing to judge: a pause, no speech, something else than speech, or somebody has only just begun."""
        silent = look.quiet >= self._pause
        if not silent and not look.ripe:
            return []
        if look.outside is not None:
            track.sums.others[look.outside] = track.sums.others.get(look.outside, 0.0) + look.speech
            # A sung word or a jingle is let pass: what was said before it holds, and an open span stays open.
            if track.judged is not None and look.time - track.judged < _PATIENCE:
                return []
        why: UnsureReason = "silence" if silent else look.outside or ("little_speech" if look.speech else "no_speech")
        last = look.time - look.quiet if silent else track.judged or look.time
        events = self._end_fake(track, look.time, last)
        track.judged, track.sum, track.rising, track.points = None, 0.0, None, []
        reason = _SENTENCES[why] if look.outside is None else f"what is heard {said_of(look.outside)}"
        return events + self._unsure(track, look.time, why, reason)

    def _weigh(self, track: Track, look: Look, near: float) -> list[Event]:
        """Add the newest window to the running sum; a span starts or ends where it passes its limit."""
        assert look.near is not None
        fresh = look.time - (look.near if track.judged is None else track.judged)
        beyond = self._judge.low - near if track.fake is None else near - self._judge.decision.threshold
        track.sum = max(0.0, track.sum + beyond * fresh)
        if track.sum == 0.0:
            track.rising = None
        elif track.rising is None:
            track.rising = look.time
        track.points.append(Point(look.near, look.time, near))
        track.points = [
            point
            for point in track.points
            if point.end > look.time - _EARLIER or (track.rising is not None and _surrounds(point, track.rising))
        ]
        if track.sum <= (self._start if track.fake is None else self._end):
            return []
        return self._start_fake(track, look, near) if track.fake is None else self._leave_fake(track, look)

    def _start_fake(self, track: Track, look: Look, near: float) -> list[Event]:
        start = self._change(track, look, falling=True)
        track.sum, track.rising = 0.0, None
        track.fake = Fake(start)
        track.sums.fakes += 1
        return [FakeStarted(time=look.time, start=start, p_fake=self._judge.p_fake(near))]

    def _leave_fake(self, track: Track, look: Look) -> list[Event]:
        return self._end_fake(track, look.time, self._change(track, look, falling=False))

    def _change(self, track: Track, look: Look, *, falling: bool) -> float:
        """Where the LLR steps down or up, near the time since when the sum has risen."""
        rising, first = track.rising, track.points[0]
        assert rising is not None
        floor = track.over if track.fake is None else track.fake.start  # spans do not overlap
        if falling and rising == first.end:
            return max(floor, track.onset)  # it was fake as soon as anything was heard
        points = [point for point in track.points if _surrounds(point, rising)]
        least = rising - (points[-1].end - points[-1].start) - _BEFORE
        most = min(rising + _LATER, look.time)
        return step_between(points, max(least, floor, track.onset, points[0].start), most, falling=falling)

    def _end_fake(self, track: Track, time: float, end: float) -> list[Event]:
        fake = track.fake
        if fake is None:
            return []
        end = round(max(end, fake.start), 3)
        sums = track.sums
        sums.fake_seconds = round(sums.fake_seconds + end - fake.start, 3)
        if sums.longest is None or end - fake.start > sums.longest[1] - sums.longest[0]:
            sums.longest = (fake.start, end)
        track.fake, track.over, track.sum, track.rising = None, end, 0.0, None
        p_fake = self._judge.p_fake(fake.llr / fake.seconds) if fake.seconds else None
        return [FakeEnded(time=time, start=fake.start, end=end, p_fake=p_fake)]

    def _verdict(self, track: Track, llr: float) -> Verdict:
        """Fake within a fake span; else real from the upper edge of the band on, until it falls below the threshold."""
        if track.fake is not None:
            return "fake"
        stays = track.verdict == "real" and llr > self._judge.decision.threshold
        return "real" if self._judge.decides and (stays or self._judge.verdict(llr) == "real") else "unsure"

    def _add(self, track: Track, look: Look, score: float, llr: float) -> None:
        sums = track.sums
        sums.weight += look.speech
        sums.score += look.speech * score
        sums.llr += look.speech * llr
        if sums.first_verdict is None:
            sums.first_verdict = look.time
        if track.fake is not None:
            track.fake.llr += llr * look.step
            track.fake.seconds += look.step
        track.judged = look.time

    def _say(self, track: Track, look: Look, verdict: Verdict, llr: float) -> list[Event]:
        if verdict != "unsure":
            track.verdict, track.why = verdict, None
            return []
        if not self._judge.decides:
            return self._unsure(track, look.time, "uncalibrated", self._judge.undecided())
        if self._judge.verdict(llr) == "fake":
            reason = f"the evidence {llr:+.2f} points to a fake, but not for long enough yet"
        elif self._judge.verdict(llr) == "real":
            reason = f"the evidence {llr:+.2f} points to a real voice, but not for long enough yet"
        else:
            reason = self._judge.doubt(llr)
        return self._unsure(track, look.time, "evidence", reason)

    def _unsure(self, track: Track, time: float, why: UnsureReason, reason: str) -> list[Event]:
        if track.verdict == "unsure" and track.why == why:
            return []
        track.verdict, track.why = "unsure", why
        return [Unsure(time=time, why=why, reason=reason)]


def _surrounds(point: Point, rising: float) -> bool:
    return rising - _EARLIER < point.end <= rising + _LATER
