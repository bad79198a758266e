"""A simulated room: direct path, a few early reflections, an exponentially decaying tail of filtered noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, between, draw_seed, log_between, power
from fakemamba.augment.spectral import convolve, grid_hertz, shape

_MIXING = 0.02  # s: where single reflections have grown into a tail
_DECAY = 3 * np.log(10)  # e^-_DECAY in amplitude = 60 dB


@dataclass(frozen=True)
class Room:
    """Reverberation.

    Attributes:
        rt60: seconds until the tail has fallen by 60 dB, 0.1 .. 0.8.
        drr: direct-to-reverberant energy ratio in dB.
        damping: how much faster the highs (above `crossover` Hz) decay than the lows, >= 1.
        crossover: Hz between the slow and the fast part of the tail.
        reflections: number of early reflections.
        seed: of the reflections and of the tail's noise.
    """

    rt60: float
    drr: float
    damping: float
    crossover: float
    reflections: int
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """A room whose longest RT60 and lowest DRR follow `strength` (0 .. 1)."""
        return cls(
            rt60=log_between(rng, 0.1, 0.1 + 0.7 * strength),
            drr=between(rng, 20.0 - 22.0 * strength, 20.0),
            damping=between(rng, 1.0, 3.0),
            crossover=log_between(rng, 1000.0, 5000.0),
            reflections=int(rng.integers(3, 13)),
            seed=draw_seed(rng),
        )

    def response(self) -> FloatArray:
        """(K,) impulse response: 1 at sample 0, everything else scaled to the wanted ratio."""
        rng = np.random.default_rng(self.seed)
        taps = self._tail(rng)
        taps += self._early(rng, len(taps))
        taps[0] = 0.0
        energy = float(np.dot(taps, taps))
        taps *= np.float32(np.sqrt(10 ** (-self.drr / 10) / max(energy, 1e-12)))
        taps[0] = 1.0
        return taps

    def _tail(self, rng: np.random.Generator) -> FloatArray:
        length = max(int(self.rt60 * SAMPLE_RATE), 400)
        seconds = np.arange(length, dtype=np.float32) / SAMPLE_RATE
        noise = rng.standard_normal(length, dtype=np.float32)
        low = shape(noise, (1.0 / (1.0 + (grid_hertz() / self.crossover) ** 4)).astype(np.float32))
        fade = np.exp(seconds * np.float32(-_DECAY / self.rt60))
        rise = np.minimum(seconds / np.float32(_MIXING), 1)
        return np.asarray((low + (noise - low) * fade ** np.float32(self.damping - 1)) * fade * rise, np.float32)

    def _early(self, rng: np.random.Generator, length: int) -> FloatArray:
        taps = np.zeros(length, np.float32)
        places = rng.integers(16, min(800, length), self.reflections)  # 1 .. 50 ms
        # Spherical spreading: a reflection that travelled further is weaker; signs stand for absorption's phase.
        gains = rng.uniform(0.5, 1.0, self.reflections) * 100 / (100 + places) * rng.choice((-1, 1), self.reflections)
        np.add.at(taps, places, gains.astype(np.float32) * 4)
        return taps

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,): the direct sound stays where it was and the loudness is kept."""
        wet = convolve(wave, self.response())
        before, after = power(wave), power(wet)
        if after > 1e-12:
            wet *= np.float32(np.sqrt(before / after))
        return wet
