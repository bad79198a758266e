"""What the server allows and how it listens: one frozen value, from the command line or a TOML file."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from fakemamba.config import Frozen, parse, read_toml

MIB = 2**20

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class ServerConfig(Frozen):
    """All settings of the server; times in seconds, sizes in bytes.

    Attributes:
        host, port: where to listen; port 0 for any free one.
        root_path: the path under which a proxy shows the server, such as "/voice"; empty for none.
        trusted_proxies: addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
        cors_origins: origins whose pages may call the API from a browser; none by default.
        api_keys_file: one key a line, `label:key` or `key`; with FAKEMAMBA_API_KEYS, either switches keys on.
        model, threads, threshold, operating_point: as of `fakemamba.load`; `threads` is how many cores score, None for
            all. Requests may ask for another threshold or operating point.
        max_batch, batch_wait: windows scored at once, and how long a batch may wait for more of them.
        max_upload, max_duration: of one recording; a recording is stopped while it is decoded, not after.
        max_memory: of all uploads held at once.
        max_requests: recordings accepted at once; what comes beyond is told to come again.
        max_streams: live streams at once; None for what the cores were measured to carry at the start.
        max_connections, max_connections_per_address: open sockets.
        client_requests, client_streams, client_rate: of one client at once, and its requests a minute. A client is
            an API key, or without keys an address (of IPv6, its /64 network).
        head_timeout, body_idle, body_timeout: until a request's head is there; between two pieces of its body; until
            all of it is there.
        judge_timeout: for decoding and judging one recording.
        stream_idle, stream_duration: silence of the sender until a stream is closed; the longest stream.
        least_hop: the shortest time between two looks that a stream may ask for.
        write_timeout, keep_alive: until a client takes what was sent; between two requests of a connection.
        shutdown_timeout: what accepted work gets to finish after SIGTERM.
        log_clients: put the clients' addresses into the log.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    root_path: str = ""
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    api_keys_file: Path | None = None
    model: str | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    operating_point: str | None = None
    max_batch: Annotated[int, Field(ge=1, le=256)] = 4
    batch_wait: Annotated[float, Field(ge=0, le=1)] = 0.002
    max_upload: Annotated[int, Field(ge=1_000)] = 64 * MIB
    max_duration: Seconds = 3600.0
    max_memory: Annotated[int, Field(ge=1_000)] = 512 * MIB
    max_requests: Count = 64
    max_streams: Count | None = None
    max_connections: Count = 1000
    max_connections_per_address: Count = 256
    client_requests: Count = 8
    client_streams: Count = 8
    client_rate: Count = 600
    head_timeout: Seconds = 10.0
    body_idle: Seconds = 15.0
    body_timeout: Seconds = 120.0
    judge_timeout: Seconds = 300.0
    stream_idle: Seconds = 30.0
    stream_duration: Seconds = 14_400.0
    least_hop: Annotated[float, Field(ge=0.1, le=5.0)] = 0.5
    write_timeout: Seconds = 30.0
    keep_alive: Annotated[int, Field(ge=1, le=3600)] = 15
    shutdown_timeout: Annotated[int, Field(ge=1, le=3600)] = 30
    log_clients: bool = False

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                raise ValueError(f"{value!r} is no address or network; give such as 127.0.0.1 or 10.0.0.0/8") from error
        return values

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", value):
                raise ValueError(f"{value!r} is no origin; give scheme and host, such as https://example.org")
        return values

    @field_validator("root_path")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
            raise ValueError(f"{value!r} must begin with / and not end with it, such as /voice")
        return value


def read_config(path: Path | None, given: dict[str, Any]) -> ServerConfig:
    """The settings of a TOML file, if any, under those that were `given` outright.

    Raises:
        ConfigError: the file cannot be read, or a setting is unknown or out of range.
    """
    stored = {} if path is None else read_toml(path)
    return parse(ServerConfig, {**stored, **given}, "options" if path is None else str(path))
