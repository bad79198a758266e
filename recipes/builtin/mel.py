"""Mel spectra as vocoders want them, and the ways in which an acoustic model's mels differ from a recording's."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from recipes.builtin.manifest import Wave

Mel = NDArray[np.float32]  # (bands, frames), natural logarithm


def filters(rate: int, fft: int, bands: int, low: float, high: float) -> NDArray[np.float64]:
    """(bands, fft // 2 + 1) triangles on Slaney's scale: linear to 1 kHz, logarithmic above; equal area."""

    def to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(*to_mel(np.array([low, high])), bands + 2))
    bins = np.arange(fft // 2 + 1) * rate / fft
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]


@dataclass(frozen=True)
class Analysis:
    """The settings of a mel spectrum; the window is as long as the transform."""

    rate: int = 22_050
    fft: int = 1024
    hop: int = 256
    bands: int = 80
    low: float = 0.0
    high: float = 8_000.0

    @cached_property
    def _filters(self) -> NDArray[np.float64]:
        return filters(self.rate, self.fft, self.bands, self.low, self.high)

    def __call__(self, wave: Wave) -> Mel:
        """(N,) -> (bands, N // hop)."""
        pad = (self.fft - self.hop) // 2
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, pad, mode="reflect"), self.fft)[:: self.hop]
        spectrum = np.fft.rfft(frames * np.hanning(self.fft + 1)[:-1])
        magnitude = np.sqrt(np.abs(spectrum) ** 2 + 1e-9)
        return np.log(np.maximum(magnitude @ self._filters.T, 1e-5)).T.astype(np.float32)


HIFIGAN = Analysis()


def smoothed(mel: Mel, rng: np.random.Generator) -> Mel:
    """As a regression predicts it: blurred over time and bands, drawn to the mean, with an error of its own."""
    blurred = gaussian_filter(mel, (rng.uniform(0.2, 1.0), rng.uniform(0.3, 1.6)))
    mean = blurred.mean(axis=1, keepdims=True)
    shrunk = mean + rng.uniform(0.85, 1.0) * (blurred - mean)
    error = gaussian_filter(rng.normal(0, 1, mel.shape), (1.0, rng.uniform(0.5, 3.0)))
    return (shrunk + rng.uniform(0, 0.25) * error / max(float(error.std()), 1e-9)).astype(np.float32)


def warped(mel: Mel, rng: np.random.Generator) -> Mel:
    """Another throat: all formants moved by up to 15 %."""
    factor = rng.choice([rng.uniform(0.85, 0.95), rng.uniform(1.05, 1.15)])
    bands = np.arange(len(mel))
    return np.stack([np.interp(bands * factor, bands, frame) for frame in mel.T]).T.astype(np.float32)


def banded(mel: Mel, rng: np.random.Generator) -> Mel:
    """Weaker and weaker above a random band, as coarse acoustic models leave it."""
    cut = int(rng.integers(len(mel) * 6 // 10, len(mel) * 9 // 10))
    slope = rng.uniform(0.02, 0.12) * np.arange(len(mel) - cut)[:, None]
    made = mel.copy()
    made[cut:] = np.maximum(made[cut:] - slope, np.log(1e-5))
    return made


def distance(wave: Wave, copy: Wave, rate: int = 16_000) -> float:
    """Mean absolute difference of log-mels in dB, over the frames in which the first is loud."""
    analysis = Analysis(rate=rate, fft=512, hop=160, bands=40)
    count = min(len(wave), len(copy))
    a, b = analysis(wave[:count]), analysis(copy[:count])
    level = a.mean(axis=0)
    loud = level >= np.quantile(level, 0.3)
    return float(np.abs(a - b)[:, loud].mean() * 20 / np.log(10))
