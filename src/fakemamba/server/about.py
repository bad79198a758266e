"""What `GET /v1/model` tells: the model, how it decides, how often it errs as far as its card says, and the limits."""

from typing import Any

from pydantic import BaseModel, Field

from fakemamba import __version__
from fakemamba.checkpoint.folder import Decision, OperatingPoint
from fakemamba.detect import Detector
from fakemamba.report.document import LIMITS, error_rates
from fakemamba.server.config import ServerConfig


class Threshold(BaseModel):
    """Fake below `unsure_below`, real above `unsure_above`, else unsure; log-likelihood ratios, or raw scores."""

    threshold: float
    unsure_below: float
    unsure_above: float


class Measured(BaseModel):
    """What an operating point did with clips of known truth; clips in no count were unsure."""

    on: str = Field(description="Which clips.")
    genuine: int
    genuine_called_fake: int
    genuine_called_real: int
    fake: int
    fakes_called_fake: int
    fakes_called_real: int


class Point(Threshold):
    """A decision with a name, to ask for as `operating_point`."""

    name: str
    purpose: str
    measured: list[Measured]


class NearWindows(BaseModel):
    """The short windows that look for short fakes in recordings: their length and step in seconds."""

    window: float
    hop: float


class Allowed(BaseModel):
    """What this server takes; sizes in bytes, times in seconds."""

    max_upload: int
    max_duration: float
    requests_at_once: int
    streams_at_once: int
    requests_per_minute: int
    stream_duration: float


class ModelInfo(BaseModel):
    """The answer of `GET /v1/model`."""

    name: str
    sha256: str = Field(description="Of the file of weights that runs.")
    precision: str = Field(description="That it computes in: fp32 or bf16, of an ONNX file also fp16 or int8.")
    version: str = Field(description="Of fakemamba.")
    licence: str
    origin: str
    calibrated: bool = Field(description="Without calibration there is no p_fake, and no verdict without a threshold.")
    decision: Threshold | None
    operating_point: str | None = Field(description="The name of `decision`, where it has one.")
    operating_points: list[Point] = Field(description="What can be asked for in its place; empty if nothing.")
    window: float = Field(description="Seconds that are judged at once.")
    hop: float = Field(description="Seconds from one window to the next, in recordings.")
    near: NearWindows | None = Field(
        description="In recordings, in a second look for short fakes; null if there is none."
    )
    conditions: list[str] = Field(
        description="Sound in which its scores mean something else and are calibrated apart: `telephone`, `noise`."
    )
    sample_rate: int = Field(description="Hz to which everything is resampled.")
    error_rates: dict[str, Any] = Field(
        description="What the model's card knows of its errors; empty where it says nothing, which is no good sign."
    )
    limits: list[str] = Field(description="What a verdict can and cannot say, for people.")
    allowed: Allowed


def model_info(detector: Detector, config: ServerConfig) -> ModelInfo:
    """Put together what is known of the model that runs."""
    card, decision = detector.card, detector.decision
    return ModelInfo(
        name=card.name,
        sha256=detector.model_sha256,
        precision=detector.scorer.precision,
        version=__version__,
        licence=card.licence,
        origin=card.origin,
        calibrated=card.calibration is not None,
        decision=Threshold(**_edges(decision)) if detector.decides else None,
        operating_point=detector.judge.operating_point,
        operating_points=[_point(point) for point in card.operating_points] if card.calibration else [],
        window=detector.window,
        hop=detector.window / 2,
        near=NearWindows(window=card.near.seconds, hop=card.near.hop) if card.near else None,
        conditions=sorted(card.conditions),
        sample_rate=detector.scorer.sample_rate,
        error_rates=error_rates(card),
        limits=list(LIMITS),
        allowed=Allowed(
            max_upload=config.max_upload,
            max_duration=config.max_duration,
            requests_at_once=config.client_requests,
            streams_at_once=config.client_streams,
            requests_per_minute=config.client_rate,
            stream_duration=config.stream_duration,
        ),
    )


def _edges(decision: Decision) -> dict[str, float]:
    return {
        "threshold": decision.threshold,
        "unsure_below": decision.low,
        "unsure_above": decision.high,
    }


def _point(point: OperatingPoint) -> Point:
    measured = [Measured(**counts.model_dump()) for counts in point.measured]
    return Point(name=point.name, purpose=point.purpose, measured=measured, **_edges(point.decision))
