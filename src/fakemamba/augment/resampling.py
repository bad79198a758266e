"""Another sampling rate and back: what it cuts, images and smears depends on the rate and the resampler."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import soxr

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, fit

RATES = (8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000)
QUALITIES = ("QQ", "LQ", "MQ", "HQ", "VHQ")


def resample(wave: FloatArray, rate_in: int, rate_out: int, quality: str = "MQ") -> FloatArray:
    """(N,) at one rate -> (about N · rate_out / rate_in,) at another, float32."""
    if rate_in == rate_out:
        return wave
    return np.asarray(soxr.resample(wave, rate_in, rate_out, quality=quality), np.float32)


@dataclass(frozen=True)
class Resampling:
    """16 kHz -> `rate` -> 16 kHz with soxr's `down` and `up` qualities (QQ is cubic and leaves images)."""

    rate: int
    down: str
    up: str

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Rates below 16 kHz, which lose the highs, come with probability 0.4 times `strength`."""
        below = rng.random() < 0.4 * strength
        rate = int(rng.choice([value for value in RATES if (value < SAMPLE_RATE) == below]))
        down, up = (str(rng.choice(QUALITIES)) for _ in range(2))
        return cls(rate=rate, down=down, up=up)

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        there = resample(wave, SAMPLE_RATE, self.rate, self.down)
        return fit(resample(there, self.rate, SAMPLE_RATE, self.up), len(wave))
