"""Ten thousand malformed and hostile requests against the server over real sockets: it must neither fall nor leak.

    python benchmarks/serve_hostile.py [--count 10000] [--seconds 600] [--seed 0] [--json FILE]

It ends after `--count` requests or `--seconds`, whichever is first; 10 000 take about five minutes on two quiet cores.
Meanwhile slow senders and half-open sockets are held against it. It exits with 1 if the server died, answered 500,
lost its temper in the log, no longer judges as before, or did not give back memory, sockets or threads.

    body      random, truncated and bit-flipped WAV, FLAC, Ogg, WebM, as body or form
    form      broken boundaries, endless headers, many parts, no end
    line      garbage instead of HTTP, smuggling, giant and binary headers, false lengths
    query     absurd options
    bomb      FLAC of hours of silence, with and without a stated length; zip and gzip
    frame     broken WebSocket frames, wrong handshakes, absurd starts, garbage as audio
    slow      heads and bodies byte by byte; half-open: silence, no reading, reset
"""

import argparse
import asyncio
import base64
import json
import os
import random
import socket
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from serving import CLIP, Server, clip, show, started

PATIENCE = 2.0  # of the server, seconds
SETTINGS: dict[str, Any] = {
    "head_timeout": PATIENCE, "body_idle": PATIENCE, "body_timeout": 10.0, "stream_idle": PATIENCE,
    "write_timeout": 5.0, "max_duration": 60.0, "max_upload": 2_000_000, "client_rate": 1_000_000,
    "client_requests": 1000, "client_streams": 1000, "max_streams": 1000, "max_connections": 1000,
    "max_connections_per_address": 1000,
}  # fmt: skip
Attack = Callable[["Target"], Coroutine[Any, Any, str]]


def flac_bomb(hours: float, *, stated: bool) -> bytes:
    """Hours of silence in some kB; `stated=False` hides the length, so that only decoding tells."""
    file = BytesIO()
    soundfile.write(file, np.zeros(round(hours * 3600 * 8000), np.int16), 8000, format="FLAC")
    data = bytearray(file.getvalue())
    if not stated:  # STREAMINFO: the lower 36 bits at byte 18 are the number of samples, 0 for unknown
        word = struct.unpack(">Q", data[18:26])[0] & ~0xFFFFFFFFF
        data[18:26] = struct.pack(">Q", word)
    return bytes(data)


