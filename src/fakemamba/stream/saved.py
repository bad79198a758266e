"""A stream's state as a plain value: JSON out, and checked on the way in."""

import base64
import binascii
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from fakemamba.errors import ConfigError
from fakemamba.scorer import FloatArray
from fakemamba.stream.config import StreamConfig
from fakemamba.stream.listener import Look
from fakemamba.stream.track import Track


@dataclass(frozen=True)
class SavedIntake:
    """See `audio.intake.Intake`; the samples as base64 of little-endian float32."""

    rate: int
    taken: int
    before: float
    tail: str


@dataclass(frozen=True)
class SavedListener:
    """What changes in a `Listener`."""

    kept: str
    total: int
    looked: int
    peak: float
    judged: bool


@dataclass(frozen=True)
class Saved:
    """All that a stream remembers.

    Attributes:
        model: name and SHA-256 of the model whose scores went in.
        looks, scores: what waits, and the scores that came for them so far.
        phase: running, finished (no more audio, scores are awaited) or ended.
    """

    format: Literal[1]
    model: tuple[str, str]
    config: StreamConfig
    intake: SavedIntake
    listener: SavedListener
    track: Track
    looks: list[Look]
    scores: list[float]
    phase: Literal["running", "finished", "ended"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "model": list(self.model), "config": self.config.model_dump()}


_ADAPTER = TypeAdapter(Saved)


def read_saved(data: Any) -> Saved:
    """Check what `Saved.to_dict` gave, perhaps by way of JSON; raises ConfigError with the first fault in one line."""
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ConfigError(f"the stream's state: {place}: {first['msg']}; give what Stream.state() returned") from error


def packed(wave: FloatArray) -> str:
    """(n,) float32 as text."""
    return base64.b64encode(wave.astype("<f4").tobytes()).decode("ascii")


def unpacked(text: str, most: int) -> FloatArray:
    """The samples of `packed`, at most `most`; raises ConfigError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ConfigError("the stream's state: its samples are damaged; give what Stream.state() returned") from error
    wave = np.frombuffer(raw[: len(raw) // 4 * 4], "<f4").astype(np.float32)
    if len(raw) % 4 or len(wave) > most or not np.isfinite(wave).all():
        raise ConfigError("the stream's state: its samples are damaged; give what Stream.state() returned")
    return wave
