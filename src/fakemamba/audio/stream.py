"""The public door: any source as a stream of float32 mono blocks at 16 kHz, in bounded memory.

source -> decoder (n, channels) -> checks -> mean of the channels -> soxr -> blocks (n,)
"""

import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import soxr

from fakemamba.audio.decode import open_source
from fakemamba.audio.decoder import DecodeError, FloatArray
from fakemamba.audio.mix import checked_peak, mono
from fakemamba.audio.source import Source, name_of
from fakemamba.errors import AudioError, FakeMambaWarning

SAMPLE_RATE = 16_000

_CLIPPED = 1.5  # codecs overshoot full scale a little
# The mean of the channels has lost 20 dB against them: they are in opposite phase.
_CANCELLED = 0.01


class AudioStream:
    """A source being read once, from start to end; made by `open_audio`, best used with `with`.

    Attributes:
        name: what to call the source, printable on one line.
        format: container and encoding for people, such as "WAV PCM_16".
        sample_rate: Hz of the source, before resampling.
        channels: of the source, before mixing.
        duration: seconds that the header promises; None where it does not say.
    """

    def __init__(self, source: Source) -> None:
        self.name = name_of(source)
        self._opened = open_source(source, self.name)
        decoder = self._opened.decoder
        self.format, self.sample_rate, self.channels = decoder.format, decoder.sample_rate, decoder.channels
        frames = decoder.frames
        self.duration = None if frames is None else frames / self.sample_rate
        self._mixer = _Mixer(self.name, self.sample_rate, self.channels)
        self._begun = False
        try:
            self._first = self._read()
            if len(self._first) == 0:
                raise AudioError(
                    f"{self.name}: no sample could be decoded; the {self.format} data is missing or damaged"
                )
        except BaseException:
            self.close()
            raise

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong but could be read around, one line each; complete once all blocks are read."""
        return (*self._opened.decoder.warnings(), *self._mixer.warnings())

    def blocks(self, seconds: float = 10.0) -> Iterator[FloatArray]:
        """The audio as (n,) float32 mono in [-1, 1] at 16 kHz; each block lasts `seconds`, the last one less.

        Channels are mixed to their mean. Memory does not grow with the length of the source.

        Raises:
            AudioError: NaN, infinite or unscaled samples, a reading error, or a second call: a stream is read once.
        """
        if self._begun:
            raise AudioError(f"{self.name}: this stream was read already; open it again")
        if not seconds * SAMPLE_RATE >= 1:
            raise AudioError(f"blocks of {seconds} s hold no sample; ask for longer ones")
        self._begun = True
        return _reblocked(self._waves(), round(seconds * SAMPLE_RATE))

    def close(self) -> None:
        """Close what was opened; a caller's own file object stays open."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> FloatArray:
        try:
            return self._opened.decoder.read()
        except DecodeError as error:
            raise AudioError(f"{self.name}: {error}") from error

    def _waves(self) -> Iterator[FloatArray]:
        """Mono at 16 kHz in whatever pieces come out of decoder and resampler."""
        resample = _Resampler(self.sample_rate)
        count = 0
        block = self._first
        self._first = block[:0]
        while len(block):
            wave = resample(self._mixer.mono(block))
            count += len(wave)
            yield wave
            block = self._read()
        wave = resample(np.zeros(0, np.float32), last=True)
        if count + len(wave) == 0:
            raise AudioError(f"{self.name}: is too short to hold one sample at {SAMPLE_RATE} Hz")
        yield wave


class _Mixer:
    """Checks samples and takes the mean of the channels; remembers what it had to forgive."""

    def __init__(self, name: str, sample_rate: int, channels: int) -> None:
        self._name, self._rate, self._channels = name, sample_rate, channels
        self._position = 0
        self._peak = self._mixed_energy = self._channel_energy = 0.0

    def mono(self, block: FloatArray) -> FloatArray:
        """(n, channels) -> (n,), checked and counted."""
        peak = checked_peak(block, self._name, self._position / self._rate, self._rate)
        self._peak = max(self._peak, peak)
        self._position += len(block)
        wave = mono(block)
        if self._channels == 1:
            return wave
        flat = block.ravel()
        self._mixed_energy += float(np.dot(wave, wave))
        self._channel_energy += float(np.dot(flat, flat)) / self._channels
        return wave

    def warnings(self) -> tuple[str, ...]:
        found = []
        if self._peak > _CLIPPED:
            found.append(f"clipped: peaks reach {self._peak:.1f} times full scale")
        if self._mixed_energy < _CANCELLED * self._channel_energy:
            found.append("the channels cancel each other (opposite phase): what was judged is what their mean leaves")
        return tuple(found)


class _Resampler:
    """soxr, high quality, carrying its state from block to block; what overshoots full scale is clipped."""

    def __init__(self, sample_rate: int) -> None:
        same = sample_rate == SAMPLE_RATE
        self._soxr: Any = None if same else soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, "float32", quality="HQ")

    def __call__(self, wave: FloatArray, *, last: bool = False) -> FloatArray:
        if self._soxr is not None:
            wave = self._soxr.resample_chunk(np.ascontiguousarray(wave), last=last)
        clipped: FloatArray = np.clip(wave, -1.0, 1.0, dtype=np.float32)
        return clipped


def _reblocked(waves: Iterator[FloatArray], length: int) -> Iterator[FloatArray]:
    """The same samples in pieces of `length`; each sample is copied once."""
    block, filled = np.empty(length, np.float32), 0
    for wave in waves:
        start = 0
        while start < len(wave):
            part = wave[start : start + length - filled]
            block[filled : filled + len(part)] = part
            filled, start = filled + len(part), start + len(part)
            if filled == length:
                yield block
                block, filled = np.empty(length, np.float32), 0
    if filled:
        yield block[:filled]


def open_audio(source: Source) -> AudioStream:
    """Open audio for reading in blocks.

    Args:
        source: a path; the bytes of a file; a binary file object (read from its beginning, or as it comes if it
            cannot seek; left open); or (array, sample rate) with samples (N,), (N, channels) or (channels, N),
            the smaller dimension being the channels, floats in [-1, 1] or integers of up to 32 bits.
            The format is found from the content, never from the extension.

    Raises:
        AudioError: one line that says what is wrong with the source and what to do.
        MissingExtraError: the format needs the `media` extra (m4a, webm, video, ...).
    """
    return AudioStream(source)


def load_audio(source: Source) -> FloatArray:
    """Read a whole source: (N,) float32 mono at 16 kHz in [-1, 1].

    Takes and raises what `open_audio` does; what the stream would list in `warnings` becomes a FakeMambaWarning.
    """
    with open_audio(source) as stream:
        wave = np.concatenate(list(stream.blocks()))
        for warning in stream.warnings:
            warnings.warn(f"{stream.name}: {warning}", FakeMambaWarning, stacklevel=2)
    return wave
