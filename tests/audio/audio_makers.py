"""Small sounds and files that the audio tests share."""

import io
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def tone(seconds=1.0, rate=RATE, hertz=440.0, level=0.3):
    """A sine as float32 (N,)."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds=1.0, rate=RATE, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def encoded(samples, rate=RATE, container="WAV", subtype=None, endian=None):
    """The bytes of a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=subtype, endian=endian)
    return file.getvalue()


def wav_bytes(data=b"", *, channels=1, rate=RATE, tag=1, bits=16, promised=None, chunks=b""):
    """A WAV with whatever header one likes."""
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    size = len(data) if promised is None else promised
    body = b"WAVE" + chunks + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body) - len(data) + size, 0xFFFFFFFF)) + body


def media_bytes(samples, rate=RATE, container="mp4", codec="aac", video=False, **options):
    """Encoded by PyAV; `video` adds a track of one grey picture, codec None leaves the sound out."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "media")
        with av.open(str(path), "w", format=container, options=options) as out:
            tracks = []
            if video:
                tracks.append(_pictures(out, av))
            if codec is not None:
                tracks.append(_sound(out, av, samples, rate, codec))
            for stream, frames in tracks:
                for frame in [*frames, None]:
                    out.mux(stream.encode(frame))
        return path.read_bytes()


def _pictures(out, av):
    stream = out.add_stream("mpeg4", rate=5)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), format="rgb24")
    frame.pts, frame.time_base = 0, Fraction(1, 5)
    return stream, [frame]


def _sound(out, av, samples, rate, codec):
    stream = out.add_stream(codec, rate=rate, layout="mono")
    stream.bit_rate = 64_000
    frame = av.AudioFrame.from_ndarray(np.round(samples * 32767).astype(np.int16)[None], "s16", "mono")
    frame.sample_rate = rate
    return stream, av.AudioResampler(stream.format, stream.layout, rate).resample(frame)


class Pipe(io.RawIOBase):
    """Standard input as a shell's pipe gives it: no seeking, short reads."""

    name = "<stdin>"

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._file.readinto(memoryview(buffer)[:1000])
