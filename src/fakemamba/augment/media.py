"""Codecs that only FFmpeg has (extra `media`), frame by frame through PyAV without a file around them."""

from functools import lru_cache
from typing import Any

import numpy as np

from fakemamba.augment.effect import FloatArray
from fakemamba.errors import MissingExtraError


@lru_cache(maxsize=16)
def can(encoder: str) -> bool:
    """Whether PyAV is installed and its FFmpeg has this encoder."""
    try:
        import av
    except ImportError:
        return False
    try:
        av.Codec(encoder, "w")
    except ValueError:  # PyAV: unknown codec
        return False
    return True


def coded(wave: FloatArray, rate: int, encoder: str, decoder: str, bitrate: int, **options: str) -> FloatArray:
    """Encode and decode (N,) in [-1, 1] at `rate` Hz and `bitrate` bit/s.

    Returns:
        At least N samples at `rate`, late by the codec's own delay (and longer by what flushing added).

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"the codec {encoder}", "media") from error
    coder: Any = av.CodecContext.create(encoder, "w")
    coder.sample_rate, coder.layout, coder.bit_rate, coder.options = rate, "mono", bitrate, options
    coder.format = "s16" if "s16" in {f.name for f in coder.codec.audio_formats} else "fltp"
    coder.open()
    reader: Any = av.CodecContext.create(decoder, "r")
    reader.sample_rate, reader.layout = rate, "mono"
    if coder.extradata:
        reader.extradata = coder.extradata
    pieces = [
        frame.to_ndarray().reshape(-1)
        for packet in _packets(coder, wave, rate)
        for frame in reader.decode(packet)  # None at the end flushes
    ]
    out = np.concatenate(pieces)
    scale = np.float32(1 / 32768 if out.dtype == np.int16 else 1)
    return np.asarray(out * scale, np.float32)


def _packets(coder: Any, wave: FloatArray, rate: int) -> Any:
    """Every packet of the wave and of four frames of zeros, which push the last sound through; None at the end."""
    from av import AudioFrame

    size = coder.frame_size or rate // 50
    padded = np.zeros(((len(wave) + size - 1) // size + 4) * size, np.float32)
    padded[: len(wave)] = wave
    samples = (padded * 32767).astype(np.int16) if coder.format.name == "s16" else padded
    for start in range(0, len(samples), size):
        frame = AudioFrame.from_ndarray(samples[None, start : start + size], format=coder.format.name, layout="mono")
        frame.sample_rate, frame.pts = rate, start
        yield from coder.encode(frame)
    yield from coder.encode(None)
    yield None
