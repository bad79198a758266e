"""Where speech is plausible."""

import numpy as np
from numpy.typing import NDArray

FRAME = 320  # samples: 20 ms


def speech_activity(wave: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Provisional: every frame that is not silent."""
    count = -(-len(wave) // FRAME)
    frames = np.zeros(count * FRAME, np.float32)
    frames[: len(wave)] = wave
    loud: NDArray[np.bool_] = (frames.reshape(count, FRAME) ** 2).mean(axis=1) > 1e-7
    return loud
