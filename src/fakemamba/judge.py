"""What one model's scores mean: score -> LLR -> verdict and p_fake, for a whole recording and for a running stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from fakemamba.audio import Condition, Outside
from fakemamba.checkpoint.card import Calibration, Decision, ModelCard
from fakemamba.decision import Verdict, decide, p_fake, to_llr
from fakemamba.errors import ConfigError
from fakemamba.operating import default_point, point_of
from fakemamba.timeline import clock

MIN_DURATION = 0.5  # seconds of audio below which nothing is judged
MIN_SPEECH = 0.25  # seconds of speech below which a window, or the whole, is not judged
ENOUGH_SPEECH = 1.0  # seconds of speech in the whole below which its evidence is no verdict
_SILENCE = 10 ** (-80 / 20)  # a peak below -80 dB of full scale


@dataclass(frozen=True)
class Judge:
    """The rules of one model and one operating point; made by `judge_of`.

    Attributes:
        name: of the model.
        calibrated: whether its scores are calibrated, so that there are probabilities.
        calibration: score -> LLR; the identity where there is none.
        conditions: the same for what went through one of these; where one is missing, `calibration` serves.
        decision: the threshold and the unsure band around it.
        decides: whether verdicts other than unsure are given at all.
        operating_point: the name that the model's card has for the decision; None for a threshold of the caller's.
    """

    name: str
    calibrated: bool
    calibration: Calibration
    decision: Decision
    decides: bool
    operating_point: str | None = None
    conditions: Mapping[Condition, Calibration] = field(default_factory=dict)

    def llr(self, score: float, condition: Condition | None = None) -> float:
        """The log-likelihood ratio of a raw score; the score itself where the model is not calibrated."""
        calibration = self.calibration if condition is None else self.conditions.get(condition, self.calibration)
        return to_llr(score, calibration)

    def notes(self, condition: Condition | None) -> tuple[str, ...]:
        """What to say of a whole that went through a condition with a calibration of its own: a sentence, or none."""
        return (told_of(condition),) if condition is not None and condition in self.conditions else ()

    def verdict(self, llr: float) -> Verdict:
        """real, fake or unsure for one LLR."""
        return decide(llr, self.decision) if self.decides else "unsure"

    def p_fake(self, llr: float) -> float | None:
        """The probability of a fake; None where the model is not calibrated."""
        return p_fake(llr) if self.calibrated else None

    @property
    def low(self) -> float:
        """Below it the verdict is fake."""
        return self.decision.low

    @property
    def high(self) -> float:
        """Above it the verdict is real."""
        return self.decision.high

    def conclude(self, llr: float, fake: tuple[float, float] | None) -> tuple[Verdict, str | None]:
        """The verdict on the whole, and the reason if unsure.

        Args:
            llr: of the whole.
            fake: start and end in seconds of a stretch that is confidently fake; it turns real into unsure.
        """
        if not self.decides:
            return "unsure", self.undecided()
        verdict = self.verdict(llr)
        if verdict != "fake" and fake is not None:
            return "unsure", (
                f"most of it sounds {'genuine' if verdict == 'real' else 'undecided'}, "
                f"but {clock(fake[0])} to {clock(fake[1])} sounds fake: it may be spliced"
            )
        return verdict, self.doubt(llr) if verdict == "unsure" else None

    def undecided(self) -> str:
        """Why a model without calibration and threshold is always unsure."""
        return (
            f"the model {self.name} is not calibrated and gives scores only; "
            "a threshold on its raw score turns them into verdicts"
        )

    def doubt(self, llr: float) -> str:
        """Why an LLR inside the band is unsure."""
        what = "evidence" if self.calibrated else "score"
        return f"the {what} {llr:+.2f} lies between {self.low:+.2f} and {self.high:+.2f}, where this model errs often"


def judge_of(card: ModelCard, threshold: float | None = None, operating_point: str | None = None) -> Judge:
    """The rules of a model; `threshold` replaces its own and the band keeps its width around it.

    Without a calibration the threshold is a raw score without a band, and None gives no verdicts.

    Raises:
        ConfigError: the threshold is not a finite number, the card has no such operating point, or both are given.
    """
    if threshold is not None and operating_point is not None:
        raise ConfigError(
            f"threshold {threshold:g} and operating point {operating_point!r} decide differently: give one of them"
        )
    if threshold is not None and not np.isfinite(threshold):
        raise ConfigError(f"threshold must be a finite number, not {threshold}")
    calibrated = card.calibration is not None
    decision = (calibrated and card.decision) or Decision()  # a band in LLR fits no raw scores
    point = default_point(card) if calibrated and threshold is None else None
    if operating_point is not None:
        point = point_of(card, operating_point)
        if not calibrated:
            raise ConfigError(f"the model {card.name} is not calibrated, so its operating points mean nothing")
        decision = point.decision
    if threshold is not None:
        decision = decision.model_copy(update={"threshold": threshold})
    return Judge(
        name=card.name,
        calibrated=calibrated,
        calibration=card.calibration or Calibration(),
        decision=decision,
        decides=calibrated or threshold is not None,
        operating_point=None if point is None else point.name,
        conditions=card.conditions,
    )


_OUTSIDE: dict[Outside, str] = {
    "music": "sounds like music or singing, and this model knows speech only",
    "clipping": "is heavily clipped: it was recorded far too loud, and what tells voices apart is gone",
}


_CONDITIONS: dict[Condition, str] = {
    "telephone": "nothing above 4 kHz, as on a telephone",
    "noise": "noise that leaves no pause quiet",
}


def told_of(condition: Condition) -> str:
    """A note on sound that is judged, but by a calibration of its own."""
    return (
        f"there is {_CONDITIONS[condition]}: the model knows less there, so it was judged by a calibration for that "
        "and not searched for replaced words"
    )


def said_of(why: Outside) -> str:
    """What is the matter with sound that is not judged; follows on a subject such as "it"."""
    return _OUTSIDE[why]


def abstention(speech: float, judged: float, others: Mapping[Outside, float]) -> str | None:
    """Why a whole gets no verdict although some of it was judged; None if nothing stands against one.

    Args:
        speech: seconds of speech found in it.
        judged: seconds of speech, or what sounds like it, in the windows that were judged.
        others: the same for windows that were not, by why not.
    """
    if others and sum(others.values()) > judged:
        return f"most of it {said_of(max(others, key=lambda why: others[why]))}"
    if speech < ENOUGH_SPEECH - 1e-6:
        return f"only {speech:.2f} s of speech were found; a verdict needs at least {ENOUGH_SPEECH:g} s"
    return None


def nothing_to_judge(
    duration: float, peak: float, speech: float, *, judged: bool, others: Mapping[Outside, float] = MappingProxyType({})
) -> str | None:
    """Why there is no verdict on a whole; None if some window of it was judged.

    Args:
        duration, speech: seconds of audio, and of speech found in it.
        peak: the largest magnitude in it.
        judged: whether any window was.
        others: as of `abstention`.
    """
    if duration < MIN_DURATION:
        return f"it lasts only {duration:.2f} s; at least {MIN_DURATION} s are needed"
    if peak < _SILENCE:
        return "it is silent"
    if speech == 0:
        return "no speech was found in it"
    if not judged and others:
        return f"it {said_of(max(others, key=lambda why: others[why]))}"
    if not judged:
        return f"only {speech:.2f} s of speech were found; at least {MIN_SPEECH} s at one place are needed"
    return None
