"""Live chunks of any size, rate, type and channel count -> mono float32 at 16 kHz, the same for any chunking.

A running resampler cannot be saved. Here every block of the source is resampled on its own, with enough of its
neighbours on both sides that the seams are below 1e-5 of full scale:

    source  ...|  context  |   block   |  context  |...      50 ms between two contexts of 20 ms
    kept                   |  resampled |

Where blocks begin depends on the position in the stream alone, so chunks leave no trace, and what is not yet resampled
is all the state there is. The price: a delay of 20 to 70 ms, up to 2 s for odd rates that share no factor with 16 000.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike

from fakemamba.audio.array import scaling, whole_rate
from fakemamba.audio.decode import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS
from fakemamba.audio.mix import FloatArray, checked_peak, mono
from fakemamba.audio.stream import SAMPLE_RATE
from fakemamba.errors import AudioError

_BLOCK, _CONTEXT = 0.05, 0.02  # seconds
_NAME = "<stream>"


@dataclass
class Intake:
    """What is between the chunks and the 16 kHz samples; all of it is plain values.

    Attributes:
        rate: Hz of the source; 0 before the first sample.
        taken: source samples taken at this rate.
        before: seconds of audio that came at earlier rates.
        tail: (n,) the last context and what is not yet resampled, at the source's rate.
    """

    rate: int = 0
    taken: int = 0
    before: float = 0.0
    tail: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))

    def add(self, chunk: ArrayLike, rate: float | None = None) -> FloatArray:
        """Take a chunk; nothing is changed if it is refused.

        Args:
            chunk: (n,) or (n, channels), n >= 0; floats in [-1, 1] or integers of up to 32 bits at full range.
            rate: Hz; None for the rate of the chunk before, 16 000 at first. It may change on the way.

        Returns:
            (m,) float32 mono at 16 kHz: what can be given out by now.

        Raises:
            AudioError: the samples or the rate make no sense.
        """
        hertz = self._rate(rate)
        block = _frames(chunk)
        if len(block) == 0:
            return np.zeros(0, np.float32)
        seconds = self.before + (self.taken / self.rate if self.rate else 0.0)
        checked_peak(block, _NAME, seconds, hertz)
        done = self.flush() if self.rate not in (0, hertz) else np.zeros(0, np.float32)
        if hertz != self.rate:
            self.before, self.rate, self.taken = seconds, hertz, 0
            self.tail = np.zeros(_plan(hertz).context, np.float32)
        self.taken += len(block)
        return _clipped(np.concatenate([done, self._resample(mono(block))]))

    def flush(self) -> FloatArray:
        """(m,) what was held back for the resampler's sake; afterwards nothing is."""
        if self.rate in (0, SAMPLE_RATE):
            return np.zeros(0, np.float32)
        plan = _plan(self.rate)
        count = math.ceil((len(self.tail) - plan.context) * SAMPLE_RATE / self.rate)
        rest = self._resample(np.zeros(plan.block + plan.context, np.float32))
        while len(rest) < count:
            rest = np.concatenate([rest, self._resample(np.zeros(plan.block, np.float32))])
        self.tail = np.zeros(plan.context, np.float32)
        return _clipped(rest[:count])

    def _rate(self, rate: float | None) -> int:
        if rate is None:
            return self.rate or SAMPLE_RATE
        hertz = whole_rate(rate)
        if not LOWEST_RATE <= hertz <= HIGHEST_RATE:
            raise AudioError(
                f"{_NAME}: a sample rate of {hertz} Hz cannot be judged; {LOWEST_RATE} to {HIGHEST_RATE} Hz are read"
            )
        return hertz

    def _resample(self, wave: FloatArray) -> FloatArray:
        if self.rate == SAMPLE_RATE:
            return wave
        plan = _plan(self.rate)
        kept = np.concatenate([self.tail, wave])
        span = plan.block + 2 * plan.context
        starts = range(0, len(kept) - span + 1, plan.block)
        parts = [_middle(kept[start : start + span], self.rate, plan) for start in starts]
        self.tail = kept[len(parts) * plan.block :].copy()
        return np.concatenate([*parts, np.zeros(0, np.float32)])


@dataclass(frozen=True)
class _Plan:
    """Samples at the source's rate, and at 16 kHz."""

    block: int
    context: int
    block_out: int
    context_out: int


def _plan(rate: int) -> _Plan:
    """The shortest block and context that are whole numbers of samples at both rates."""
    common = math.gcd(rate, SAMPLE_RATE)
    unit, unit_out = rate // common, SAMPLE_RATE // common
    block, context = (math.ceil(seconds * rate / unit) for seconds in (_BLOCK, _CONTEXT))
    return _Plan(block * unit, context * unit, block * unit_out, context * unit_out)


def _middle(wave: FloatArray, rate: int, plan: _Plan) -> FloatArray:
    out = soxr.resample(wave, rate, SAMPLE_RATE, quality="HQ")
    middle: FloatArray = out[plan.context_out : plan.context_out + plan.block_out]
    return middle


def _clipped(wave: FloatArray) -> FloatArray:
    clipped: FloatArray = np.clip(wave, -1.0, 1.0, dtype=np.float32)
    return clipped


def _frames(chunk: ArrayLike) -> FloatArray:
    """(n, channels) float32 at full scale 1."""
    array: np.ndarray[Any, Any] = np.asarray(chunk)
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise AudioError(
            f"{_NAME}: a chunk of type {array.dtype} and shape {array.shape} is no audio; "
            "give (n,) or (n, channels) samples, int16 or float32"
        )
    frames = array[:, None] if array.ndim == 1 else array
    if not 1 <= frames.shape[1] <= MOST_CHANNELS:
        raise AudioError(
            f"{_NAME}: a chunk has {frames.shape[1]} channels; give (n, channels) with 1 to {MOST_CHANNELS}"
        )
    if frames.dtype == np.float32:
        return frames
    scale, offset = scaling(frames.dtype)
    with np.errstate(over="ignore"):  # what overflows becomes inf and is refused as such
        return ((frames.astype(np.float64) - offset) * scale).astype(np.float32)
