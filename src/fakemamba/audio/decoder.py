"""What every decoder offers: blocks of samples at the source's own rate, a few thousand frames at a time."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

# Samples (frames × channels) per block: small enough for bounded memory with 64 channels, large enough for numpy.
BLOCK_SAMPLES = 131_072


class DecodeError(Exception):
    """A decoder cannot read this source; the message is a reason without the source's name.

    `final`: no other decoder can either, because the file itself says so.
    """

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Decoder(Protocol):
    """A source being decoded from its start to its end, once."""

    @property
    def format(self) -> str:
        """For people: container and encoding, such as "WAV PCM_16"."""
        ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def frames(self) -> int | None:
        """What the header promises, per channel; None if it says nothing."""
        ...

    def read(self) -> FloatArray:
        """The next (n, channels) samples, full scale = 1; n = 0 at the end. Raises DecodeError."""
        ...

    def warnings(self) -> tuple[str, ...]:
        """What was wrong but could be read around; complete once the end is reached."""
        ...

    def close(self) -> None: ...


def shortfall(promised: int, read: int, sample_rate: int) -> str | None:
    """A warning if clearly less came out than promised; codecs' own padding (under 0.1 s) is no loss."""
    if promised - read <= 0.1 * sample_rate:
        return None
    return f"cut short: its header promises {promised / sample_rate:.2f} s, {read / sample_rate:.2f} s could be read"
