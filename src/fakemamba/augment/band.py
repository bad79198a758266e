"""What microphones, lines and loudspeakers do to the spectrum: band limits, tilt, peaks. All zero-phase."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fakemamba.augment.effect import FloatArray, between, log_between
from fakemamba.augment.spectral import NYQUIST, grid_hertz, shape


@dataclass(frozen=True)
class Band:
    """Keeps low .. high Hz; half the amplitude at both edges.

    Attributes:
        low: lower edge in Hz, 0 for none.
        high: upper edge in Hz, 8000 for none.
        transition: width of each slope relative to its edge, e.g. 0.1; a raised cosine in amplitude.
        floor: gain outside, in dB (-90: gone; -30: a leaky line).
    """

    low: float
    high: float
    transition: float = 0.1
    floor: float = -90.0

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """A low-pass (half of all), a high-pass, both, or the telephone band."""
        kind = rng.choice(("low-pass", "high-pass", "both", "telephone"), p=(0.5, 0.15, 0.15, 0.2))
        low, high = 0.0, NYQUIST
        if kind in ("low-pass", "both"):
            high = log_between(rng, 7600.0 - 4600.0 * strength, 7800.0)
        if kind in ("high-pass", "both"):
            low = log_between(rng, 40.0, 60.0 + 340.0 * strength)
        if kind == "telephone":
            low, high = between(rng, 200.0, 350.0), between(rng, 3200.0, 3800.0)
        return cls(low, high, transition=between(rng, 0.03, 0.3), floor=between(rng, -90.0, -30.0))

    def response(self) -> FloatArray:
        """(GRID,) linear gain."""
        hertz = grid_hertz()
        gain = np.ones_like(hertz)
        if self.low > 0:
            gain *= _rise((hertz - self.low) / max(self.low * self.transition, 16.0))
        if self.high < NYQUIST:
            gain *= _rise((self.high - hertz) / max(self.high * self.transition, 16.0))
        return np.asarray(np.maximum(gain, 10 ** (self.floor / 20)), np.float32)

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        return shape(wave, self.response())


def _rise(place: FloatArray) -> FloatArray:
    """Raised cosine from 0 (place <= -0.5) to 1 (place >= 0.5)."""
    return np.asarray(0.5 + 0.5 * np.sin(np.pi * np.clip(place, -0.5, 0.5)), np.float32)


@dataclass(frozen=True)
class Equaliser:
    """A tilt around 1 kHz and a few peaks or dips.

    Attributes:
        tilt: dB per octave.
        peaks: (centre Hz, gain dB, width in octaves) each, bell-shaped over the logarithm of frequency.
    """

    tilt: float
    peaks: tuple[tuple[float, float, float], ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Up to three peaks of at most 9 dB and a tilt of at most 3 dB per octave, both times `strength`."""
        peaks = tuple(
            (log_between(rng, 100.0, 7000.0), between(rng, -9.0, 9.0) * strength, between(rng, 0.3, 1.5))
            for _ in range(int(rng.integers(0, 4)))
        )
        return cls(tilt=between(rng, -3.0, 3.0) * strength, peaks=peaks)

    def response(self) -> FloatArray:
        """(GRID,) linear gain; below 50 Hz the tilt no longer grows."""
        octaves = np.log2(np.maximum(grid_hertz(), 50.0))
        decibels = self.tilt * (octaves - np.log2(1000.0))
        for centre, gain, width in self.peaks:
            decibels = decibels + gain * np.exp(-0.5 * ((octaves - np.log2(centre)) / (width / 2)) ** 2)
        return np.asarray(10 ** (decibels / 20), np.float32)

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        return shape(wave, self.response())
