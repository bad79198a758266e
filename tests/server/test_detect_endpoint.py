"""`POST /v1/detect` over real sockets: what goes in, what comes out, and what is refused with which words."""

import json
import socket
import struct
from hashlib import sha256

import httpx
import numpy as np
import pytest
from live_server import Running, SlowScorer, encoded, running, wait_until, wav

from fakemamba.checkpoint.folder import Calibration, Near
from fakemamba.detect import Detector
from fakes import FakeScorer, tiny_card


@pytest.fixture(scope="module")
def live():
    with running(FakeScorer(lambda wave: 4.0 - 200 * float(np.abs(wave).mean())), max_upload=2_000_000) as server:
        yield server


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_answer_is_what_detect_says_itself(live: Running):
    audio = wav(6.0)
    expected = Detector(live.service.pool.scorer, tiny_card(), model_sha256="0" * 64).detect(audio, name="a.wav")
    with live.client() as client:
        form = client.post("/v1/detect", files={"file": ("a.wav", audio)})
        raw = client.post("/v1/detect?name=a.wav", content=audio)
    assert form.status_code == raw.status_code == 200
    assert form.json() == raw.json() == expected.to_dict()
    assert form.json()["source_sha256"] == sha256(audio).hexdigest()
    assert form.json()["verdict"] == "fake"


def test_options_come_by_query_or_form_and_the_form_wins(live: Running):
    audio = wav(4.0)
    with live.client() as client:
        by_query = client.post("/v1/detect?threshold=-90", content=audio).json()
        by_form = client.post("/v1/detect?threshold=3", files={"file": audio}, data={"threshold": "-90"}).json()
    assert by_query["threshold"] == by_form["threshold"] == -90
    assert by_query["verdict"] == "real"


def test_the_near_pass_is_told_of_and_can_be_left_out():
    near = Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=1.0, length=3.0)
    card = tiny_card(near=near, conditions={"telephone": Calibration(bias=1.0)})
    with running(card=card) as server, server.client() as client:
        model = client.get("/v1/model").json()
        whole = client.post("/v1/detect", content=wav(4.0)).json()
        without = client.post("/v1/detect", files={"file": wav(4.0)}, data={"near": "false"}).json()
    assert model["near"] == {"window": 0.5, "hop": 0.125}
    assert model["conditions"] == ["telephone"]
    assert whole["near"]["window"] == 0.5
    assert without["near"] is None
    assert without["verdict"] == whole["verdict"]


def test_reports_are_documents_that_stand_alone(live: Running):
    audio = wav(3.0)
    with live.client() as client:
        page = client.post("/v1/detect?report=html&name=<b>x</b>", content=audio)
        case = client.post("/v1/detect?report=json", content=audio).json()
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "<b>x</b>" not in page.text
    assert sha256(audio).hexdigest() in page.text
    assert case["settings"]["window"] == 2.0
    assert case["results"][0]["source"] == "recording"


def test_both_reports_of_one_analysis_come_together(live: Running):
    audio = wav(3.0)
    with live.client() as client:
        plain = client.post("/v1/detect?report=both&name=x.wav", content=audio).json()
        lines = client.post("/v1/detect?report=both&progress=1", content=audio).text.splitlines()
    for reports in (plain, json.loads(lines[-1])["report"]):
        assert list(reports) == ["json", "html"]
        assert reports["json"]["results"][0]["source_sha256"] == sha256(audio).hexdigest()
        assert reports["json"]["created"].replace("T", " ").replace("+00:00", " UTC") in reports["html"]
        assert "--output report.html" in reports["json"]["command"]


def test_progress_comes_in_lines_and_the_result_last(live: Running):
    with live.client() as client:
        answer = client.post("/v1/detect?progress=true&report=html", content=wav(40.0))
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [line["type"] for line in lines] == ["progress"] * (len(lines) - 1) + ["result"]
    done = [line["done"] for line in lines[:-1]]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(lines[-1]["result"]["duration"]) == 40.0
    assert lines[-1]["report"].startswith("<!doctype html>")


def test_an_error_after_the_first_line_is_a_line(live: Running):
    with live.client() as client:
        answer = client.post("/v1/detect?progress=1", content=wav(1.0)[:-100] + b"")
        broken = client.post("/v1/detect?progress=1", content=b"%PDF-1.4 nothing")
    assert json.loads(answer.text.splitlines()[-1])["type"] == "result"
    last = json.loads(broken.text.splitlines()[-1])
    assert (last["type"], last["status"], last["error"]["code"]) == ("error", 415, "not_audio")
    wait_until(lambda: live.service.limits.requests == 0)


