"""Additive noise at a wanted signal-to-noise ratio: coloured, hum, from a bank, babble."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, active_power, between, draw_seed, power
from fakemamba.augment.spectral import fast_length

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}  # power falls as 1 / f^value


def draw_snr(rng: np.random.Generator, strength: float) -> float:
    """dB: 40 down to 5 at full strength."""
    return between(rng, 40.0 - 35.0 * strength, 40.0)


def mix(wave: FloatArray, noise: FloatArray, snr: float) -> FloatArray:
    """Add `noise` (N,) so that the active speech is `snr` dB above it; silence gets none, for it has no level."""
    signal, disturbance = active_power(wave), power(noise)
    if signal < 1e-12 or disturbance < 1e-12:
        return wave.copy()
    gain = np.sqrt(signal / disturbance * 10 ** (-snr / 10))
    mixed: FloatArray = noise * np.float32(gain)
    mixed += wave
    return mixed


def coloured(rng: np.random.Generator, length: int, exponent: float) -> FloatArray:
    """(length,) Gaussian noise of power 1 / f^exponent above 20 Hz, made in the frequency domain: one FFT."""
    size = fast_length(max(length, 64))
    parts = rng.standard_normal((size // 2 + 1, 2), dtype=np.float32)
    if exponent:
        hertz = np.maximum(np.arange(len(parts), dtype=np.float32) * (SAMPLE_RATE / size), 20)
        parts *= (hertz ** np.float32(-exponent / 2))[:, None]
    parts[0] = 0
    return np.fft.irfft(parts.view(np.complex64)[:, 0], size)[:length].astype(np.float32)


@dataclass(frozen=True)
class Noise:
    """Stationary Gaussian noise; `exponent` 0 white, 1 pink, 2 brown, anything between; `snr` in dB."""

    snr: float
    exponent: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Any colour from white to brown."""
        return cls(snr=draw_snr(rng, strength), exponent=between(rng, 0.0, 2.0), seed=draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        return mix(wave, coloured(np.random.default_rng(self.seed), len(wave), self.exponent), self.snr)


@dataclass(frozen=True)
class Hum:
    """Mains hum: harmonics of 50 or 60 Hz that fall by `slope` dB each; `snr` in dB."""

    snr: float
    mains: int
    harmonics: int
    slope: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """European or American mains."""
        return cls(
            snr=draw_snr(rng, strength),
            mains=int(rng.choice((50, 60))),
            harmonics=int(rng.integers(3, 16)),
            slope=between(rng, 1.0, 8.0),
            seed=draw_seed(rng),
        )

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,). Both mains repeat after 0.1 s, so only that is computed."""
        phases = np.random.default_rng(self.seed).uniform(0, 2 * np.pi, self.harmonics)
        order = np.arange(1, self.harmonics + 1)
        turns = np.outer(order, np.arange(SAMPLE_RATE // 10)) * (self.mains / SAMPLE_RATE)
        waves = np.sin(2 * np.pi * turns + phases[:, None])  # (harmonics, 0.1 s)
        period = (10 ** (-self.slope * (order - 1) / 20)) @ waves
        return mix(wave, np.resize(period.astype(np.float32), len(wave)), self.snr)


@dataclass(frozen=True)
class BankNoise:
    """Recorded noise, or several voices at once (babble).

    Attributes:
        snr: dB.
        clips: the recordings that are summed at equal power, each (M,) float32 16 kHz; shorter ones are repeated.
        starts: where to begin in each, as a share of its length in [0, 1).
    """

    snr: float
    clips: tuple[FloatArray, ...] = field(repr=False, compare=False)
    starts: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, bank: Sequence[FloatArray], strength: float = 1.0, voices: int = 1) -> Self:
        """`voices` clips of the bank: 1 for noise, 3 and more for babble."""
        chosen = rng.integers(0, len(bank), voices)
        starts = tuple(float(value) for value in rng.random(voices))
        return cls(snr=draw_snr(rng, strength), clips=tuple(bank[int(i)] for i in chosen), starts=starts)

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        total = np.zeros(len(wave), np.float32)
        for clip, start in zip(self.clips, self.starts, strict=True):
            piece = _stretch_of(clip, int(start * len(clip)), len(wave))
            level = power(piece)
            if level > 1e-12:
                total += piece * np.float32(level**-0.5)
        return mix(wave, total, self.snr)


def _stretch_of(clip: FloatArray, start: int, length: int) -> FloatArray:
    """`length` samples from `start` on, the clip repeated end to end."""
    if start + length <= len(clip):
        return clip[start : start + length]
    return np.resize(np.concatenate((clip[start:], clip[:start])), length)
