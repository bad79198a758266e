"""Listen, serve, and end in order: new work is refused, what was accepted is finished, then the process ends."""

import contextlib
import ctypes
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from fakemamba.errors import ConfigError
from fakemamba.server.config import ServerConfig
from fakemamba.server.protocol import guarded

logger = logging.getLogger(__name__)

_HEAD_BYTES = 16_384  # a request's line and headers
_M_ARENA_MAX = -8  # of glibc's malloc.h
_MESSAGE_BYTES = 2**20  # of a WebSocket: half a minute of float32 at 8 kHz, five seconds at 48 kHz


def listen(config: ServerConfig) -> socket.socket:
    """A bound socket, so that a port in use is told before the model is loaded.

    Raises:
        ConfigError: the address cannot be used.
    """
    try:
        infos = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = infos[0]
        sock = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {config.host}: no such address on this machine") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise ConfigError(_refused(config, error)) from error
    return sock


def url_of(config: ServerConfig, sock: socket.socket) -> str:
    """Where a browser finds the page."""
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}{config.root_path}/"


def make_server(app: FastAPI, config: ServerConfig, on_start: Callable[[], None]) -> uvicorn.Server:
    """A server whose `run(sockets=[...])` returns after SIGINT or SIGTERM, when all accepted work is done or late.

    Args:
        app: of `create_app`.
        config: the same settings.
        on_start: called once requests are answered.
    """
    return _Server(_uvicorn(app, config), app, on_start)


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config, app: FastAPI, on_start: Callable[[], None]) -> None:
        super().__init__(settings)
        self._service, self._on_start = app.state.service, on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams get to say their last events before uvicorn closes them."""
        logger.info("shutting down")
        for server in self.servers:
            server.close()
        self._service.drain()
        await self._service.streams_ended()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # a shutdown that was asked for ends with 0, not with the signal


def spare_memory() -> None:
    """Have glibc keep two heaps instead of eight a core: each keeps what its greediest thread once needed.

    Measured with a hundred FLAC bombs: 220 MB instead of 470, and no slower. Must come before the first thread;
    does nothing on other systems.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _uvicorn(app: FastAPI, config: ServerConfig) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=guarded(config),
        ws="websockets-sansio",
        ws_max_size=_MESSAGE_BYTES,
        ws_ping_interval=config.stream_idle / 2,
        ws_ping_timeout=config.stream_idle,
        ws_per_message_deflate=False,  # a small frame must not unpack to a large one
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(config.trusted_proxies),
        forwarded_allow_ips=list(config.trusted_proxies),
        timeout_keep_alive=config.keep_alive,
        timeout_graceful_shutdown=config.shutdown_timeout,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )


def _refused(config: ServerConfig, error: OSError) -> str:
    where = f"{config.host}:{config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another --port, or 0 for any free one"
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need more rights; choose another --port and let a proxy listen there"
    return f"{where}: cannot listen there: {error.strerror or error}"
