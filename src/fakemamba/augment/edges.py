"""What an editor, a converter or a synthesizer leaves at both ends of a clip."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, between, draw_seed, peak

EdgeKind = Literal["mute", "fill"]


@dataclass(frozen=True)
class Edges:
    """Digital silence at the edges, made or removed, so that no model can live on it.

    Attributes:
        kind: "mute" writes zeros over `head` and `tail`; "fill" puts noise of `floor` dBFS where the
            edges are exact zeros.
        head, tail: seconds.
        floor: dBFS of the filling.
        seed: of the filling.
    """

    kind: EdgeKind
    head: float
    tail: float
    floor: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Up to 0.4 s at each end."""
        kind: EdgeKind = "mute" if rng.random() < 0.5 else "fill"
        head, tail = (between(rng, 0.0, 0.4 * strength) for _ in range(2))
        return cls(kind=kind, head=head, tail=tail, floor=between(rng, -90.0, -60.0), seed=draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        if self.kind == "mute":
            return self._mute(wave)
        sounding = np.flatnonzero(wave)
        head, tail = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (len(wave), len(wave))
        noise = np.random.default_rng(self.seed).standard_normal(head + len(wave) - tail, dtype=np.float32)
        noise *= np.float32(10 ** (self.floor / 20))
        return np.concatenate((noise[:head], wave[head:tail], noise[head:]))

    def _mute(self, wave: FloatArray) -> FloatArray:
        """Never more than a quarter at each end: something must be left to judge."""
        out, quarter = wave.copy(), len(wave) // 4
        head, tail = (min(int(seconds * SAMPLE_RATE), quarter) for seconds in (self.head, self.tail))
        out[:head] = 0
        out[len(out) - tail :] = 0
        return out


def trim_edges(wave: FloatArray, below: float = 45.0, margin: float = 0.05) -> FloatArray:
    """The clip without its quiet ends: shorter, hence no effect of a chain but a step before a window is chosen.

    Args:
        wave: (N,) float32 16 kHz.
        below: dB under the loudest 20 ms frame at which a frame counts as quiet.
        margin: seconds kept around what sounds.

    Returns:
        A view of `wave`; all of it where nothing sounds.
    """
    frame = SAMPLE_RATE // 50
    frames = len(wave) // frame
    if frames < 1 or peak(wave) == 0:
        return wave
    loudness = np.abs(wave[: frames * frame]).reshape(frames, frame).max(axis=1)  # (T,)
    sounding = np.flatnonzero(loudness > loudness.max() * 10 ** (-below / 20))
    if not len(sounding):
        return wave
    kept = int(margin * SAMPLE_RATE)
    return wave[max(int(sounding[0]) * frame - kept, 0) : (int(sounding[-1]) + 1) * frame + kept]