def sounds() -> list[bytes]:
    """Small good files of several formats, to be damaged."""
    wave, rate = soundfile.read(CLIP)
    found = [CLIP.read_bytes(), clip(0.5)]
    for form, subtype in (("WAV", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("AIFF", None)):
        file = BytesIO()
        soundfile.write(file, wave[:rate], rate, format=form, subtype=subtype)
        found.append(file.getvalue())
    return [*found, b"\x1a\x45\xdf\xa3" + os.urandom(300), b"\0\0\0\x20ftypM4A " + os.urandom(300)]


class Target:
    """The server, and what is thrown at it."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self.server, self.rng = server, rng
        self.sounds = sounds()
        packed = zlib.compress(bytes(10_000_000))
        self.bombs = [flac_bomb(2.0, stated=True), flac_bomb(0.5, stated=False), b"PK\x03\x04" + packed,
                      b"\x1f\x8b\x08" + packed]  # fmt: skip

    async def send(self, data: bytes, *, patience: float = 30.0, close: bool = False) -> str:
        """One connection, these bytes; the status that comes back, or what happened instead."""
        try:
            reader, writer = await asyncio.open_connection(*self.server.address)
        except OSError:
            return "no connection"
        try:
            writer.write(data)
            if close:
                writer.write_eof()
            head = await asyncio.wait_for(reader.read(4096), patience)
            return head.split(b" ", 2)[1].decode("latin-1") if head.startswith(b"HTTP/1.1 ") else "closed"
        except TimeoutError:
            return "no answer"
        except OSError:
            return "reset"
        finally:
            writer.transport.abort()

    def post(self, body: bytes, kind: str = "application/octet-stream", query: str = "", extra: str = "") -> bytes:
        head = f"POST /v1/detect{query} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{extra}"
        return head.encode("utf-8", "replace") + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def damaged(self) -> bytes:
        rng, data = self.rng, bytearray(self.rng.choice(self.sounds))
        if rng.random() < 0.3:
            return rng.randbytes(rng.randrange(1, 5000))
        if rng.random() < 0.5:
            del data[rng.randrange(1, len(data)) :]
        for _ in range(rng.choice((1, 4, 60))):
            data[rng.randrange(min(len(data), rng.choice((64, len(data)))))] = rng.randrange(256)
        return bytes(data)


async def body(target: Target) -> str:
    data = target.damaged()
    if target.rng.random() < 0.5:
        return await target.send(target.post(data))
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + data + b"\r\n--b--\r\n"
    return await target.send(target.post(form, "multipart/form-data; boundary=b"))


async def form(target: Target) -> str:
    rng = target.rng
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nv\r\n'
    data = rng.choice((
        b"--b\r\n" + b"X: y\r\n" * 500 + b"\r\nv\r\n--b--\r\n",
        b"--b\r\nX: " + b"y" * 50_000 + b"\r\n\r\nv\r\n--b--\r\n",
        b"".join(part % str(k).encode() for k in range(200)) + b"--b--\r\n",
        part % b"file" * 2 + b"--b--\r\n",
        part % b"file",
        b"--b" * 1000,
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + rng.randbytes(40) + b'"\r\n\r\nv\r\n--b--',
        b"--b\r\nContent-Disposition: " + rng.randbytes(30) + b"\r\n\r\n" + target.sounds[1] + b"\r\n--b--\r\n",
        part % b"threshold" + part % rng.randbytes(5) + b"--b--\r\n",
        rng.randbytes(2000),
    ))  # fmt: skip
    kind = rng.choice(("multipart/form-data; boundary=b",) * 6 + (
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 300,
        'multipart/form-data; boundary="', "multipart/mixed; boundary=b"))  # fmt: skip
    return await target.send(target.post(data, kind))


async def line(target: Target) -> str:
    rng = target.rng
    data = rng.choice((
        rng.randbytes(300) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /page/%2e%2e/%00/..%2f" + rng.randbytes(4).hex().encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%ff%fe/%c0%af HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nHost: x\r\nOrigin: http://[\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nContent-Length: 0\r\n\r\n",
        b"GET /v1/model HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"\xff" * 99 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + rng.randbytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        rng.randbytes(6).hex().upper().encode() + b" /v1/detect HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
        b"\r\n" * 20_000,
    ))  # fmt: skip
    return await target.send(data, close=rng.random() < 0.5)


async def query(target: Target) -> str:
    rng = target.rng
    name = rng.choice(("threshold", "report", "name", "progress", "x" * 100, "%00", "threshold[]"))
    value = rng.choice(("nan", "inf", "-1e400", "%ff%00", "a" * 5000, "%0d%0aX:%20y", "true", "html", "1", "", "null"))
    return await target.send(target.post(target.sounds[1], query=f"?{name}={value}&{name}={value}"))


async def bomb(target: Target) -> str:
    extra = target.rng.choice(("", "", "", "Content-Encoding: gzip\r\n"))
    return await target.send(target.post(target.rng.choice(target.bombs), extra=extra), patience=120)


def masked(opcode: int, data: bytes, *, fin: bool = True, mask: bool = True, length: int | None = None) -> bytes:
    """One WebSocket frame, right or wrong."""
    size = len(data) if length is None else length
    head = bytes([opcode | (0x80 if fin else 0)])
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65_536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (bytes(4) if mask else b"") + data


async def frame(target: Target) -> str:
    rng = target.rng
    if rng.random() < 0.15:
        head = rng.choice((
            b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 99\r\n\r\n",
            b"GET /v1/other HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        ))  # fmt: skip
        return await target.send(head)
    start = b'{"type": "start", "format": "%s"}' % rng.choice((b"s16le", b"f32le", b"webm", b"ogg", b"mp4"))
    frames = rng.choice((
        masked(2, rng.randbytes(100)),
        masked(1, rng.randbytes(100)),
        masked(1, b"[" * 50_000),
        masked(1, b'{"type": "start", "rate": 1e999}'),
        masked(1, b'{"type": "start", "config": {"hop": -1}}'),
        masked(1, b'{"type": "start", "channels": 16, "rate": 768000}') + masked(2, rng.randbytes(60_000)),
        masked(1, start, mask=False),
        masked(3, b"reserved"),
        masked(0, b"continuation of nothing"),
        masked(2, b"", length=2**40),
        masked(2, b"", length=2**63),
        masked(9, b"p" * 126),
        masked(9, b"", fin=False),
        masked(8, b"\x03"),
        masked(8, struct.pack(">H", 999)),
        masked(1, start) + masked(2, rng.randbytes(rng.randrange(5000))) + masked(1, b'{"type": "end"}'),
        masked(1, start) + masked(2, target.damaged()) + masked(1, b'{"type": "end"}'),
        masked(1, start) + masked(2, target.damaged()),
        masked(1, start) + masked(2, b"\xff" * 4000) + masked(1, b'{"type": "end"}'),
        masked(1, start) + masked(1, start),
        masked(1, start) + masked(2, b"ab", fin=False) * 300,
        masked(1, start) + masked(9, b"") * 500 + masked(1, b'{"type": "end"}'),
    ))  # fmt: skip
    return await shake(target, frames)


async def shake(target: Target, frames: bytes) -> str:
    """A right handshake, these frames, and until the server closes."""
    key = base64.b64encode(target.rng.randbytes(16))
    try:
        reader, writer = await asyncio.open_connection(*target.server.address)
        try:
            writer.write(
                b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n" + frames
            )
            async with asyncio.timeout(30):
                data = await reader.read(4096)
                if target.rng.random() < 0.3:
                    return "ws left"
                while more := await reader.read(65_536):
                    data += more
            return "ws internal error" if b'"status": 500' in data else "ws closed"
        except TimeoutError:
            return "ws still open"
        finally:
            writer.transport.abort()
    except OSError:
        return "reset"


async def slow(target: Target) -> str:
    """Must be cut off by the server, not by us."""
    rng = target.rng
    head = rng.choice((
        b"", b"G", b"POST /v1/detect HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nRIFF",
        b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    ))  # fmt: skip
    dribble = rng.random() < 0.5
    try:
        reader, writer = await asyncio.open_connection(*target.server.address)
        try:
            writer.write(head)
            async with asyncio.timeout(8 * PATIENCE + 10):
                while True:
                    try:
                        async with asyncio.timeout(PATIENCE / 4):
                            return "cut off" if not await reader.read(4096) else "told and cut off"
                    except TimeoutError:
                        if dribble:
                            writer.write(b"a")
        except TimeoutError:
            return "slow and still open"
        finally:
            writer.transport.abort()
    except OSError:
        return "cut off"


async def half_open(target: Target) -> str:
    """Go without a word in the middle of something: reset, or never read the answer."""
    rng = target.rng
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, target.server.address)
        data = target.post(target.sounds[1], query="?report=html")
        await loop.sock_sendall(sock, data if rng.random() < 0.5 else data[: rng.randrange(len(data))])
        if rng.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await asyncio.sleep(rng.random() * 0.2)
        return "half open"
    except OSError:
        return "reset"
    finally:
        sock.close()


ATTACKS: tuple[tuple[Attack, int], ...] = (
    (body, 30), (form, 14), (line, 20), (query, 8), (bomb, 2), (frame, 18), (slow, 3), (half_open, 5),
)  # fmt: skip
BAD = {"500", "502", "504", "no answer", "no connection", "ws internal error", "ws still open", "slow and still open"}


async def throw(target: Target, count: int, seconds: float, at_once: int = 48) -> Counter[str]:
    """`count` attacks in the tables' shares, some dozens at once; what came back, by kind."""
    found: Counter[str] = Counter()
    attacks, weights = [attack for attack, _ in ATTACKS], [weight for _, weight in ATTACKS]
    left, end = iter(range(count)), time.monotonic() + seconds

    async def worker() -> None:
        for _ in left:
            if time.monotonic() > end:
                return
            attack = target.rng.choices(attacks, weights)[0]
            found[f"{attack.__name__}: {await attack(target)}"] += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return found


async def settled(server: Server, sockets: int) -> None:
    """Until the sockets are given back, at most half a minute."""
    for _ in range(60):
        if server.descriptors() <= sockets:
            return
        await asyncio.sleep(0.5)


async def watch(server: Server, memory: list[int]) -> None:
    while True:
        memory.append(round(server.memory()))
        await asyncio.sleep(2)


async def judged(target: Target) -> bool:
    return await target.send(target.post(target.sounds[1])) == "200"


async def run(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    target = Target(server, random.Random(options.seed))
    await judged(target)
    sockets = server.descriptors() + 2
    # Threads and the allocator's pools grow to their size once; what grows after this is a leak.
    await throw(target, min(1500, options.count // 4), options.seconds / 4)
    await settled(server, sockets)
    before, threads = server.memory(), server.threads()
    begin = time.monotonic()
    memory: list[int] = []
    watching = asyncio.create_task(watch(server, memory))
    found = await throw(target, options.count, options.seconds)
    took = time.monotonic() - begin
    watching.cancel()
    await settled(server, sockets)
    bad = {name: count for name, count in found.items() if name.partition(": ")[2] in BAD}
    return {
        "requests": sum(found.values()),
        "seconds": round(took, 1),
        "alive and judging as before": server.process.poll() is None and await judged(target),
        "bad answers": bad,
        "internal errors in the log": server.errors(),
        "memory MB before and after": [round(before), round(server.memory())],
        "memory MB on the way": memory[:: max(1, len(memory) // 12)],
        "sockets before and after": [sockets - 2, server.descriptors()],
        "threads before and after": [threads, server.threads()],
        "answers": dict(sorted(found.items())),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with started(**SETTINGS) as server:
        row = asyncio.run(run(server, options))
        log = server.log.read_text(encoding="utf-8").splitlines()
        for one in [text for text in log if "internal error" in text or "Traceback" in text][:3]:
            print(one[:3000])
    show("hostile requests", {name: value for name, value in row.items() if name != "answers"})
    show("answers", row["answers"])
    text = json.dumps(row, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    memory, sockets = row["memory MB before and after"], row["sockets before and after"]
    good = (
        row["alive and judging as before"]
        and not row["bad answers"]
        and not row["internal errors in the log"]
        and memory[1] < memory[0] * 1.1 + 10
        and sockets[1] <= sockets[0] + 4
    )
    print("good" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
