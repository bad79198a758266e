"""How loud, how clipped and with how many bits a clip was recorded."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fakemamba.augment.effect import FloatArray, between, draw_seed, peak


@dataclass(frozen=True)
class Level:
    """Sets the peak to `dbfs` (dB below full scale, <= 0)."""

    dbfs: float

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """0 down to -35 dBFS at full strength, louder ones more often."""
        return cls(dbfs=-(5.0 + 30.0 * strength) * float(rng.beta(1.0, 1.5)))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,); silence stays silence."""
        loudest = peak(wave)
        if loudest < 1e-9:
            return wave.copy()
        return wave * np.float32(10 ** (self.dbfs / 20) / loudest)


@dataclass(frozen=True)
class Clipping:
    """Overdrive: what exceeds `share` of the peak is cut (hard) or bent (tanh); the peak itself is kept."""

    share: float
    soft: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Down to a fifth of the peak at full strength."""
        return cls(share=between(rng, 1.0 - 0.8 * strength, 1.0), soft=bool(rng.random() < 0.5))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        loudest = peak(wave)
        if loudest < 1e-9:
            return wave.copy()
        ceiling = np.float32(loudest * self.share)
        bent = np.tanh(wave / ceiling) / np.tanh(1 / np.float32(self.share)) if self.soft else _cut(wave, ceiling)
        return (bent * np.float32(loudest)).astype(np.float32)


def _cut(wave: FloatArray, ceiling: np.float32) -> FloatArray:
    return np.clip(wave, -ceiling, ceiling) / ceiling


@dataclass(frozen=True)
class Quantise:
    """Rounds to `bits` (8 .. 16), with triangular dither of two steps when `dither`."""

    bits: int
    dither: bool
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """16 down to 8 bits at full strength."""
        fewest = round(16 - 8 * strength)
        return cls(bits=int(rng.integers(fewest, 17)), dither=bool(rng.random() < 0.5), seed=draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        steps = np.float32(2 ** (self.bits - 1))
        scaled = wave * steps
        if self.dither:
            rng = np.random.default_rng(self.seed)
            scaled += rng.random(len(wave), dtype=np.float32)
            scaled -= rng.random(len(wave), dtype=np.float32)
        return np.asarray(np.clip(np.round(scaled), -steps, steps - 1) / steps, np.float32)
