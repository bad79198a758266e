"""What a live client sends -> blocks of samples: PCM as it is, or WebM, Ogg and MP4 decoded while they come.

FFmpeg pulls, a socket pushes; between them stands a thread that waits for bytes on one side (`_Pipe`) and for room
on the other, so that neither the compressed nor the decoded audio piles up.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np

from fakemamba.errors import MissingExtraError
from fakemamba.server.problem import Problem

logger = logging.getLogger(__name__)

Block = tuple[np.ndarray[Any, Any], int]  # (n, channels) samples and their rate in Hz
Blocks = asyncio.Queue[Block | BaseException | None]  # None: the end

PCM: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
CONTAINERS = {"webm": "matroska", "ogg": "ogg", "mp4": "mp4"}
Format = Literal["s16le", "f32le", "webm", "ogg", "mp4"]

_PIECE = 1.0  # seconds of a long PCM message that are judged before the rest of it
_PIPE_BYTES = 2**20  # that may wait for the decoder


class SourceOf(Protocol):
    """Takes a client's messages and fills a queue of blocks."""

    async def feed(self, data: bytes) -> None:
        """One binary message; waits while there is no room."""
        ...

    async def end(self) -> None:
        """Nothing more will come; the queue will end with None, or with what went wrong."""
        ...

    def abandon(self) -> None:
        """Nobody listens any more."""
        ...


class PcmSource:
    """Interleaved samples; frames may be cut anywhere by the messages' bounds."""

    def __init__(self, out: Blocks, form: str, rate: int, channels: int) -> None:
        self._out, self._type, self._rate, self._channels = out, PCM[form], rate, channels
        self._rest = b""

    async def feed(self, data: bytes) -> None:
        data = self._rest + data
        frame = self._type.itemsize * self._channels
        whole = len(data) - len(data) % frame
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], self._type).reshape(-1, self._channels)
        step = max(1, round(_PIECE * self._rate))
        for start in range(0, len(samples), step):
            await self._out.put((samples[start : start + step], self._rate))

    async def end(self) -> None:
        await self._out.put(None)

    def abandon(self) -> None:
        """Nothing is held."""


class MediaSource:
    """A container decoded by FFmpeg in a thread of its own; raises Problem 415 without the extra `media`."""

    def __init__(self, out: Blocks, form: str) -> None:
        try:
            import av
        except ImportError as error:
            why = MissingExtraError(f"a stream of {form}", "media")
            raise Problem(415, "unsupported_format", f"{why}; or send s16le") from error
        self._av: Any = av
        self._out, self._form = out, form
        self._pipe = _Pipe()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="decode-live", daemon=True).start()

    async def feed(self, data: bytes) -> None:
        while self._pipe.full:
            await asyncio.sleep(0.01)
        self._pipe.write(data)

    async def end(self) -> None:
        self._pipe.close()

    def abandon(self) -> None:
        self._pipe.abandon()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for block in self._decoded():
                self._put(block)
        except _AbandonedError:
            return
        except (self._av.FFmpegError, ValueError, OSError) as error:
            logger.debug("a live stream could not be decoded", exc_info=error)
            last = Problem(422, "unreadable_audio", f"this is no {self._form} stream that can be decoded")
        except Exception as error:  # noqa: BLE001 - raised again by whoever reads the queue
            last = error
        with contextlib.suppress(_AbandonedError):
            self._put(last)

    def _decoded(self) -> Iterator[Block]:
        # Without analysis: all of these formats say in their header what is inside, and waiting for more costs seconds.
        options = {"format_whitelist": CONTAINERS[self._form], "analyzeduration": "0", "fflags": "nobuffer"}
        with self._av.open(self._pipe, format=CONTAINERS[self._form], options=options, buffer_size=4096) as container:
            if not container.streams.audio:
                raise ValueError("no sound")
            sound = container.streams.audio[0]
            resampler = None
            for packet in container.demux(sound):
                with contextlib.suppress(self._av.error.InvalidDataError):  # one damaged packet is a gap, no end
                    for frame in packet.decode():
                        resampler = resampler or self._av.AudioResampler(format="fltp", layout="mono", rate=frame.rate)
                        for plain in resampler.resample(frame):
                            yield np.ascontiguousarray(plain.to_ndarray().T, np.float32), int(plain.sample_rate)

    def _put(self, block: Block | BaseException | None) -> None:
        """Into the event loop's queue, waiting for room there."""
        if self._pipe.abandoned or self._loop.is_closed():
            raise _AbandonedError
        future = asyncio.run_coroutine_threadsafe(self._out.put(block), self._loop)
        while True:
            try:
                future.result(timeout=1.0)
                return
            except TimeoutError:
                if self._pipe.abandoned or self._loop.is_closed():
                    future.cancel()
                    raise _AbandonedError from None


class _AbandonedError(Exception):
    """The stream's owner is gone."""


class _Pipe:
    """A file that FFmpeg reads forward: `read` waits for bytes. It has no `seek`, so none is tried."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._changed = threading.Condition()
        self._closed = False
        self.abandoned = False

    @property
    def full(self) -> bool:
        return len(self._data) >= _PIPE_BYTES and not self._closed

    def write(self, data: bytes) -> None:
        with self._changed:
            self._data += data
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def abandon(self) -> None:
        self.abandoned = True
        self.close()

    def read(self, count: int) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._data or self._closed)
            data = bytes(self._data[:count])
            del self._data[:count]
            return data
