"""`WS /v1/stream` over real sockets: the same events as `Detector.stream`, whatever carries the sound."""

import json
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from live_server import Running, SlowScorer, running, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from fakemamba.server.keys import read_keys
from fakemamba.stream import StreamConfig
from fakes import FakeScorer, speech

KEY = "a-key-that-is-long-enough"


def loud_is_fake(wave):
    return 4.0 - 200 * float(np.abs(wave).mean())


@pytest.fixture(scope="module")
def live():
    with running(FakeScorer(loud_is_fake)) as server:
        yield server


def dial(server: Running, query: str = "", **options: Any) -> ClientConnection:
    return connect(server.url.replace("http", "ws") + "/v1/stream" + query, proxy=None, **options)


def talk(socket: ClientConnection, start: dict[str, Any] | None, data: Iterable[bytes]) -> list[dict[str, Any]]:
    """Say everything, and return everything that was said."""
    if start is not None:
        socket.send(json.dumps({"type": "start", **start}))
    for piece in data:
        socket.send(piece)
    socket.send('{"type": "end"}')
    return everything(socket)


def everything(socket: ClientConnection) -> list[dict[str, Any]]:
    """What is said until the socket closes, however it does."""
    said = []
    with suppress(ConnectionClosed):
        while True:
            said.append(json.loads(socket.recv(timeout=20)))
    return said


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def two_voices() -> np.ndarray[Any, Any]:
    """Six quiet seconds, which the scorer calls real, six loud ones, which it calls fake."""
    return np.concatenate([speech(6.0, level=0.05), speech(6.0, level=0.6)])


def expected(
    server: Running, wave: Any, rate: int = 16_000, config: StreamConfig | None = None
) -> list[dict[str, Any]]:
    stream = server.service.detector.stream(config)
    events = stream.feed(wave, rate) + stream.end()
    return json.loads(json.dumps([event.to_dict() for event in events]))


@pytest.mark.parametrize("size", [333, 3200, 200_000])
def test_pcm_in_any_pieces_gives_the_library_s_events(live: Running, size: int):
    wave = np.round(two_voices() * 32767).astype("<i2")
    with dial(live) as socket:
        said = talk(socket, {"format": "s16le", "rate": 16_000}, pieces(wave.tobytes(), size))
        assert socket.close_code == 1000
    assert said[0]["event"] == "ready"
    assert said[1:] == expected(live, wave)
    assert {"fake_started", "score", "end"} <= {event["event"] for event in said}


def test_float_stereo_at_another_rate_and_configuration(live: Running):
    left = np.repeat(two_voices()[::2], 1).astype("<f4")
    wave = np.stack([left, left * 0.5], axis=1)
    config = {"hop": 1.0, "threshold": -100.0}
    with dial(live) as socket:
        start = {"format": "f32le", "rate": 8000, "channels": 2, "config": config}
        said = talk(socket, start, pieces(wave.tobytes(), 10_001))
    assert said[1:] == expected(live, wave, 8000, StreamConfig(**config))
    assert said[-1]["verdict"] == "real"


def test_the_query_can_take_the_first_message_s_place(live: Running):
    wave = np.round(two_voices() * 32767).astype("<i2")
    with dial(live, "?format=s16le&rate=16000") as socket:
        assert talk(socket, None, pieces(wave.tobytes(), 32_000))[1:] == expected(live, wave)


