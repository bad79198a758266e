"""A real server on a real socket in a thread, with the tests' fake scorer: what the tests of `server` share."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import soundfile
import uvicorn
from fastapi import FastAPI

from fakemamba.checkpoint.folder import ModelCard
from fakemamba.detect import Detector
from fakemamba.server import ServerConfig, create_app
from fakemamba.server.keys import Keys
from fakemamba.server.run import listen, make_server
from fakes import RATE, FakeScorer, Wave, speech, tiny_card

CHEAP = {"threads": 2, "max_streams": 16, "client_rate": 100_000, "client_requests": 64}


class SlowScorer(FakeScorer):
    """Waits before it answers, until the test opens the gate."""

    def __init__(self, rule: Callable[[Wave], float] = lambda wave: 5.0) -> None:
        super().__init__(rule)
        self.gate = threading.Event()
        self.entered = threading.Event()

    def score(self, windows: Wave) -> Wave:
        if windows.any():  # the warm-up at the start is all zeros
            self.entered.set()
            assert self.gate.wait(20)
        return super().score(windows)


@dataclass
class Running:
    """A server that runs: where, and its parts."""

    url: str
    app: FastAPI
    server: uvicorn.Server

    @property
    def service(self) -> Any:
        return self.app.state.service

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=20, trust_env=False, **options)


def make_app(
    scorer: Any = None, *, keys: Keys | None = None, card: ModelCard | None = None, **settings: Any
) -> FastAPI:
    """An application around the fake scorer; settings on top of ones that no test runs into by accident."""
    detector = Detector(scorer or FakeScorer(), card or tiny_card(), model_sha256="0" * 64)
    return create_app(ServerConfig(**{**CHEAP, "port": 0, **settings}), detector=detector, keys=keys or Keys())


@contextmanager
def running(
    scorer: Any = None, *, keys: Keys | None = None, card: ModelCard | None = None, **settings: Any
) -> Iterator[Running]:
    """Start a server in a thread, and end it as SIGTERM would."""
    app = make_app(scorer, keys=keys, card=card, **settings)
    config = app.state.service.config
    sock = listen(config)
    started = threading.Event()
    server = make_server(app, config, started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield Running(f"http://127.0.0.1:{sock.getsockname()[1]}", app, server)
    finally:
        server.should_exit = True
        thread.join(20)
        sock.close()
        assert not thread.is_alive(), "the server did not end"


def wav(seconds: float = 3.0, *, level: float = 0.3, seed: int = 0) -> bytes:
    """A voice as a WAV file of 16 bits."""
    return encoded(speech(seconds, level=level, seed=seed))


def encoded(wave: Any, rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    """Samples as a file's bytes."""
    file = BytesIO()
    soundfile.write(file, np.asarray(wave), rate, format=form, subtype=subtype)
    return file.getvalue()


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Until something in another thread has happened; fails the test if it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)
