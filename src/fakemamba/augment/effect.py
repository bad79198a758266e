"""What every effect of a recording chain has in common: drawn once, applied any number of times.

An effect is a frozen dataclass of plain numbers. `draw(rng, strength)` makes one, `apply(wave)` uses it and
needs no generator: effects that are noise themselves keep a `seed`. No effect ever sees a label.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
FloatArray = NDArray[np.float32]
_FRAME = 320  # 20 ms
_TINY = 1e-12


@runtime_checkable
class Effect(Protocol):
    """One drawn change of a waveform."""

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) float32 mono 16 kHz -> (N,) float32, aligned in time with its input; the input stays as it is."""
        ...


def draw_seed(rng: np.random.Generator) -> int:
    """A seed that an effect keeps in order to make the same noise at every `apply`."""
    return int(rng.integers(0, 2**63))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One number, uniform in [low, high]."""
    return float(rng.uniform(low, high))


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """One number whose logarithm is uniform: frequencies and times."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def fit(wave: FloatArray, length: int) -> FloatArray:
    """(M,) -> (length,) contiguous float32: cut, or zeros appended."""
    out = np.zeros(length, np.float32)
    kept = min(length, len(wave))
    out[:kept] = wave[:kept]
    return out


def power(wave: FloatArray) -> float:
    """Mean square, without a temporary array."""
    return float(np.dot(wave, wave)) / max(len(wave), 1)


def active_power(wave: FloatArray) -> float:
    """Mean square over the 20 ms frames that are louder than the clip's mean less 15 dB.

    Long pauses must not make "10 dB SNR" mean less noise, hence not the whole clip (the idea of ITU-T P.56).
    """
    frames = len(wave) // _FRAME
    if frames < 2:
        return power(wave)
    shaped = wave[: frames * _FRAME].reshape(frames, _FRAME)
    powers = np.einsum("tf,tf->t", shaped, shaped) / _FRAME  # (T,)
    mean = float(powers.mean())
    if mean < _TINY:
        return power(wave)
    return float(powers[powers > mean * 10**-1.5].mean())


def peak(wave: FloatArray) -> float:
    """Largest absolute value; 0 for an empty wave."""
    return max(float(wave.max()), -float(wave.min())) if len(wave) else 0.0
