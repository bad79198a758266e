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

from fakemamba.audio.spectra import FloatArray, Spectra, spectra

BoolArray = NDArray[np.bool_]

_DEEP_BANDS = slice(2, 5)  # of them, those from 190 to 585 Hz

_FAINTEST, _LOUD, _RANGE = -75.0, 95.0, 45.0
_PITCH = 0.2  # of the autocorrelation at lag zero
_BREADTH = 20.0  # effective spectral lines
_DEPTH = -10.0  # dB
_LAG, _MOTION = 3, 2.2  # frames; dB, mean over the bands
_AROUND, _FEWEST, _SHARE = 12, 3, 0.6  # frames to both sides; good frames among them; of the pitched ones
_GROWTH = 8  # frames to both sides


@dataclass(frozen=True)
class Activity:
    """What is in each of T frames; `spectra` are None for no samples at all."""

    sound: BoolArray  # (T,) anything above silence
    speech: BoolArray  # (T,) plausibly speech, voiced or beside it
    spectra: Spectra | None = None

    def last(self, frames: int) -> "Activity":
        """The newest so many frames, of one or more."""
        found = None if self.spectra is None else self.spectra.last(frames)
        return Activity(self.sound[-frames:], self.speech[-frames:], found)


def activity(wave: FloatArray) -> Activity:
    """Say for each frame whether it holds sound, and whether it may be speech.

    Args:
        wave: (N,) float32 mono at 16 kHz; a second or more, because a frame is judged by its neighbours.

    Returns:
        T = ceil(N / 320) frames of 20 ms.
    """
    if len(wave) == 0:
        return Activity(np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    frames = spectra(wave)
    audible = frames.level > max(_FAINTEST, float(np.percentile(frames.level, _LOUD)) - _RANGE)
    pitched = audible & (frames.pitch > _PITCH)
    deep = frames.shape[:, _DEEP_BANDS].max(axis=1) > _DEPTH
    good = pitched & deep & (frames.breadth > _BREADTH) & (motion(frames.shape) > _MOTION)
    near_good, near_pitched = _near(good, _AROUND), _near(pitched, _AROUND)
    voiced = pitched & (near_good >= _FEWEST) & (near_good >= _SHARE * near_pitched)
    return Activity(audible, audible & (_near(voiced, _GROWTH) > 0), frames)


def speech_activity(wave: FloatArray) -> BoolArray:
    """(T,): True where 20 ms are plausibly speech; see `activity`."""
    return activity(wave).speech


def motion(shape: FloatArray) -> FloatArray:
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
