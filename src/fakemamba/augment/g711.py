"""G.711 (ITU-T, 1988): 8-bit logarithmic companding as one table from 16-bit samples to what arrives."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fakemamba.augment.effect import FloatArray


def companded(wave: FloatArray, law: str) -> FloatArray:
    """Encode and decode (N,) in [-1, 1] with `law` "alaw" or "mulaw"; one table look-up a sample."""
    index = (wave * np.float32(32767.0)).astype(np.int16).view(np.uint16)
    return table(law)[index]


@lru_cache(maxsize=2)
def table(law: str) -> FloatArray:
    """(65536,) decoded value of every 16-bit sample, indexed by its bits read as unsigned."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)
    decoded = (_a_law if law == "alaw" else _mu_law)(np.abs(samples))
    out: FloatArray = (np.where(samples < 0, -decoded, decoded) / 32768).astype(np.float32)
    out.setflags(write=False)
    return out


def _mu_law(size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Eight segments that double; a bias of 33 (in 14 bits; 132 here) makes the first begin at zero."""
    biased = np.minimum(size, 32635) + 132
    segment = np.floor(np.log2(biased)).astype(np.int64) - 7
    mantissa = (biased >> (segment + 3)) & 15
    return np.asarray((((mantissa << 3) + 132) << segment) - 132, np.int64)


def _a_law(size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sixteen linear steps of 2 (in 13 bits), then seven segments that double; decoded to the steps' middles."""
    short = np.minimum(size, 32767) >> 4
    segment = np.maximum(np.floor(np.log2(np.maximum(short, 1))).astype(np.int64) - 4, 1)
    step = np.left_shift(1, segment)
    return np.asarray(((short >> segment) * step + step // 2) << 4, np.int64)
