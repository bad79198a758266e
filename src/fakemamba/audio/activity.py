"""Where speech is plausible: pitched, broad, deep and moving, measured on 20 ms frames.

A frame counts as voiced speech when, within 90-3800 Hz (a telephone keeps enough of it),

    level    it is above -75 dBFS and within 45 dB of the recording's loud parts    else: silence, dither
    pitch    its amplitude spectrum repeats every 69-500 Hz                         else: noise, clicks, wind
    breadth  its amplitudes fill 20 spectral lines or more                          else: sines, beeps, DTMF, chirps
    depth    a band from 190 to 585 Hz is within 10 dB of the strongest             else: cats, squeaks; thumps
    motion   its band levels move by 2.2 dB within 60 ms, at a constant volume      else: hum, organs, held chords

and when most pitched frames of its half second do so too. The unvoiced sounds around it belong to it, so
what is found grows by 160 ms to both sides. Whispering has no pitch and is not found; singing may be, or not.
The numbers were chosen on human, synthetic and converted speech, noises and signals: see benchmarks/activity.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

FRAME = 320  # samples: 20 ms

_WINDOW, _FFT = 640, 1024
_LOW, _HIGH = 6, 243  # FFT lines: 94 to 3797 Hz
_BANDS = 10
_DEEP_BANDS = slice(2, 5)  # of them, those from 190 to 585 Hz
_SHORTEST_LAG, _LONGEST_LAG = 32, 231  # samples: 500 and 69 Hz
_CHUNK = 1024  # frames analysed at once, so that hours need no more memory than seconds

_FAINTEST, _LOUD, _RANGE = -75.0, 95.0, 45.0
_PITCH = 0.2  # of the autocorrelation at lag zero
_TILT = 0.35  # +2 dB per octave, so that rumble and wind do not look periodic
_BREADTH = 20.0  # effective spectral lines
_DEPTH = -10.0  # dB
_FLOOR = -30.0  # dB below the strongest band; what is fainter is not looked at
_LAG, _MOTION = 3, 2.2  # frames; dB, mean over the bands
_AROUND, _FEWEST, _SHARE = 12, 3, 0.6  # frames to both sides; good frames among them; of the pitched ones
_GROWTH = 8  # frames to both sides


@dataclass(frozen=True)
class _Frames:
    """What is measured of T frames."""

    level: FloatArray  # (T,) dBFS
    pitch: FloatArray  # (T,) 0-1
    breadth: FloatArray  # (T,) lines
    shape: FloatArray  # (T, bands) dB below the strongest band


@dataclass(frozen=True)
class Activity:
    """What is in each of T frames."""

    sound: BoolArray  # (T,) anything above silence
    speech: BoolArray  # (T,) plausibly speech, voiced or beside it


def activity(wave: FloatArray) -> Activity:
    """Say for each frame whether it holds sound, and whether it may be speech.

    Args:
        wave: (N,) float32 mono at 16 kHz; a second or more, because a frame is judged by its neighbours.

    Returns:
        T = ceil(N / 320) frames of 20 ms.
    """
    count = -(-len(wave) // FRAME)
    if count == 0:
        return Activity(np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    frames = _measured(wave, count)
    audible = frames.level > max(_FAINTEST, float(np.percentile(frames.level, _LOUD)) - _RANGE)
    pitched = audible & (frames.pitch > _PITCH)
    deep = frames.shape[:, _DEEP_BANDS].max(axis=1) > _DEPTH
    good = pitched & deep & (frames.breadth > _BREADTH) & (_motion(frames.shape) > _MOTION)
    near_good, near_pitched = _near(good, _AROUND), _near(pitched, _AROUND)
    voiced = pitched & (near_good >= _FEWEST) & (near_good >= _SHARE * near_pitched)
    return Activity(audible, audible & (_near(voiced, _GROWTH) > 0))


def speech_activity(wave: FloatArray) -> BoolArray:
    """(T,): True where 20 ms are plausibly speech; see `activity`."""
    return activity(wave).speech


def _measured(wave: FloatArray, count: int) -> _Frames:
    """Each frame is seen through a 40 ms Hann window centred on it."""
    padded = np.zeros(count * FRAME + _WINDOW, np.float32)
    edge = (_WINDOW - FRAME) // 2
    padded[edge : edge + len(wave)] = wave
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: count * FRAME : FRAME]
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    parts = [_analysed(windows[start : start + _CHUNK] * hann, hann) for start in range(0, count, _CHUNK)]
    return _Frames(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _analysed(windows: FloatArray, hann: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    lines = np.fft.rfft(windows, _FFT)[:, _LOW:_HIGH]  # (T, F)
    power = (lines.real**2 + lines.imag**2).astype(np.float32)
    level = 10 * np.log10(power.sum(axis=1) / (0.5 * _FFT * np.sum(hann**2)) + 1e-12)

    # The autocorrelation of amplitudes rather than powers: a single formant or tone no longer hides the harmonics.
    amplitude = np.zeros((len(windows), _FFT // 2 + 1), np.float32)
    amplitude[:, _LOW:_HIGH] = np.sqrt(power) * np.arange(_LOW, _HIGH, dtype=np.float32) ** _TILT
    correlation = np.fft.irfft(amplitude)[:, : _LONGEST_LAG + 1]
    pitch = correlation[:, _SHORTEST_LAG:].max(axis=1) / (correlation[:, 0] + 1e-12)

    share = amplitude[:, _LOW:_HIGH]
    share = share / (share.sum(axis=1, keepdims=True) + 1e-12)
    breadth = np.exp(-(share * np.log(share + 1e-9)).sum(axis=1))  # exp(entropy): n for n equal lines

    edges = np.geomspace(_LOW, _HIGH, _BANDS + 1).round().astype(int)[:-1] - _LOW
    bands = 10 * np.log10(np.add.reduceat(power, edges, axis=1) + 1e-12)
    shape = np.maximum(bands - bands.max(axis=1, keepdims=True), _FLOOR)
    return level, pitch, breadth, shape


def _motion(shape: FloatArray) -> FloatArray:
    """(T, bands) -> (T,): how far the shape moves from one frame before to two after; 0 at the edges."""
    motion = np.zeros(len(shape), np.float32)
    moved = np.abs(shape[_LAG:] - shape[:-_LAG]).mean(axis=1)
    motion[_LAG // 2 : _LAG // 2 + len(moved)] = moved
    return motion


def _near(flags: BoolArray, reach: int) -> NDArray[np.int64]:
    """(T,): how many flags are set from `reach` frames before to `reach` after."""
    total = np.concatenate([np.zeros(reach + 1, np.int64), np.cumsum(flags)])
    total = np.concatenate([total, np.full(reach, total[-1])])
    near: NDArray[np.int64] = total[2 * reach + 1 :] - total[: -2 * reach - 1]
    return near
