"""What a public server meets: slow, silent and greedy peers, foreign pages, proxies, a browser, a shutdown."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from live_server import Running, SlowScorer, running, wait_until, wav

from fakemamba.server.keys import read_keys
from fakemamba.server.logs import JsonLines
from fakes import write_tiny_model

KEY = "a-key-that-is-long-enough"


@pytest.fixture(scope="module")
def hasty():
    with running(head_timeout=0.3, body_idle=0.3, body_timeout=1.0, write_timeout=0.5, keep_alive=1) as server:
        yield server


def dial(server: Running) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def until_closed(sock: socket.socket) -> bytes:
    data = b""
    try:
        while more := sock.recv(65_536):
            data += more
    except ConnectionResetError:
        pass
    return data


@pytest.mark.parametrize("head", [b"", b"G", b"POST /v1/detect HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_head_is_cut_off(hasty: Running, head: bytes):
    with dial(hasty) as sock:
        sock.sendall(head)
        assert until_closed(sock) == b""


def test_a_head_byte_by_byte_is_cut_off(hasty: Running):
    with dial(hasty) as sock:
        sock.settimeout(0.05)
        sock.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(100):
            try:
                sock.sendall(b"a")
                assert sock.recv(1) == b""
                return
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                return
        pytest.fail("still open")


@pytest.mark.parametrize("dribble", [False, True])
def test_a_slow_body_is_told_so(hasty: Running, dribble: bool):
    with dial(hasty) as sock:
        sock.settimeout(0.1)
        sock.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nRIFF")
        data = b""
        for _ in range(100):
            try:
                data = sock.recv(65_536)
                break
            except TimeoutError:
                if dribble:
                    sock.sendall(b"a")
        assert data.startswith(b"HTTP/1.1 408")
        assert b"too_slow" in data
    wait_until(lambda: hasty.service.limits.requests == 0)
    assert hasty.service.limits.memory.held == 0


def test_a_refused_upload_is_told_although_it_goes_on(hasty: Running):
    with dial(hasty) as sock:
        length = 1_000_000_000
        sock.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)
        for _ in range(20):
            sock.sendall(bytes(65_536))
        assert sock.recv(100).startswith(b"HTTP/1.1 413")


def test_garbage_is_refused(hasty: Running):
    for garbage in (b"\x16\x03\x01 tls\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"):
        with dial(hasty) as sock:
            sock.sendall(garbage)
            assert until_closed(sock)[:12] in (b"HTTP/1.1 400", b"")
    with hasty.client() as client:
        assert client.get("/healthz").text == "ok\n"


def test_one_address_cannot_hold_all_sockets():
    with running(max_connections_per_address=3) as server:
        socks = [dial(server) for _ in range(3)]
        wait_until(lambda: len(server.server.server_state.connections) == 3)
        with dial(server) as fourth:
            fourth.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert until_closed(fourth) == b""
        for sock in socks:
            sock.close()
        wait_until(lambda: not server.server.server_state.connections)
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


def test_keys_guard_what_costs_and_what_tells():
    with running(keys=read_keys(None, {"FAKEMAMBA_API_KEYS": KEY})) as server, server.client() as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/v1/model", "/metrics"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"X-API-Key": "wrong"}).status_code == 401
            assert client.get(path, headers={"X-API-Key": KEY}).status_code == 200
        refused = client.post("/v1/detect", content=wav())
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        answer = client.post("/v1/detect", content=wav(), headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200


def test_other_sites_stay_out_unless_named():
    friend, foe = {"Origin": "https://friend.example"}, {"Origin": "https://foe.example"}
    with running(cors_origins=("https://friend.example",)) as server, server.client() as client:
        own = {"Origin": server.url}
        assert client.post("/v1/detect", content=wav(), headers=own).status_code == 200
        answer = client.post("/v1/detect", content=wav(), headers=friend)
        assert answer.headers["access-control-allow-origin"] == friend["Origin"]
        refused = client.post("/v1/detect", content=wav(), headers=foe)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        for origin in ("null", "http://[", ""):
            assert client.post("/v1/detect", content=wav(), headers={"Origin": origin}).status_code == 403


def test_only_a_trusted_proxy_names_the_client():
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for trusted, expected in (((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.9")):
        with running(trusted_proxies=trusted) as server, server.client() as client:
            assert client.post("/v1/detect", content=wav(), headers=forwarded).status_code == 200
            assert list(server.service.limits._clients) == [expected]


def test_a_browser_gets_strict_headers_and_no_page_fetches_from_elsewhere(hasty: Running):
    with hasty.client(follow_redirects=True) as client:
        for path in ("/", "/docs"):
            page = client.get(path)
            assert page.status_code == 200
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert page.headers["x-content-type-options"] == "nosniff"
            assert not re.findall(r"(?:src|href)=['\"](?:https?:)?//", page.text)
        assert "<script" not in client.get("/docs").text
        described = client.get("/openapi.json").json()
    assert "/v1/detect" in described["paths"]
    answers = described["paths"]["/v1/detect"]["post"]["responses"]
    assert set(answers) >= {"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert answers["200"]["content"]["application/json"]["example"]["verdict"] == "fake"


def test_metrics_are_in_the_format_and_tell_what_happened(hasty: Running):
    with hasty.client() as client:
        client.post("/v1/detect", content=wav())
        client.get("/" + "x" * 50)
        text = client.get("/metrics").text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) fakemamba_\w+ .+|fakemamba_\w+(\{[^}]*\})? [0-9.e+-]+", line), line
    assert re.search(r'^fakemamba_requests_total\{route="/v1/detect",status="200"\} [1-9]', text, re.M)
    assert 'route="other"' in text
    assert "xxxx" not in text
    assert re.search(r"^fakemamba_score_seconds_count [1-9]", text, re.M)
    counts = [int(n) for n in re.findall(r"^fakemamba_batch_windows_bucket\{.*\} (\d+)$", text, re.M)]
    assert counts == sorted(counts)


def test_the_log_holds_neither_names_nor_keys_nor_addresses(caplog):
    with (
        caplog.at_level(logging.DEBUG, logger="fakemamba"),
        running(keys=read_keys(None, {"FAKEMAMBA_API_KEYS": KEY})) as server,
        server.client(headers={"Authorization": f"Bearer {KEY}"}) as client,
    ):
        client.post("/v1/detect?name=witness-one", files={"file": ("witness-two.wav", wav())})
        client.post("/v1/detect?name=witness-one", content=b"%PDF")
        client.get("/witness-three")
    text = "\n".join(JsonLines().format(record) for record in caplog.records)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [200, 415, 404]
    assert "witness" not in text
    assert KEY not in text
    assert "127.0.0.1" not in text


def test_nothing_is_written_to_the_disk(hasty: Running, monkeypatch: pytest.MonkeyPatch):
    import tempfile

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    audio = wav(120.0)
    assert len(audio) > 3_000_000
    with hasty.client() as client:
        assert client.post("/v1/detect", files={"file": audio}).status_code == 200
        assert client.post("/v1/detect", content=audio).status_code == 200


def test_a_shutdown_finishes_what_was_accepted_and_takes_nothing_new():
    slow, answers = SlowScorer(), []
    with running(slow) as server:

        def ask() -> None:
            with server.client() as client:
                answers.append(client.post("/v1/detect", content=wav()).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        assert slow.entered.wait(10)
        server.server.should_exit = True
        wait_until(lambda: server.service.draining)
        with pytest.raises(OSError, match="refused"):
            dial(server).close()
        slow.gate.set()
        asking.join(10)
    assert answers == [200]


def test_sigterm_ends_the_command_with_0_after_its_work(tmp_path):
    model = write_tiny_model(tmp_path / "model")
    process = subprocess.Popen(
        [sys.executable, "-m", "fakemamba", "serve", "--port", "0", "--model", str(model), "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"fakemamba serves tiny at http://127\.0\.0\.1:(\d+)/  \(Ctrl-C ends it\)\n", line)
    assert found, line
    audio = wav(300.0)  # enough work to be still going on
    with socket.create_connection(("127.0.0.1", int(found[1])), timeout=20) as sock:
        sock.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(audio) + audio)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        answer = until_closed(sock)
    out, err = process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 200"), (answer[:300], err)
    assert b'"verdict"' in answer
    assert process.returncode == 0
    assert out == ""
    assert all(json.loads(one)["level"] in ("info", "warning") for one in err.splitlines())
