"""uvicorn's HTTP protocol with what it lacks against slow, silent and greedy peers.

connected ──head_timeout──> the head of a request must be complete
answered early, body still coming ──drain──> the rest of the body must have come
answer written, peer does not read ──write_timeout──> the buffer must have drained
"""

import asyncio
import socket
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from fakemamba.server.config import ServerConfig

_DRAIN = 5.0  # seconds that a refused upload may go on, so that its sender gets to read the refusal


def guarded(settings: ServerConfig) -> type[asyncio.Protocol]:
    """A protocol class for uvicorn with the timeouts and limits of `settings`."""

    class Guarded(_Guarded):
        limits = settings

    return Guarded


class _Guarded(H11Protocol):
    limits: ServerConfig

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._crowded():
            transport.abort()
            return
        _probe(transport, self.limits.write_timeout)
        self._arm("head", self.limits.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._disarm(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        for name in list(self._timers):
            self._disarm(name)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._arm("write", self.limits.write_timeout)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._disarm("write")

    def _watch(self) -> None:
        """Set the timers as the state of the connection wants them."""
        if self.transport.get_protocol() is not self:
            return
        theirs, ours = self.conn.their_state, self.conn.our_state
        # An idle connection without a byte of the next head is uvicorn's keep-alive timer's business.
        partial = theirs is h11.IDLE and bool(self.conn.trailing_data[0])
        self._set("head", partial, self.limits.head_timeout)
        answered = ours in (h11.DONE, h11.MUST_CLOSE) and theirs is h11.SEND_BODY
        self._set("drain", answered, _DRAIN)

    def _crowded(self) -> bool:
        connections = self.server_state.connections
        if len(connections) > self.limits.max_connections:
            return True
        host = self.client[0] if self.client else None
        if host is None or host in self.limits.trusted_proxies:
            return False
        mine = sum(_host_of(other) == host for other in connections)
        return mine > self.limits.max_connections_per_address

    def _set(self, name: str, wanted: bool, seconds: float) -> None:
        if wanted:
            self._arm(name, seconds)
        else:
            self._disarm(name)

    def _arm(self, name: str, seconds: float) -> None:
        if name not in self._timers:
            self._timers[name] = self.loop.call_later(seconds, self.transport.abort)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _host_of(connection: Any) -> str | None:
    client = getattr(connection, "client", None)
    return client[0] if client else None


def _probe(transport: asyncio.Transport, patience: float) -> None:
    """Let the kernel find peers that vanished without a word; where it can."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", round(patience * 1000)),
    ):
        option = getattr(socket, name, None)
        if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
