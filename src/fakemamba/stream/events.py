"""What a stream says, as frozen values; `to_dict()` is ready for JSON. All times are seconds in the stream."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from fakemamba.decision import Verdict

UnsureReason = Literal["silence", "no_speech", "little_speech", "music", "clipping", "evidence", "uncalibrated"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        time: seconds of audio that had been heard when this was said.
        event: which kind, as in JSON.
    """

    event: ClassVar[str] = ""
    time: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the kind first."""
        return {"event": self.event, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class ScoreUpdate(Event):
    """One more hop was judged.

    Attributes:
        start: the judged window reaches from here to `time`.
        verdict: of that window, with hysteresis: real, fake or unsure.
        p_fake: calibrated probability of a fake in the window; None if the model is not calibrated.
        recent: the same for its last part only, which is noisier and tells sooner of a change.
        llr: calibrated log-likelihood ratio of the window, higher = more genuine; a raw score if not calibrated.
        score: the model's raw score.
        speech: seconds of speech found in the window.
    """

    event: ClassVar[str] = "score"
    start: float
    verdict: Verdict
    p_fake: float | None
    recent: float | None
    llr: float
    score: float
    speech: float


@dataclass(frozen=True, kw_only=True)
class FakeStarted(Event):
    """Fake speech was recognised.

    Attributes:
        start: where it most likely begins; earlier than `time`.
        p_fake: of the window that decided.
    """

    event: ClassVar[str] = "fake_started"
    start: float
    p_fake: float | None


@dataclass(frozen=True, kw_only=True)
class FakeEnded(Event):
    """Fake speech is over: genuine speech follows, or silence, or the end.

    Attributes:
        start, end: the span, as it is best known now; `start` is that of its FakeStarted.
        p_fake: of the mean evidence over the span.
    """

    event: ClassVar[str] = "fake_ended"
    start: float
    end: float
    p_fake: float | None


@dataclass(frozen=True, kw_only=True)
class Unsure(Event):
    """From here on there is no verdict, until a score update or a fake says otherwise.

    Attributes:
        why: one word, for programs.
        reason: one sentence, for people.
    """

    event: ClassVar[str] = "unsure"
    why: UnsureReason
    reason: str


@dataclass(frozen=True, kw_only=True)
class End(Event):
    """The stream is over; the verdict on the whole, by the rules of `Detector.detect`.

    Attributes:
        verdict, reason: real, fake or unsure, and why if unsure.
        p_fake, llr, score: means over all judged windows, weighted by their speech; None where nothing was judged.
        speech: seconds of speech found.
        fakes, fake_seconds: how many fake spans there were, and how long together.
        longest_fake: (start, end) of the longest; None if there was none.
        first_verdict: time of the first score update; None if there was none.
        operating_point: the name of the decision in the model's card, as of `Result`.
    """

    event: ClassVar[str] = "end"
    verdict: Verdict
    reason: str | None
    p_fake: float | None
    llr: float | None
    score: float | None
    speech: float
    fakes: int
    fake_seconds: float
    longest_fake: tuple[float, float] | None
    first_verdict: float | None
    operating_point: str | None = None
