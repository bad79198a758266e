"""RawBoost's filters: several windowed-sinc band-stops in a row, plain (legacy) or all at once (fast).

One band-stop of odd length c around `centre`, with stop edges f1 < f2 (all frequencies over the rate), is

    h[m] = w[m] (delta[m] - 2 f2 sinc(2 f2 m) + 2 f1 sinc(2 f1 m)),   w = Hamming,   m = -(c - 1) / 2 .. (c - 1) / 2

scaled to a gain of 1 at 0 Hz. Convolving them multiplies their responses, which are real about the middle tap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray

_EDGE = 0.001  # Hz kept free at 0 and at half the rate
_GRID = 512  # frequencies, from 0 up, among which the published form looks for a response's highest point
DoubleArray = NDArray[np.float64]


@dataclass(frozen=True)
class Notches:
    """One drawn filter.

    Attributes:
        centres, widths: Hz of each band-stop.
        lengths: odd number of taps of each.
        gain: dB of the highest point of the whole response.
    """

    centres: tuple[float, ...]
    widths: tuple[float, ...]
    lengths: tuple[int, ...]
    gain: float

    def taps(self, rate: int = SAMPLE_RATE) -> DoubleArray:
        """(K,) the whole filter, symmetric; K = sum of lengths - (number of them - 1), odd."""
        whole = np.ones(1)
        designs = band_stops(self.centres, self.widths, self.lengths, rate)
        half = designs.shape[1] // 2
        for design, length in zip(designs, self.lengths, strict=True):
            whole = np.convolve(design[half - length // 2 : half + length // 2 + 1], whole)
        fold = -(-len(whole) // (2 * _GRID))
        highest = np.abs(np.fft.rfft(whole, 2 * _GRID * fold)[: _GRID * fold : fold]).max()
        return np.asarray(whole * (10 ** (self.gain / 20) / highest), np.float64)


def band_stops(
    centres: Sequence[float], widths: Sequence[float], lengths: Sequence[int], rate: int = SAMPLE_RATE
) -> DoubleArray:
    """(bands, longest) all band-stops, each centred in its row with zeros around it."""
    centre, width = np.asarray(centres)[:, None], np.asarray(widths)[:, None]
    half = np.asarray(lengths)[:, None] // 2  # (bands, 1)
    low = np.maximum(centre - width / 2, _EDGE) / rate
    high = np.minimum(centre + width / 2, rate / 2 - _EDGE) / rate
    reach = int(half.max())
    m = np.arange(-reach, reach + 1)  # (longest,)
    ideal = (m == 0) - 2 * high * np.sinc(2 * high * m) + 2 * low * np.sinc(2 * low * m)
    window = 0.54 + 0.46 * np.cos(np.pi * m / half)  # (bands, longest)
    taps = np.where(np.abs(m) <= half, ideal * window, 0.0)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float64)


def block_size(filters: Sequence[Notches]) -> int:
    """The length of the blocks in which these filters are applied: 2048, more only for very long ones."""
    longest = max(sum(one.lengths) for one in filters)
    return max(2048, 1 << (4 * longest - 1).bit_length() - 1)


def responses(filters: Sequence[Notches], size: int) -> FloatArray:
    """(filters, size // 2 + 1) zero-phase responses for a real FFT of `size`, which must hold each whole filter.

    The filters must have equally many bands. Responses are real, so a cascade is their plain product.
    """
    designs = band_stops(
        [hertz for one in filters for hertz in one.centres],
        [hertz for one in filters for hertz in one.widths],
        [taps for one in filters for taps in one.lengths],
    )
    half = designs.shape[1] // 2
    rolled = np.zeros((len(designs), size), np.float32)  # the middle tap at 0, what lies before it at the end
    rolled[:, : half + 1] = designs[:, half:]
    rolled[:, size - half :] = designs[:, :half]
    real = np.fft.rfft(rolled).real.reshape(len(filters), -1, size // 2 + 1)
    whole = real.prod(axis=1)  # (filters, size // 2 + 1)
    every = size // 2 // _GRID
    highest = np.abs(whole[:, : size // 2 : every]).max(axis=1, keepdims=True)
    gains = 10 ** (np.array([[one.gain] for one in filters]) / 20)
    return np.asarray(whole * (gains / highest), np.float32)


def filter_powers(wave: FloatArray, filters: Sequence[Notches]) -> FloatArray:
    """sum_i h_i * wave^i, (N,) -> (N,): every power through its own filter, by overlap-save.

    Blocks keep the FFTs inside the cache. Each starts `reach` samples before what it yields and ends `reach`
    after it; like the published form the output is one sample early.

        block k        |reach|......... hop .........|reach|
        block k + 1                            |reach|......... hop .........|reach|
    """
    size = block_size(filters)
    reach = max(sum(one.lengths) for one in filters) // 2 + 2
    hop = size - 2 * reach
    blocks = -(-len(wave) // hop)
    padded = np.zeros(blocks * hop + 2 * reach, np.float32)
    padded[reach : reach + len(wave)] = wave
    base = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  # (blocks, size)
    total, power = np.zeros((blocks, size // 2 + 1), np.complex64), base
    for order, response in enumerate(responses(filters, size)):
        power = power * base if order else base
        spectrum = np.fft.rfft(power, norm="ortho")  # both ways: see spectral.py
        spectrum *= response
        total += spectrum
    pieces = np.fft.irfft(total, size, norm="ortho")[:, reach + 1 : reach + 1 + hop]
    return pieces.reshape(-1)[: len(wave)].astype(np.float32)
