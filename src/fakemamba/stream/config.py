"""How a stream is judged; the defaults suit the built-in model and a telephone call."""

from typing import Annotated

from pydantic import Field, field_validator

from fakemamba.audio import FRAME, SAMPLE_RATE
from fakemamba.config import Frozen
from fakemamba.errors import ConfigError

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _seconds(least: float, most: float) -> object:
    return Field(ge=least, le=most, allow_inf_nan=False)


class StreamConfig(Frozen):
    """Seconds throughout; those of windows and hop are rounded to frames of 20 ms.

    Evidence is counted in nats times seconds: how far the newest windows lie beyond the threshold's band, times the
    audio that they add. Two seconds of speech one nat beyond the edge weigh as much as one second two nats beyond.

    Attributes:
        hop: from one look to the next; also how fine times can be.
        first: the shortest window, judged this long after somebody begins to speak; a hop sooner or later.
        window: the longest window; None for the model's own.
        near: the window of the newest part, which places changes.
        pause: silence that parts speakers: it ends a fake span, and windows never reach back over it.
        threshold: LLR that separates fake from real; None for the detector's own. Its unsure band moves with it.
        operating_point: one of the model's, by name, in place of a threshold; None for the detector's own.
        start_evidence: evidence against the voice that starts a fake span; more means later and surer.
        end_evidence: evidence for the voice that ends one.
    """

    hop: Annotated[float, _seconds(0.1, 5.0)] = 0.5
    first: Annotated[float, _seconds(0.5, 30.0)] = 1.0
    window: Annotated[float, _seconds(0.5, 30.0)] | None = None
    near: Annotated[float, _seconds(0.5, 30.0)] = 1.5
    pause: Annotated[float, _seconds(0.2, 30.0)] = 1.0
    threshold: Finite | None = None
    operating_point: str | None = None
    start_evidence: Annotated[float, _seconds(0.0, 1000.0)] = 4.0
    end_evidence: Annotated[float, _seconds(0.0, 1000.0)] = 0.5

    @field_validator("hop", "first", "window", "near", "pause")
    @classmethod
    def _whole_frames(cls, seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds * SAMPLE_RATE / FRAME) * FRAME / SAMPLE_RATE


def window_samples(config: StreamConfig, model_window: int) -> tuple[int, int, int]:
    """(first, near, longest) in samples for a model's window.

    Raises:
        ConfigError: the windows do not nest.
    """
    longest = model_window if config.window is None else round(config.window * SAMPLE_RATE)
    if longest > model_window:
        raise ConfigError(
            f"window = {config.window} s is longer than the model's {model_window / SAMPLE_RATE} s; make it shorter"
        )
    for name, seconds in (("first", config.first), ("near", config.near), ("hop", config.hop)):
        if round(seconds * SAMPLE_RATE) > longest:
            raise ConfigError(f"{name} = {seconds} s is longer than the window of {longest / SAMPLE_RATE} s")
    return round(config.first * SAMPLE_RATE), round(config.near * SAMPLE_RATE), longest