@pytest.mark.parametrize(("form", "container"), [("audio/webm;codecs=opus", "webm"), ("ogg", "ogg")])
def test_what_a_browser_records_is_judged_while_it_comes(live: Running, form: str, container: str):
    data = opus(two_voices(), container)
    with dial(live) as socket:
        socket.send(json.dumps({"type": "start", "format": form}))
        assert json.loads(socket.recv())["format"] == container
        for piece in pieces(data[: len(data) * 3 // 4], 700):
            socket.send(piece)
        early = json.loads(socket.recv(timeout=10))  # before the end is there
        for piece in pieces(data[len(data) * 3 // 4 :], 700):
            socket.send(piece)
        socket.send('{"type": "end"}')
        said = [early, *everything(socket)]
    assert said[-1]["event"] == "end"
    assert said[-1]["time"] == pytest.approx(12.0, abs=0.1)
    starts = [event["start"] for event in said if event["event"] == "fake_started"]
    assert starts == [pytest.approx(6.0, abs=0.6)]


def opus(wave: Any, container: str) -> bytes:
    """As MediaRecorder would: Opus at 48 kHz in WebM or Ogg."""
    av = pytest.importorskip("av", reason="needs the extra `media`")
    file = BytesIO()
    with av.open(file, "w", format=container) as out:
        sound = out.add_stream("libopus", rate=48_000)
        sound.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.round(np.repeat(wave, 3) * 32767).astype(np.int16)[None], "s16", "mono")
        frame.rate = 48_000
        for packet in [*sound.encode(frame), *sound.encode(None)]:
            out.mux(packet)
    return file.getvalue()


def refused(server: Running, *messages: str | bytes, query: str = "", **options: Any) -> tuple[int, str, str]:
    """(close code, error code, message) after these messages."""
    with dial(server, query, **options) as socket:
        for message in messages:
            socket.send(message)
        said = everything(socket)
        assert said[-1]["event"] == "error"
        return socket.close_code or 0, said[-1]["error"]["code"], said[-1]["error"]["message"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([b"\0\0"], (4400, "bad_start")),
        (["no json"], (4400, "bad_message")),
        (["[" * 100_000], (4400, "bad_message")),
        (["[]"], (4400, "bad_message")),
        (['{"type": "start", "format": "mp3"}'], (4400, "bad_start")),
        (['{"type": "start", "rate": 1}'], (4400, "bad_start")),
        (['{"type": "start", "colour": 1}'], (4400, "bad_start")),
        (['{"type": "start", "config": {"hop": 0.1}}'], (4400, "bad_start")),
        (['{"type": "start", "config": {"window": 9}}'], (4400, "bad_start")),
        (['{"type": "end"}'], (4400, "bad_start")),
        (['{"type": "start"}', '{"type": "start"}'], (4400, "bad_message")),
        (['{"type": "start", "format": "f32le"}', b"\xff" * 400], (4422, "unreadable_audio")),
        (['{"type": "start", "format": "webm"}', b"no webm " * 999, '{"type": "end"}'], (4422, "unreadable_audio")),
        (['{"type": "start", "format": "ogg"}', '{"type": "end"}'], (4422, "unreadable_audio")),
    ],
)
def test_what_is_wrong_is_said_before_the_socket_closes(live: Running, messages, expected):
    assert refused(live, *messages)[:2] == expected
    wait_until(lambda: live.service.limits.streams == 0)


def test_a_wrong_query_is_told_the_choices(live: Running):
    close, code, message = refused(live, query="?format=mp3")
    assert (close, code) == (4400, "bad_start")
    assert "s16le" in message
    assert refused(live, query="?key=abc")[1] == "bad_start"


def test_pages_of_other_sites_stay_out(live: Running):
    with pytest.raises(Exception, match="403"):
        dial(live, origin="https://evil.example")
    host = live.url.removeprefix("http://")
    with dial(live, origin=f"http://{host}") as socket:
        assert talk(socket, {}, [])[-1]["event"] == "end"


def test_limits_of_streams_keys_and_patience():
    keys = read_keys(None, {"FAKEMAMBA_API_KEYS": KEY})
    with running(keys=keys, client_streams=1, stream_idle=0.3, stream_duration=5.0) as server:
        assert refused(server, '{"type": "start"}')[:2] == (4401, "unauthorized")
        assert refused(server, '{"type": "start", "key": "wrong"}')[:2] == (4401, "unauthorized")
        start = json.dumps({"type": "start", "key": KEY})
        headers = {"Authorization": f"Bearer {KEY}"}
        with dial(server, "?format=s16le", additional_headers=headers) as first:
            assert json.loads(first.recv())["event"] == "ready"
            assert refused(server, start)[:2] == (4429, "too_many_at_once")
            assert json.loads(first.recv())["error"]["code"] == "too_slow"
        wait_until(lambda: server.service.limits.streams == 0)
        assert refused(server, start, bytes(32_000 * 7))[:2] == (4413, "too_long")


def test_a_full_server_says_when_to_come_again():
    with running(max_streams=1) as server, dial(server, "?format=s16le") as first:
        first.recv()
        with dial(server, "?format=s16le") as second:
            said = json.loads(second.recv())
            assert (said["status"], said["retry_after"]) == (503, 10)


def test_a_client_that_vanishes_gives_its_room_back(live: Running):
    with dial(live, "?format=s16le") as socket:
        socket.recv()
        assert live.service.limits.streams == 1
        socket.socket.shutdown(2)
    wait_until(lambda: live.service.limits.streams == 0)


def test_a_shutdown_lets_streams_say_their_last():
    slow = SlowScorer()
    slow.gate.set()
    with running(slow) as server, dial(server, "?format=s16le") as socket:
        socket.recv()
        wave = np.round(speech(3.0) * 32767).astype("<i2")
        socket.send(wave.tobytes())
        assert json.loads(socket.recv())["event"] in ("score", "unsure")
        server.server.should_exit = True
        said = everything(socket)
        assert said[-1]["event"] == "end"
        assert said[-1]["time"] == pytest.approx(3.0)
        assert socket.close_code == 1012
