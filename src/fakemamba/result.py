"""What detection answers: one frozen `Result`, with `Segment`s over time and the windows behind them."""

from dataclasses import asdict, dataclass
from typing import Any

from fakemamba.decision import Verdict


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of speech with one verdict; stretches without speech are in no segment.

    Attributes:
        start, end: seconds from the beginning; no finer than half a window of the model, but where `near`.
        verdict: real, fake or unsure.
        p_fake: calibrated probability of a fake, where both are equally likely beforehand; None if uncalibrated.
        score: the model's raw score, higher = more genuine.
        near: whether short windows found it (always fake then): its times are finer, its p_fake and score are means
            over frames of 20 ms, by the near pass' own calibration.
    """

    start: float
    end: float
    verdict: Verdict
    p_fake: float | None
    score: float
    near: bool = False


@dataclass(frozen=True, kw_only=True)
class NearScores:
    """What the short windows of a near pass said; `fakemamba.near.frame_means` makes frames of 20 ms of them.

    Attributes:
        window, hop: seconds; window k starts at k hop, the last one ends with the recording.
        threshold: the evidence (LLR times seconds) that a fake stretch needed in this recording.
        llr: of each window, calibrated for short windows, to three decimals; None where nothing was judged.
    """

    window: float
    hop: float
    threshold: float
    llr: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class JudgedWindow:
    """One window as the model heard it; neighbours overlap by half. Windows with too little speech are not judged.

    Attributes:
        start, end: seconds from the beginning.
        speech: seconds of speech in it, its weight in the answer for the whole.
        p_fake: as of `Segment`; None if uncalibrated.
        llr: calibrated log-likelihood ratio, higher = more genuine; None if uncalibrated.
        score: the model's raw score, higher = more genuine.
    """

    start: float
    end: float
    speech: float
    p_fake: float | None
    llr: float | None
    score: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer for one recording.

    Attributes:
        source: name of what was judged.
        source_sha256: SHA-256 (hex) of the file's bytes; None where there was no file.
        duration, speech: seconds of audio, and of speech found in it.
        verdict: real, fake or unsure.
        p_fake: calibrated probability of a fake, where both are equally likely beforehand; None where there was
            too little speech to judge or the model is not calibrated.
        score: raw score, the mean over windows weighted by their speech; None where there was too little speech.
        llr: calibrated log-likelihood ratio (natural log) of the same windows; higher = more genuine; None as p_fake.
        threshold: the LLR that separates fake from real; around it lies the model's unsure band. For a model without
            calibration the raw score that was chosen; None where none was, and all verdicts are unsure.
        operating_point: the name of the decision in the model's card; None for a threshold of the caller's, or a card
            that names none.
        reason: one sentence that explains an `unsure`, else None.
        segments: verdicts over time; those of the windows, and in them what the near pass found fake.
        timeline: the judged windows in order, from which segments and the whole are made.
        near: the short windows' scores; None where the model takes no near look, was not asked to, or all that it
            could have heard went through a telephone or noise, or was not judged.
        warnings: one sentence for each thing that makes the answer less sure, such as a truncated file.
        model, model_sha256: name of the model, SHA-256 (hex) of its weights.
        precision: that it computed in: fp32 or bf16, of an ONNX file also fp16 or int8.
        version: of fakemamba.
    """

    source: str
    source_sha256: str | None = None
    duration: float
    speech: float
    verdict: Verdict
    p_fake: float | None
    score: float | None
    llr: float | None
    threshold: float | None
    operating_point: str | None = None
    reason: str | None = None
    segments: tuple[Segment, ...] = ()
    timeline: tuple[JudgedWindow, ...] = ()
    near: NearScores | None = None
    warnings: tuple[str, ...] = ()
    model: str
    model_sha256: str
    precision: str = "fp32"
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; segments, timeline and warnings as lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
