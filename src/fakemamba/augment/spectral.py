"""Filtering by FFT in float32, at lengths that the FFT likes.

Transforms here are `norm="ortho"` both ways: numpy 2 computes a transform whose factor is 1 (the default
forward one) in float64 and casts, four times slower; a factor that is a fraction keeps float32 in its own loop.
"""

from functools import lru_cache

import numpy as np

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray

GRID = 513  # points of a frequency response, 0 .. 8 kHz: 15.6 Hz apart
NYQUIST = SAMPLE_RATE / 2


@lru_cache(maxsize=256)
def fast_length(at_least: int) -> int:
    """The smallest even 2^a 3^b 5^c that is not below `at_least`."""
    best = 1 << max(at_least - 1, 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            quotient = -(-at_least // threes)
            candidate = threes * max(2, 1 << (quotient - 1).bit_length())
            best = min(best, candidate)
            threes *= 3
        fives *= 5
    return best


@lru_cache(maxsize=1)
def grid_hertz() -> FloatArray:
    """(GRID,) the frequencies at which responses are written."""
    hertz = np.linspace(0.0, NYQUIST, GRID, dtype=np.float32)
    hertz.setflags(write=False)
    return hertz


@lru_cache(maxsize=8)
def _positions(bins: int) -> tuple[np.ndarray, FloatArray]:
    place = np.linspace(0.0, GRID - 1, bins)
    left = np.minimum(place.astype(np.int32), GRID - 2)
    return left, (place - left).astype(np.float32)


def stretch(response: FloatArray, bins: int) -> FloatArray:
    """(GRID,) -> (bins,) by linear interpolation, the positions remembered (np.interp costs three times as much)."""
    left, share = _positions(bins)
    start = response.astype(np.float32)
    slope = np.append(np.diff(start), np.float32(0))
    out: FloatArray = start[left]
    out += slope[left] * share
    return out


def shape(wave: FloatArray, response: FloatArray) -> FloatArray:
    """Multiply the spectrum by a real gain: zero phase, so nothing moves in time.

    Args:
        wave: (N,) float32.
        response: (GRID,) linear gain at `grid_hertz()`.

    Returns:
        (N,) float32. 64 ms of zeros between end and start keep the filter from wrapping around.
    """
    size = fast_length(len(wave) + SAMPLE_RATE // 16)
    spectrum = np.fft.rfft(wave, size, norm="ortho")
    spectrum *= stretch(response, len(spectrum))
    return np.fft.irfft(spectrum, size, norm="ortho")[: len(wave)].astype(np.float32)


def convolve(wave: FloatArray, taps: FloatArray) -> FloatArray:
    """Causal convolution, cut to the wave's length: (N,), (K,) -> (N,)."""
    size = fast_length(len(wave) + len(taps) - 1)
    spectrum = np.fft.rfft(wave, size, norm="ortho")
    spectrum *= np.fft.rfft(taps * np.float32(size**0.5), size, norm="ortho")
    return np.fft.irfft(spectrum, size, norm="ortho")[: len(wave)].astype(np.float32)
