"""Blocks of samples: checked for what no recording holds, and mixed to one channel."""

import numpy as np
from numpy.typing import NDArray

from fakemamba.errors import AudioError

FloatArray = NDArray[np.float32]

UNSCALED = 8.0  # codecs overshoot full scale a little, float files more; beyond +18 dB the samples were never scaled


def checked_peak(block: FloatArray, name: str, seconds: float, rate: int) -> float:
    """The largest magnitude of (n, channels), n >= 1, that begin at `seconds`.

    Raises:
        AudioError: a sample is NaN, infinite or far beyond full scale.
    """
    peak = max(float(block.max()), -float(block.min()))  # NaN wins both
    if not np.isfinite(peak):
        bad = int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])
        raise AudioError(
            f"{name}: the sample at {seconds + bad / rate:.3f} s is NaN or infinite; repair or export it again"
        )
    if peak > UNSCALED:
        raise AudioError(f"{name}: samples reach {peak:.6g}, full scale is 1; divide by the full range (int16: 32768)")
    return peak


def mono(block: FloatArray) -> FloatArray:
    """(n, channels) -> (n,), the mean; one channel after the other, so that it is the same for any chunking."""
    channels = block.shape[1]
    if channels == 1:
        return block[:, 0]
    wave = block[:, 0].copy()
    for channel in range(1, channels):
        wave += block[:, channel]
    wave /= channels
    return wave
