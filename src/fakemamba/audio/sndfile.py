"""libsndfile as a decoder: WAV in all its encodings, AIFF, FLAC, Ogg (Vorbis, Opus), MP3 and older formats."""

import numpy as np
import soundfile

from fakemamba.audio.decoder import BLOCK_SAMPLES, DecodeError, FloatArray, shortfall
from fakemamba.audio.header import Header, ogg_is_complete, read_header
from fakemamba.audio.sniff import Kind
from fakemamba.audio.source import Handle, printable

_UNKNOWN_FRAMES = 2**62  # libsndfile answers 2**63 - 1 where a stream does not tell its length


class SndfileDecoder:
    """See `Decoder`. Raises DecodeError where libsndfile cannot open the file."""

    def __init__(self, handle: Handle, kind: Kind) -> None:
        self._handle = handle
        self._warnings: list[str] = []
        header = read_header(handle)
        _refuse_header(header)
        complete = kind.name != "Ogg" or ogg_is_complete(handle)
        handle.seek(0)
        try:
            self._file = soundfile.SoundFile(handle)
        except soundfile.LibsndfileError as error:
            handle.check()
            raise DecodeError(_reason(error)) from error
        handle.check()
        if self._file.frames <= 0:
            self.close()
            raise DecodeError("it has a header but no samples that can be decoded")
        self._promised = _promised(self._file.frames, header)
        self._count = 0
        self._ended = False
        if not complete:
            self._warnings.append("cut short: its last page is missing or incomplete")

    @property
    def format(self) -> str:
        container, encoding = str(self._file.format), str(self._file.subtype)
        return "MP3" if encoding == "MPEG_LAYER_III" else f"{container} {encoding}"

    @property
    def sample_rate(self) -> int:
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        return int(self._file.channels)

    @property
    def frames(self) -> int | None:
        return int(self._file.frames) if self._file.frames < _UNKNOWN_FRAMES else None

    def read(self) -> FloatArray:
        block = np.zeros((max(256, BLOCK_SAMPLES // self.channels), self.channels), np.float32)
        if self._ended:
            return block[:0]
        try:
            block = self._file.read(out=block)
        except soundfile.LibsndfileError as error:
            block = _rescued(block)
            self._ended = True
            # soundfile seeks after reading, which fails at the end of a FLAC of unknown length: no damage.
            if self.frames is not None or "psf_fseek" not in str(error):
                seconds = (self._count + len(block)) / self.sample_rate
                self._warnings.append(f"damaged at {seconds:.2f} s; what follows was not read ({_reason(error)})")
        self._handle.check()
        self._count += len(block)
        if len(block) == 0:
            self._end()
        return block

    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    def close(self) -> None:
        self._file.close()

    def _end(self) -> None:
        short = shortfall(self._promised, self._count, self.sample_rate)
        if short and not self._ended:
            self._warnings.append(short)
        self._ended = True


def _refuse_header(header: Header | None) -> None:
    """The impossible headers that libsndfile describes in its own inner terms."""
    if header is None:
        return
    if header.sample_rate == 0:
        raise DecodeError("its header says 0 Hz", final=True)
    if header.channels == 0:
        raise DecodeError("its header says 0 channels", final=True)
    if header.present == 0 or (header.present is None and header.sample_rate is not None):
        raise DecodeError("it has a header but no samples", final=True)


def _promised(frames: int, header: Header | None) -> int:
    """Frames that the file was meant to have; 0 where it promises nothing."""
    if frames >= _UNKNOWN_FRAMES:
        return 0
    if header is None or not header.promised or not header.present:
        return frames
    return round(frames * (header.promised / header.present))


def _rescued(block: FloatArray) -> FloatArray:
    """What was decoded before the damage: libsndfile leaves the rest of the buffer at zero."""
    sounding = np.flatnonzero(np.any(block != 0, axis=1))
    return block[: sounding[-1] + 1] if len(sounding) else block[:0]


def _reason(error: soundfile.LibsndfileError) -> str:
    text = printable(str(error.error_string)).removeprefix("Error : ").rstrip(". ")
    # What the MP3 decoder says of every file that it cannot follow.
    return "no frame could be decoded" if "not a regular file" in text else text[:1].lower() + text[1:]
