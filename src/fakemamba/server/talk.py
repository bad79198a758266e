"""`WS /v1/stream`: a client talks, events come back while it does.

    client: {"type": "start", "format": "s16le", "rate": 16000}
    server: {"event": "ready", ...}
    client: <binary> <binary> ...          server: {"event": "score", ...} {"event": "fake_started", ...} ...
    client: {"type": "end"}                server: {"event": "end", ...}, close 1000

What goes wrong is said as {"event": "error", ...}; then the socket closes with 4000 + the status that HTTP would have.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from numpy.typing import NDArray

from fakemamba import __version__
from fakemamba.errors import AudioError, ConfigError
from fakemamba.scorer import FloatArray
from fakemamba.server.gate import check_origin, known, presented, service_of
from fakemamba.server.limits import address_of
from fakemamba.server.problem import Problem
from fakemamba.server.service import Service
from fakemamba.server.sources import CONTAINERS, Blocks, MediaSource, PcmSource, SourceOf
from fakemamba.server.start import Start, query_start, read_message, read_start
from fakemamba.stream import Stream, Window

logger = logging.getLogger(__name__)
router = APIRouter()

Work = Callable[..., list[Window]]

_BLOCKS_AHEAD = 4
_HELD_BACK = 0.1  # seconds that the resampler may keep and give out with a later block
_RESTART = 1012  # RFC 6455's registry: service restart


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """See the module, and docs/server.md."""
    service = service_of(socket)
    try:
        check_origin(socket, service)
    except Problem:
        await socket.close()  # before it is accepted: HTTP 403
        return
    await socket.accept()
    talk = _Talk(socket, service)
    service.talks.add(talk)
    begin = time.perf_counter()
    try:
        outcome = await talk.run()
    except WebSocketDisconnect:
        outcome = "left"
    except Problem as problem:
        outcome = problem.code
        await talk.refuse(problem)
    except Exception:
        outcome = "internal"
        logger.exception("internal error", extra={"fields": {"route": "/v1/stream"}})
        await talk.refuse(Problem(500, "internal", "a bug of this server; its log says more"))
    finally:
        service.talks.discard(talk)
    service.metrics.streams.add(outcome=outcome)
    fields = {"outcome": outcome, "audio_s": round(talk.heard, 1), "s": round(time.perf_counter() - begin, 1)}
    logger.info("stream", extra={"fields": fields})


class _Talk:
    """One conversation.

    Attributes:
        heard: seconds of audio judged.
    """

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service, self._config = socket, service, service.config
        self._arrived = 0.0
        self._patience = asyncio.timeout(None)
        self._restarting = False
        self.heard = 0.0

    async def run(self) -> str:
        """From the first message to the last event; returns how it ended."""
        start = await self._started()
        who = self._who(start)
        with self._service.limits.stream(who):
            stream = self._open(start)
            blocks = Blocks(_BLOCKS_AHEAD)
            source = _source(start, blocks)
            await self._send(self._welcome(start, stream))
            reading = asyncio.create_task(self._read(source, blocks))
            try:
                await self._judge(stream, blocks, (who, id(self)))
            finally:
                source.abandon()
                reading.cancel()
                self._service.metrics.audio.add(self.heard, kind="stream")
        await self._close(_RESTART if self._restarting else 1000)
        return "restart" if self._restarting else "end"

    async def refuse(self, problem: Problem) -> None:
        """Say what is wrong, and close; to nobody, if the client has gone."""
        body = problem.body() | ({} if problem.retry_after is None else {"retry_after": problem.retry_after})
        try:
            await self._send({"event": "error", "status": problem.status, **body})
            await self._close(4000 + problem.status)
        except (WebSocketDisconnect, RuntimeError, Problem):
            logger.debug("the client had gone before it was told", exc_info=True)

    async def _started(self) -> Start:
        start = query_start(dict(self._socket.query_params))
        if start is not None and (not self._service.keys or presented(self._socket)):
            return start
        message = await self._receive(self._config.head_timeout)
        if message.get("text") is None:
            raise Problem(400, "bad_start", 'say first what comes: {"type": "start", "format": "s16le", "rate": 16000}')
        return read_start(read_message(message["text"]))

    def _who(self, start: Start) -> str:
        if not self._service.keys:
            return address_of(self._socket.client.host if self._socket.client else None)
        return known(presented(self._socket) or start.key, self._service)

    def _open(self, start: Start) -> Stream:
        config = start.config
        if config.hop < self._config.least_hop:
            raise Problem(400, "bad_start", f"start: config.hop: {self._config.least_hop} s is the shortest here")
        if config.threshold is None and config.operating_point is None:
            own = {"threshold": self._config.threshold, "operating_point": self._config.operating_point}
            config = config.model_copy(update=own)
        try:
            return self._service.detector.stream(config)
        except ConfigError as error:
            raise Problem(400, "bad_start", f"start: {error}") from error

    def _welcome(self, start: Start, stream: Stream) -> dict[str, Any]:
        return {
            "event": "ready",
            "model": self._service.detector.card.name,
            "version": __version__,
            "format": start.format,
            "config": stream.config.model_dump(mode="json"),
        }

    async def _read(self, source: SourceOf, blocks: Blocks) -> None:
        """The client's messages into the source, until it ends; what goes wrong travels through the queue too."""
        try:
            while True:
                message = await self._receive(self._config.stream_idle)
                if message.get("bytes") is not None:
                    self._arrived = time.perf_counter()
                    await source.feed(message["bytes"])
                elif self._restarting or read_message(message["text"])["type"] == "end":
                    await source.end()
                    return
                else:
                    raise Problem(400, "bad_message", 'only {"type": "end"} is understood after the start')
        except (Problem, WebSocketDisconnect) as error:
            await blocks.put(error)

    async def _receive(self, patience: float) -> dict[str, Any]:
        """The next message; an empty one once the server shuts down."""
        try:
            async with asyncio.timeout(patience) as self._patience:
                if self._service.draining:
                    self.interrupt()
                message = dict(await self._socket.receive())
        except TimeoutError as error:
            if self._service.draining:
                self._restarting = True
                return {}
            raise Problem(408, "too_slow", f"nothing came for {patience:g} s") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        return message

    def interrupt(self) -> None:
        """Wait no longer for the client: the server shuts down."""
        with contextlib.suppress(RuntimeError):  # it is not waiting now, and will see by itself
            self._patience.reschedule(0.0)

    async def _judge(self, stream: Stream, blocks: Blocks, client: tuple[str, int]) -> None:
        """Blocks into the stream, windows into the pool, events to the client."""
        while (block := await blocks.get()) is not None:
            if isinstance(block, BaseException):
                raise block
            push = partial(_checked, stream.push, *block)
            windows = await self._threaded(push) if self._looks(stream, *block) else push()
            await self._settle(stream, windows, client)
            self.heard = stream.time
            if self.heard > self._config.stream_duration:
                raise Problem(413, "too_long", f"a stream may last {self._config.stream_duration:g} s; start another")
        await self._settle(stream, await self._threaded(partial(_checked, stream.finish)), client)

    @staticmethod
    def _looks(stream: Stream, samples: NDArray[Any], rate: int) -> bool:
        """Whether a block may complete a hop, which costs milliseconds of speech activity; else it is only kept."""
        hop = stream.config.hop
        return stream.time % hop + len(samples) / rate + _HELD_BACK >= hop

    async def _threaded(self, work: Work) -> list[Window]:
        return await asyncio.get_running_loop().run_in_executor(self._service.live_threads, work)

    async def _settle(self, stream: Stream, windows: list[Window], client: tuple[str, int]) -> None:
        arrived = self._arrived
        events = stream.settle(await self._scores(windows, client))
        for event in events:
            await self._send(event.to_dict())
            self._service.metrics.events.add(type=event.event)
        if windows:
            self._service.metrics.lag_seconds.observe(time.perf_counter() - arrived)

    async def _scores(self, windows: list[Window], client: tuple[str, int]) -> FloatArray | list[float]:
        if not windows:
            return []
        future = self._service.pool.submit(client, [window.wave for window in windows], live=True)
        return await asyncio.wrap_future(future)

    async def _send(self, value: dict[str, Any]) -> None:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        try:
            async with asyncio.timeout(self._config.write_timeout):
                await self._socket.send_text(text)
        except TimeoutError as error:
            raise WebSocketDisconnect(1006, "it does not read") from error

    async def _close(self, code: int) -> None:
        await self._socket.close(code)


def _checked(work: Work, *arguments: Any) -> list[Window]:
    try:
        return work(*arguments)
    except AudioError as error:
        raise Problem(422, "unreadable_audio", str(error).removeprefix("<stream>: ")) from error


def _source(start: Start, blocks: Blocks) -> SourceOf:
    if start.format in CONTAINERS:
        return MediaSource(blocks, start.format)
    return PcmSource(blocks, start.format, start.rate, start.channels)
