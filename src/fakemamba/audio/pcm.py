"""Samples as bytes that come through a pipe or a socket: raw PCM, or WAV whose sizes nobody could know.

`PcmParser` takes the bytes in pieces of any length and gives frames; it never seeks and keeps only what is incomplete.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio.decode import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS
from fakemamba.audio.header import is_promise
from fakemamba.audio.sniff import sniff
from fakemamba.errors import AudioError

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_MAGIC = 12  # bytes that tell WAV from anything else
_LONGEST_HEADER = 2**20
_EXTENSIBLE = 0xFFFE


def _integers(kind: str, full: float, offset: float = 0.0) -> Callable[[Bytes], FloatArray]:
    def decode(raw: Bytes) -> FloatArray:
        return ((raw.view(kind).astype(np.float64) - offset) / full).astype(np.float32)

    return decode


def _floats(kind: str) -> Callable[[Bytes], FloatArray]:
    def decode(raw: Bytes) -> FloatArray:
        with np.errstate(over="ignore"):  # what overflows becomes inf and is refused as such
            return raw.view(kind).astype(np.float32)

    return decode


def _int24(raw: Bytes) -> FloatArray:
    wide = np.zeros((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    return (wide.ravel().view("<i4") / 2.0**31).astype(np.float32)


def _mulaw(raw: Bytes) -> FloatArray:
    """ITU-T G.711: eight segments that double, with a bias of 132."""
    code = ~raw
    size = ((((code & 15).astype(np.int64) << 3) + 132) << ((code >> 4) & 7)) - 132
    return (np.where(code & 128, -size, size) / 32768).astype(np.float32)


def _alaw(raw: Bytes) -> FloatArray:
    """ITU-T G.711: a linear segment, then seven that double; every second bit is inverted on the line."""
    code = raw ^ 0x55
    segment = ((code >> 4) & 7).astype(np.int64)
    steps = ((code & 15).astype(np.int64) << 4) + 8
    size = np.where(segment == 0, steps, (steps + 256) << np.maximum(segment - 1, 0))
    return (np.where(code & 128, size, -size) / 32768).astype(np.float32)


# Names as FFmpeg has them: (bytes a sample, decoder).
ENCODINGS: dict[str, tuple[int, Callable[[Bytes], FloatArray]]] = {
    "s16le": (2, _integers("<i2", 2.0**15)),
    "s16be": (2, _integers(">i2", 2.0**15)),
    "s24le": (3, _int24),
    "s32le": (4, _integers("<i4", 2.0**31)),
    "u8": (1, _integers("u1", 128.0, 128.0)),
    "f32le": (4, _floats("<f4")),
    "f64le": (8, _floats("<f8")),
    "mulaw": (1, _mulaw),
    "alaw": (1, _alaw),
}
# WAV: (format tag, bits) -> encoding.
_WAV = {
    (1, 8): "u8",
    (1, 16): "s16le",
    (1, 24): "s24le",
    (1, 32): "s32le",
    (3, 32): "f32le",
    (3, 64): "f64le",
    (6, 8): "alaw",
    (7, 8): "mulaw",
}


@dataclass(frozen=True)
class PcmFormat:
    """How bytes become samples; raises AudioError if they cannot.

    Attributes:
        encoding: one of `ENCODINGS`.
        rate: Hz.
        channels: interleaved.
    """

    encoding: str = "s16le"
    rate: int = 16_000
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise AudioError(f"the sample format {self.encoding!r} is not known; use one of {', '.join(ENCODINGS)}")
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise AudioError(f"a sample rate of {self.rate} Hz: {LOWEST_RATE} to {HIGHEST_RATE} Hz are read")
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise AudioError(f"{self.channels} channels: 1 to {MOST_CHANNELS} are read")


class PcmParser:
    """Bytes in pieces of any length -> frames.

    Args:
        name: what to call the source in messages.
        raw: the format of bytes that are no WAV; None to take them for 16-bit mono at 16 kHz, unless they look like
            a file of another kind. A WAV header always wins.
    """

    def __init__(self, name: str, raw: PcmFormat | None = None) -> None:
        self._name, self._raw = name, raw
        self._left: int | None = None  # bytes of samples still to come, where a WAV header promises a number
        self._kept = b""
        self.format: PcmFormat | None = None  # known once the first bytes are read

    def feed(self, data: bytes) -> FloatArray:
        """(n, channels) float32 with full scale 1: the frames that are complete now; n = 0 inside a header.

        Raises:
            AudioError: it is no PCM and no WAV that can be read in one pass.
        """
        self._kept += data
        if self.format is None:
            self._begin()
        if self.format is None:
            return np.zeros((0, 1), np.float32)
        size, decode = ENCODINGS[self.format.encoding]
        ready = len(self._kept) if self._left is None else min(len(self._kept), self._left)
        ready -= ready % (size * self.format.channels)
        taken, self._kept = self._kept[:ready], self._kept[ready:]
        if self._left is not None:
            self._left -= ready
            if self._left < size * self.format.channels:
                self._kept = b""  # chunks behind the samples
        return decode(np.frombuffer(taken, np.uint8)).reshape(-1, self.format.channels)

    def end(self) -> None:
        """Say that no more bytes come. Raises AudioError if no sample was among them."""
        if self.format is None:
            what = "is empty (0 bytes)" if not self._kept else "ends within its header"
            raise AudioError(f"{self._name}: {what}; is the program that writes into it running?")

    def _begin(self) -> None:
        head = self._kept
        if len(head) < _MAGIC:
            return
        if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
            self._wav_header()
            return
        kind = sniff(head)
        if self._raw is None and (kind.family in ("sound", "media") or kind.name == "text"):
            raise AudioError(
                f"{self._name}: looks like {kind.name}; only WAV and raw PCM can be judged while they come: "
                "put  ffmpeg -i - -f wav -  between, or name --format for raw PCM"
            )
        self.format = self._raw or PcmFormat()

    def _wav_header(self) -> None:
        """Walk the chunks up to the samples; wait for more bytes if they are not there yet."""
        position, found = _MAGIC, None
        while len(self._kept) >= position + 8:
            name, size = struct.unpack_from("<4sI", self._kept, position)
            if name == b"data":
                if found is None:
                    raise AudioError(f"{self._name}: this WAV has no fmt chunk before its samples; export it again")
                self.format = found
                self._left = size if is_promise(size) else None
                self._kept = self._kept[position + 8 :]
                return
            if name == b"fmt " and len(self._kept) >= position + 8 + min(size, 40):
                found = self._wav_format(self._kept[position + 8 : position + 8 + size])
            position += 8 + size + size % 2
            if position > _LONGEST_HEADER:
                raise AudioError(f"{self._name}: this WAV has a chunk of {size} bytes before its samples")

    def _wav_format(self, fields: bytes) -> PcmFormat:
        if len(fields) < 16:
            raise AudioError(f"{self._name}: the fmt chunk of this WAV is too short; export it again")
        tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fields)
        if tag == _EXTENSIBLE and len(fields) >= 26:
            (tag,) = struct.unpack_from("<H", fields, 24)
        encoding = _WAV.get((tag, bits))
        if encoding is None:
            raise AudioError(
                f"{self._name}: a WAV with format {tag} of {bits} bits cannot be judged while it comes; "
                "convert it to 16-bit PCM"
            )
        try:
            return PcmFormat(encoding, rate, channels)
        except AudioError as error:
            raise AudioError(f"{self._name}: {error}") from error
