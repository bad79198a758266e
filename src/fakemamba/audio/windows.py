"""Overlapping windows from a stream of blocks, the same for any chunking.

samples  |--------------------------------|
windows  [ 0      ]
              [ 1      ]     hop apart
                   [ 2      ]
                       [ 3      ]          the last one is shifted back to end with the audio
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def windows(blocks: Iterable[FloatArray], length: int, hop: int) -> Iterator[tuple[int, FloatArray]]:
    """Cut a stream into windows that together cover every sample.

    Args:
        blocks: (n,) pieces of any length, read one at a time.
        length: samples per window.
        hop: samples from one window's start to the next, 1 <= hop <= length.

    Yields:
        (start, wave): the position of the first sample and `length` samples. The last window ends with the
        audio: shifted back if a whole window fits, else the audio is shorter than one window and comes as it is.
        No samples, no window. At most one window and one block are kept in memory.
    """
    if not 1 <= hop <= length:
        raise ValueError(f"hop must be between 1 and the window's {length} samples, not {hop}")
    kept = np.zeros(0, np.float32)
    start = 0  # the position of kept[0], and of the next window
    last_end = 0  # the position after the last window given out
    tail = kept  # the last window, for the overlap of a shifted one
    for block in blocks:
        kept = np.concatenate([kept, block])
        position = 0
        while len(kept) - position >= length:
            tail = kept[position : position + length]
            yield start, tail.copy()
            last_end = start + length
            start += hop
            position += hop
        kept = kept[position:]
    end = start + len(kept)
    if last_end == 0 and end > 0:
        yield 0, kept
    elif end > last_end:
        fresh = end - last_end
        yield end - length, np.concatenate([tail[fresh:], kept[len(kept) - fresh :]])
