"""FFmpeg (PyAV, the `media` extra) as a decoder: AAC, WMA, AMR, and the sound of WebM, MP4 and other video."""

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from fakemamba.audio.decoder import BLOCK_SAMPLES, DecodeError, FloatArray, shortfall
from fakemamba.audio.sniff import Kind
from fakemamba.audio.source import Handle, printable
from fakemamba.errors import MissingExtraError

# Containers that only hold media. Playlists (HLS, DASH, concat) stay out: they would make FFmpeg open other files.
_CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,gsm,matroska,webm,mp3,mpeg,mpegts,"
    "mov,mp4,m4a,3gp,3g2,mj2,mpc,mpc8,nut,ogg,rm,tak,tta,voc,w64,wav,wv"
)
_PROTECTED = ("enca", "drms")  # sample entries of encrypted MP4


class MediaDecoder:
    """See `Decoder`. Raises MissingExtraError without PyAV, DecodeError where FFmpeg finds no sound to decode."""

    def __init__(self, handle: Handle, kind: Kind) -> None:
        self._av = _import_av(handle.label)
        self._handle = handle
        self._warnings: list[str] = []
        handle.seek(0)
        try:
            self._container = self._av.open(
                handle, metadata_errors="replace", options={"format_whitelist": _CONTAINERS}, io_open=_refuse
            )
        except (self._av.FFmpegError, ValueError, OSError) as error:
            handle.check()
            raise DecodeError(_reason(error)) from error
        try:
            self._stream = _sound_track(self._container)
            codec = self._stream.codec_context
            self._rate, self._channels = int(codec.sample_rate), int(codec.channels)
            if self._rate <= 0 or self._channels <= 0:
                raise DecodeError("its sound track says neither rate nor channels")
            container = kind.name if kind.family == "media" else self._container.format.name.split(",")[0]
            self.format = f"{container} {codec.name}"
        except DecodeError:
            self.close()
            raise
        if len(self._container.streams.audio) > 1:
            self._warnings.append(f"{len(self._container.streams.audio)} sound tracks; the main one was judged")
        self._resampler = self._new_resampler()
        self._count = self._damaged = 0
        self._frames = self._decoded()

    @property
    def sample_rate(self) -> int:
        return self._rate

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def frames(self) -> int | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return int(stream.duration * stream.time_base * self._rate)
        if self._container.duration is not None:
            return int(self._container.duration / self._av.time_base * self._rate)
        return None

    def read(self) -> FloatArray:
        """Codecs give some 1000 samples a frame; join them to blocks worth a numpy call."""
        parts: list[FloatArray] = []
        count = 0
        while count * self._channels < BLOCK_SAMPLES and (part := next(self._frames, None)) is not None:
            parts.append(part)
            count += len(part)
        self._handle.check()
        if not parts:
            return np.zeros((0, self._channels), np.float32)
        return np.concatenate(parts)

    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    def close(self) -> None:
        self._container.close()

    def _decoded(self) -> Iterator[FloatArray]:
        """All samples as (n, channels); damaged packets are skipped and counted."""
        try:
            for packet in self._container.demux(self._stream):
                yield from self._packet(packet)
            yield from self._converted(None)
        except self._av.FFmpegError as error:
            self._warnings.append(f"damaged after {self._count / self._rate:.2f} s ({_reason(error)})")
        if self._damaged and not self._count:
            raise DecodeError(f"none of its {self._damaged} packets could be decoded: protected (DRM) or damaged")
        if self._damaged:
            self._warnings.append(f"{self._damaged} damaged packets were left out")
        short = shortfall(self.frames or 0, self._count, self._rate)
        if short:
            self._warnings.append(short)

    def _packet(self, packet: Any) -> Iterator[FloatArray]:
        try:
            frames = packet.decode()
        except self._av.error.InvalidDataError:
            self._damaged += 1
            return
        for frame in frames:
            yield from self._converted(frame)

    def _converted(self, frame: Any) -> Iterator[FloatArray]:
        """To planar float at the first frame's rate and layout, should a broadcast change them midway."""
        try:
            frames = self._resampler.resample(frame)
        except ValueError:
            self._resampler = self._new_resampler()
            frames = self._resampler.resample(frame)
        for converted in frames:
            self._count += converted.samples
            yield np.ascontiguousarray(converted.to_ndarray().T, np.float32)

    def _new_resampler(self) -> Any:
        return self._av.AudioResampler(format="fltp", layout=self._stream.codec_context.layout, rate=self._rate)


def _import_av(name: str) -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(f"{name}: this kind of sound or video", "media") from error
    return av


def _sound_track(container: Any) -> Any:
    stream = container.streams.best("audio")
    if stream is None:
        # A track whose codec FFmpeg does not know is listed, but never the best.
        if container.streams.audio:
            raise DecodeError("its sound is in a codec that is protected or unknown")
        raise DecodeError("it has no sound track, only pictures or data")
    codec = stream.codec_context
    tag = codec.codec_tag if codec is not None else ""
    if codec is None or codec.codec is None or tag in _PROTECTED:
        raise DecodeError("its sound is protected (DRM) or in an unknown codec")
    return stream


def _refuse(*_args: Any, **_options: Any) -> NoReturn:
    """Media that point to other files or addresses are not followed."""
    raise OSError("the file points to other files, which are not opened")


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    text = printable(str(text)).split(": '")[0].rstrip(". ")
    return text[:1].lower() + text[1:]
