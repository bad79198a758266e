"""How much one client, and all of them together, may ask at once; counted in the event loop's thread only."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fakemamba.server.config import ServerConfig
from fakemamba.server.problem import Problem, busy

_MOST_CLIENTS = 10_000  # remembered; the longest idle are forgotten first

Clock = Callable[[], float]


@dataclass
class _Client:
    tokens: float
    seen: float
    requests: int = 0
    streams: int = 0


@dataclass
class Memory:
    """Bytes of all uploads held at once."""

    most: int
    held: int = 0

    def take(self, count: int) -> None:
        """Raises Problem 503 if `count` more bytes do not fit."""
        if self.held + count > self.most:
            raise busy("the server holds as many recordings as its memory allows")
        self.held += count

    def give(self, count: int) -> None:
        self.held -= count


@dataclass
class Limits:
    """Admission: raises Problem 429 for one client's excess, 503 when the server is full.

    Args:
        config: the limits.
        max_streams: live streams at once.
        clock: seconds, monotonic.
    """

    config: ServerConfig
    max_streams: int
    clock: Clock = time.monotonic
    requests: int = 0
    streams: int = 0
    draining: bool = False
    memory: Memory = field(init=False)
    _clients: "OrderedDict[str, _Client]" = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.memory = Memory(self.config.max_memory)

    @contextmanager
    def request(self, who: str) -> Iterator[None]:
        """Room for one recording, given back at the end."""
        self._refuse_draining()
        client = self._client(who)
        if client.requests >= self.config.client_requests:
            raise Problem(
                429,
                "too_many_at_once",
                f"you have {client.requests} recordings here already, the most at once; wait for an answer",
                retry_after=1,
            )
        if self.requests >= self.config.max_requests:
            raise busy(f"the server judges {self.requests} recordings already, the most at once")
        self._spend(client)
        client.requests += 1
        self.requests += 1
        try:
            yield
        finally:
            client.requests -= 1
            self.requests -= 1

    @contextmanager
    def stream(self, who: str) -> Iterator[None]:
        """Room for one live stream, given back at the end."""
        self._refuse_draining()
        client = self._client(who)
        if client.streams >= self.config.client_streams:
            raise Problem(
                429,
                "too_many_at_once",
                f"you have {client.streams} streams here already, the most at once",
                retry_after=10,
            )
        if self.streams >= self.max_streams:
            raise busy(f"the server hears {self.streams} streams already, the most at once", 10)
        self._spend(client)
        client.streams += 1
        self.streams += 1
        try:
            yield
        finally:
            client.streams -= 1
            self.streams -= 1

    def _refuse_draining(self) -> None:
        if self.draining:
            raise busy("the server is shutting down", 5)

    def _client(self, who: str) -> _Client:
        now, rate = self.clock(), self.config.client_rate
        client = self._clients.pop(who, None) or _Client(rate, now)
        client.tokens = min(rate, client.tokens + (now - client.seen) * rate / 60)
        client.seen = now
        self._clients[who] = client
        if len(self._clients) > _MOST_CLIENTS:
            idle = next((name for name, one in self._clients.items() if not one.requests + one.streams), None)
            self._clients.pop(idle or "", None)
        return client

    def _spend(self, client: _Client) -> None:
        """One request of the client's minute: a bucket that holds a minute's worth and fills steadily."""
        if client.tokens < 1:
            rate = self.config.client_rate
            raise Problem(
                429,
                "too_many_requests",
                f"more than {rate} requests in a minute; wait a little",
                retry_after=math.ceil((1 - client.tokens) * 60 / rate),
            )
        client.tokens -= 1


def address_of(host: str | None) -> str:
    """What counts as one client without keys: an IPv4 address, or the /64 network that one IPv6 user owns."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
