"""Which decoder reads a source: libsndfile first, FFmpeg where it cannot, and one clear line where neither can."""

from typing import Any

from fakemamba.audio.array import ArrayDecoder
from fakemamba.audio.decoder import DecodeError, Decoder
from fakemamba.audio.media import MediaDecoder
from fakemamba.audio.sndfile import SndfileDecoder
from fakemamba.audio.sniff import HEAD, Kind, sniff
from fakemamba.audio.source import Handle, open_handle
from fakemamba.errors import AudioError, MissingExtraError

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000  # Hz; below, speech has lost the band that is judged
MOST_CHANNELS = 64  # a microphone array; more is a broken header


class Opened:
    """A decoder and the handle under it, closed together."""

    def __init__(self, decoder: Decoder, handle: Handle | None) -> None:
        self.decoder, self._handle = decoder, handle

    def close(self) -> None:
        self.decoder.close()
        if self._handle is not None:
            self._handle.close()


def open_source(source: Any, name: str) -> Opened:
    """Open any `Source` for decoding.

    Raises:
        AudioError: it cannot be read, or its rate or channel count is absurd.
        MissingExtraError: it needs the `media` extra.
    """
    if isinstance(source, tuple):
        opened = Opened(ArrayDecoder(source), None)
    else:
        handle = open_handle(source)
        try:
            opened = Opened(_decoder(handle), handle)
        except BaseException:
            handle.close()
            raise
    try:
        _check(opened.decoder, name)
    except AudioError:
        opened.close()
        raise
    return opened


def _decoder(handle: Handle) -> Decoder:
    kind = sniff(handle.part(0, HEAD))
    handle.check()
    if kind.family == "other":
        raise AudioError(f"{handle.label}: not audio that can be read (looks like {kind.name})")
    reason = None
    if kind.family != "media":
        try:
            return SndfileDecoder(handle, kind)
        except DecodeError as error:
            reason = str(error)
            if error.final:
                raise AudioError(_sentence(handle, kind, reason)) from error
    return _second_try(handle, kind, reason)


def _second_try(handle: Handle, kind: Kind, reason: str | None) -> Decoder:
    """FFmpeg; where it fails too, libsndfile's reason is the better one for its own formats."""
    try:
        return MediaDecoder(handle, kind)
    except MissingExtraError as error:
        if kind.family == "media":
            raise MissingExtraError(f"{handle.label}: {kind.name}", "media") from error
        hint = "; more formats:  pip install 'fakemamba[media]'" if kind.family == "unknown" else ""
        raise AudioError(_sentence(handle, kind, reason) + hint) from error
    except DecodeError as error:
        raise AudioError(_sentence(handle, kind, reason or str(error))) from error


def _sentence(handle: Handle, kind: Kind, reason: str | None) -> str:
    if kind.family == "unknown":
        first = handle.part(0, 4).hex(" ")
        return f"{handle.label}: not audio that can be read (it begins with the bytes {first}, {kind.name})"
    advice = "record or export it again, best as WAV or FLAC"
    return f"{handle.label}: this {kind.name} cannot be decoded: {reason}; {advice}"


def _check(decoder: Decoder, name: str) -> None:
    rate, channels = decoder.sample_rate, decoder.channels
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        why = "too low to judge speech" if rate < LOWEST_RATE else "surely a broken header"
        raise AudioError(f"{name}: a sample rate of {rate} Hz is {why}; {LOWEST_RATE} to {HIGHEST_RATE} Hz are read")
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(f"{name}: {channels} channels are surely a broken header; 1 to {MOST_CHANNELS} are read")
