"""Samples that are already in memory as a decoder, scaled to full scale = 1."""

import math
from typing import Any

import numpy as np

from fakemamba.audio.decoder import BLOCK_SAMPLES, FloatArray
from fakemamba.errors import AudioError

_PAIR = "give (array, sample_rate)"


class ArrayDecoder:
    """See `Decoder`. Raises AudioError: an array has no second decoder to try.

    Args:
        source: (samples, sample rate in Hz). The samples are (N,), (N, channels) or (channels, N); the smaller
            dimension is taken as the channels, (N, channels) if both are equal. int8, int16, int32 and uint8 are
            scaled by their full range; floats are expected in [-1, 1].
    """

    format = "array"

    def __init__(self, source: tuple[Any, ...]) -> None:
        if len(source) != 2:
            raise AudioError(f"<array>: a tuple of {len(source)} is no audio; {_PAIR}")
        if isinstance(source[0], (int, float)) and not isinstance(source[1], (int, float)):
            raise AudioError("<array>: the pair is the wrong way round; give (array, sample_rate), not (rate, array)")
        self.sample_rate = whole_rate(source[1])
        self._samples = _frames_by_channels(_array(source[0]))
        self.frames: int | None = len(self._samples)
        self.channels = int(self._samples.shape[1])
        self._scale, self._offset = scaling(self._samples.dtype)
        self._next = 0

    def read(self) -> FloatArray:
        step = max(256, BLOCK_SAMPLES // self.channels)
        block = self._samples[self._next : self._next + step]
        self._next += len(block)
        if self._samples.dtype == np.float32:
            return np.ascontiguousarray(block, np.float32)
        with np.errstate(over="ignore"):  # what overflows becomes inf and is refused as such
            return ((block.astype(np.float64) - self._offset) * self._scale).astype(np.float32)

    def warnings(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


def whole_rate(rate: Any) -> int:
    if isinstance(rate, (bool, np.bool_)) or not isinstance(rate, (int, float, np.integer, np.floating)):
        raise AudioError(f"<array>: the sample rate is a {type(rate).__name__}, not a number; {_PAIR}")
    if not math.isfinite(rate) or rate != int(rate):
        raise AudioError(f"<array>: a sample rate of {rate} Hz is not a whole number")
    return int(rate)


def _array(samples: Any) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(samples)
    except (ValueError, TypeError, RuntimeError) as error:
        raise AudioError(f"<array>: cannot become a numpy array ({type(error).__name__}); {_PAIR}") from error
    if array.dtype.kind not in "iuf":
        raise AudioError(f"<array>: samples of type {array.dtype} are no audio; convert them to float32 in [-1, 1]")
    if array.size == 0:
        raise AudioError("<array>: has no samples")
    return array


def _frames_by_channels(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2:
        raise AudioError(f"<array>: has shape {array.shape}; give (N,), (N, channels) or (channels, N)")
    return array.T if array.shape[0] < array.shape[1] else array


def scaling(dtype: np.dtype[Any]) -> tuple[float, float]:
    """(factor, offset) that bring a type's full range to [-1, 1)."""
    if dtype.kind == "f":
        return 1.0, 0.0
    if dtype.itemsize == 8:
        # 2**63 as full scale would turn every real recording into silence without a word.
        raise AudioError(
            f"<array>: {dtype} samples have no audio full scale; convert to int16 or to float32 in [-1, 1]"
        )
    full = 2.0 ** (8 * dtype.itemsize - 1)
    return 1.0 / full, full if dtype.kind == "u" else 0.0
