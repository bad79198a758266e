"""What is measured once of every 20 ms, for the two who ask where speech is (`activity`) and whether (`domain`)."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

FRAME = 320  # samples: 20 ms

_WINDOW, _FFT = 640, 1024
_LOW, _HIGH = 6, 243  # FFT lines: 94 to 3797 Hz
_TREBLE = slice(272, 496)  # FFT lines: 4250 to 7750 Hz; a telephone has nothing there, nor have resamplers an edge
_BANDS = 10
_SHORTEST_LAG, _LONGEST_LAG = 32, 231  # samples: 500 and 69 Hz
_CHUNK = 1024  # frames analysed at once, so that hours need no more memory than seconds
_TILT = 0.35  # +2 dB per octave, so that rumble and wind do not look periodic
_SMOOTH = 13  # lines, 200 Hz: what is smoother along frequency is no fine structure
_SHORT, _LONG = 3, 10  # frames
_FLOOR = -30.0  # dB below the strongest band; what is fainter is not looked at


@dataclass(frozen=True)
class Spectra:
    """What is measured of T frames, each through a 40 ms Hann window centred on it.

    Attributes:
        level: (T,) dBFS from 94 to 3797 Hz.
        pitch: (T,) 0-1, the height of the autocorrelation at the best lag from 69 to 500 Hz.
        lag: (T,) that lag in samples, between them by a parabola.
        breadth: (T,) effective number of spectral lines.
        shape: (T, bands) dB below the strongest band.
        power: (T,) of the whole band from 0 to 8 kHz, `bass` of what lies below 94 Hz, `treble` from 4.25 to 7.75 kHz;
            one unit for all.
        hold_short, hold_long: (T,) 0-1, how much of the fine structure along frequency is where it was 60 and 200 ms
            before; NaN where nothing was before.
    """

    level: FloatArray
    pitch: FloatArray
    lag: FloatArray
    breadth: FloatArray
    shape: FloatArray
    power: FloatArray
    bass: FloatArray
    treble: FloatArray
    hold_short: FloatArray
    hold_long: FloatArray

    def last(self, frames: int) -> "Spectra":
        """The newest so many frames."""
        return Spectra(*(getattr(self, one.name)[-frames:] for one in fields(self)))


def spectra(wave: FloatArray) -> Spectra:
    """Measure (N,) float32 mono at 16 kHz: T = ceil(N / 320) frames, at least one."""
    count = -(-len(wave) // FRAME)
    padded = np.zeros(count * FRAME + _WINDOW, np.float32)
    edge = (_WINDOW - FRAME) // 2
    padded[edge : edge + len(wave)] = wave
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: count * FRAME : FRAME]
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    parts = [_analysed(windows[start : start + _CHUNK] * hann, hann) for start in range(0, count, _CHUNK)]
    return Spectra(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _analysed(windows: FloatArray, hann: FloatArray) -> tuple[FloatArray, ...]:
    spectrum = np.fft.rfft(windows, _FFT)
    whole = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)  # (T, 513)
    power = whole[:, _LOW:_HIGH]  # (T, F)
    level = 10 * np.log10(power.sum(axis=1) / (0.5 * _FFT * np.sum(hann**2)) + 1e-12)
    pitch, lag, breadth = _periodic(power)
    edges = np.geomspace(_LOW, _HIGH, _BANDS + 1).round().astype(int)[:-1] - _LOW
    bands = 10 * np.log10(np.add.reduceat(power, edges, axis=1) + 1e-12)
    shape = np.maximum(bands - bands.max(axis=1, keepdims=True), _FLOOR)
    fine = _fine(power)
    short, long = _hold(fine, _SHORT), _hold(fine, _LONG)
    powers = (whole.sum(axis=1), whole[:, :_LOW].sum(axis=1), whole[:, _TREBLE].sum(axis=1))
    return level, pitch, lag, breadth, shape, *powers, short, long


def _periodic(power: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pitch, lag and breadth, each (T,)."""
    # The autocorrelation of amplitudes rather than powers: a single formant or tone no longer hides the harmonics.
    amplitude = np.zeros((len(power), _FFT // 2 + 1), np.float32)
    amplitude[:, _LOW:_HIGH] = np.sqrt(power) * np.arange(_LOW, _HIGH, dtype=np.float32) ** _TILT
    correlation = np.fft.irfft(amplitude)[:, : _LONGEST_LAG + 2].astype(np.float32)
    rows, best = np.arange(len(power)), correlation[:, _SHORTEST_LAG:-1].argmax(axis=1) + _SHORTEST_LAG
    before, peak, after = (correlation[rows, best + step] for step in (-1, 0, 1))
    bend = before - 2 * peak + after
    shift = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
    share = amplitude[:, _LOW:_HIGH]
    share = share / (share.sum(axis=1, keepdims=True) + 1e-12)
    breadth = np.exp(-(share * np.log(share + 1e-9)).sum(axis=1))  # exp(entropy): n for n equal lines
    return peak / (correlation[:, 0] + 1e-12), best + np.clip(shift, -1, 1), breadth


def _fine(power: FloatArray) -> FloatArray:
    """(T, F') what stands out of its neighbourhood along frequency, each frame of norm 1 (or 0)."""
    lines = np.log(power + 1e-10)
    sums = np.cumsum(np.pad(lines, ((0, 0), (_SMOOTH // 2 + 1, _SMOOTH // 2)), mode="edge"), axis=1)
    fine = np.maximum(lines - (sums[:, _SMOOTH:] - sums[:, :-_SMOOTH]) / _SMOOTH, 0.0)
    unit: FloatArray = fine / (np.sqrt((fine**2).sum(axis=1, keepdims=True)) + 1e-6)
    return unit


def _hold(fine: FloatArray, lag: int) -> FloatArray:
    """(T,) the product of each frame with the one `lag` frames before."""
    hold = np.full(len(fine), np.nan, np.float32)
    hold[lag:] = (fine[lag:] * fine[:-lag]).sum(axis=1)
    return hold