@pytest.mark.parametrize(
    ("query", "options", "expected"),
    [
        ("threshold=loud", {}, (400, "bad_option")),
        ("threshold=nan", {}, (400, "bad_option")),
        ("threshold=1e9", {}, (400, "bad_option")),
        ("report=pdf", {}, (400, "bad_option")),
        ("colour=red", {}, (400, "bad_option")),
        ("", {"content": b""}, (400, "no_audio")),
        ("", {"files": {"file": ("x.wav", b"")}}, (400, "no_audio")),
        ("", {"files": [("file", b"a"), ("file", b"b")]}, (400, "bad_form")),
        ("", {"files": {"file": b"RIFF"}, "data": {"colour": "red"}}, (400, "bad_option")),
        ("", {"files": {"file": b"RIFF"}, "data": {"name": "x" * 2000}}, (400, "bad_form")),
        ("", {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, (400, "bad_form")),
        ("", {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, (400, "bad_form")),
        ("", {"content": b"a", "headers": {"content-encoding": "gzip"}}, (415, "compressed_body")),
        ("", {"content": b"PK\x03\x04" + bytes(100)}, (415, "not_audio")),
        ("", {"content": b"just words"}, (415, "not_audio")),
        ("", {"content": b"RIFF\x24\0\0\0WAVEfmt "}, (422, "unreadable_audio")),
        ("", {"content": bytes(3_000_000)}, (413, "too_large")),
        ("", {"content": iter([bytes(1_000_000)] * 3)}, (413, "too_large")),
        ("", {"files": {"file": bytes(3_000_000)}}, (413, "too_large")),
    ],
)
def test_what_is_wrong_is_said_in_one_line(live: Running, query, options, expected):
    with live.client() as client:
        answer = client.post(f"/v1/detect?{query}", **({"content": b"RIFF"} | options if query else options))
    assert code(answer) == expected
    message = answer.json()["error"]["message"]
    assert message
    assert "\n" not in message
    assert "<bytes>" not in message
    wait_until(lambda: live.service.limits.memory.held == 0)


def test_a_wrong_address_or_method_is_an_error_in_json(live: Running):
    with live.client() as client:
        assert code(client.get("/nowhere")) == (404, "not_found")
        assert code(client.get("/page/../config.py")) == (404, "not_found")
        assert code(client.get("/page/%2e%2e/config.py")) == (404, "not_found")
        assert code(client.get("/v1/detect")) == (405, "bad_method")


def test_a_bomb_is_stopped_while_it_is_decoded():
    minutes = 30
    bomb = encoded(np.zeros(16_000 * 60 * minutes, np.int16), form="FLAC")
    assert len(bomb) < 300_000
    with running(max_duration=60) as server, server.client() as client:
        stated = client.post("/v1/detect", content=bomb)
        silent = client.post("/v1/detect", content=_of_unknown_length(bomb))
        assert code(stated) == code(silent) == (413, "too_long")
        assert client.post("/v1/detect", content=wav(59.0)).status_code == 200


def _of_unknown_length(flac: bytes) -> bytes:
    """The same with the number of samples in STREAMINFO set to 0: unknown (RFC 9639, 8.2)."""
    place = 4 + 4 + 10
    word = struct.unpack(">Q", flac[place : place + 8])[0] & ~0xFFFFFFFFF
    return flac[:place] + struct.pack(">Q", word) + flac[place + 8 :]


def test_a_full_server_refuses_and_finishes_what_it_took():
    slow = SlowScorer()
    with running(slow, max_requests=2) as server:
        calls = [_Call(server) for _ in range(2)]
        wait_until(lambda: server.service.limits.requests == 2)
        with server.client() as client:
            refused = client.post("/v1/detect", content=wav())
        assert code(refused) == (503, "busy")
        assert int(refused.headers["retry-after"]) >= 1
        slow.gate.set()
        assert [call.status() for call in calls] == [200, 200]


def test_one_client_cannot_take_all():
    slow = SlowScorer()
    with running(slow, client_requests=1) as server:
        call = _Call(server)
        wait_until(lambda: server.service.limits.requests == 1)
        with server.client() as client:
            assert code(client.post("/v1/detect", content=wav())) == (429, "too_many_at_once")
        slow.gate.set()
        assert call.status() == 200


def test_a_client_that_leaves_gives_its_room_back():
    slow = SlowScorer()
    with running(slow) as server:
        call = _Call(server)
        assert slow.entered.wait(10)
        call.close()
        wait_until(lambda: server.service.limits.requests == 0)
        slow.gate.set()
        assert server.service.limits.memory.held == 0


def test_a_failing_model_is_our_error_and_tells_nothing():
    def broken(wave):
        raise RuntimeError("secret")

    scorer = FakeScorer(lambda wave: broken(wave) if wave.any() else 0.0)
    with running(scorer) as server, server.client() as client:
        answer = client.post("/v1/detect", content=wav())
        assert code(answer) == (500, "internal")
        assert "secret" not in answer.text
        assert client.get("/healthz").status_code == 200


class _Call:
    """A request that is sent now and answered later."""

    def __init__(self, server: Running) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        audio = wav()
        self.socket.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(audio) + audio)

    def status(self) -> int:
        return int(self.socket.recv(1000).split()[1])

    def close(self) -> None:
        self.socket.close()
