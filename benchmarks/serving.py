"""What the scripts that load the server share: a server in a subprocess, keys for many clients, its memory."""

import asyncio
import json
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fakemamba.audio import load_audio

CLIP = Path(__file__).parent.parent / "examples" / "genuine.flac"
RATE = 16_000


@dataclass(frozen=True)
class Server:
    """A server that runs in a process of its own."""

    url: str
    keys: tuple[str, ...]
    process: subprocess.Popen[str]
    log: Path

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").rstrip("/").partition(":")
        return host, int(port)

    def memory(self) -> float:
        """MB that it holds now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+)", text)
        assert found is not None
        return int(found.group(1)) / 1024

    def descriptors(self) -> int:
        """Open files and sockets."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def errors(self) -> int:
        """Internal errors in its log."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return sum('"event": "internal error"' in line or "Traceback" in line for line in lines)


@contextmanager
def started(clients: int = 0, **settings: Any) -> Iterator[Server]:
    """`fakemamba serve` with these settings and that many keys; ended by SIGTERM, which must give exit code 0."""
    with tempfile.TemporaryDirectory() as folder:
        keys = tuple(secrets.token_urlsafe() for _ in range(clients))
        config = Path(folder, "serve.toml")
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        if keys:
            Path(folder, "keys.txt").write_text("".join(f"c{k}:{key}\n" for k, key in enumerate(keys)))
            lines.append(f"api_keys_file = {json.dumps(str(Path(folder, 'keys.txt')))}")
        config.write_text("\n".join(lines) + "\n")
        log = Path(folder, "log")
        with log.open("w") as out:
            command = [sys.executable, "-m", "fakemamba", "serve", "--port", "0", "--config", str(config)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://[^/]+", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line}{log.read_text()}")
        try:
            yield Server(found.group(), keys, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        if code != 0:
            raise SystemExit(f"the server ended with {code}: {log.read_text()[-2000:]}")


def speech(seconds: float, shift: int = 0) -> np.ndarray[Any, Any]:
    """(n,) int16 at 16 kHz: the example's voice without its pauses at the ends, over and over."""
    voice = np.roll(load_audio(CLIP)[8000:-8000], -shift)
    return np.round(np.resize(voice, round(seconds * RATE)) * 32767).astype("<i2")


def clip(seconds: float, shift: int = 0) -> bytes:
    """The same as a WAV file."""
    file = BytesIO()
    soundfile.write(file, speech(seconds, shift), RATE, format="WAV")
    return file.getvalue()


def per_second(threads: int, batch: int, lengths: Sequence[int], seconds: float) -> float:
    """How often in a second all cores score one window of each of `lengths`, with nothing else to do."""
    import threading

    from fakemamba import load

    scorer = load(threads=1).scorer
    waves = [np.stack([speech(length / RATE)] * batch).astype(np.float32) / 32768 for length in lengths]
    counts, end = [0] * threads, time.perf_counter() + seconds

    def work(k: int) -> None:
        while time.perf_counter() < end:
            for wave in waves:
                scorer.score(wave)
            counts[k] += batch

    workers = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - begin)


class Line:
    """One keep-alive connection that posts recordings; plain sockets, as a client library would be the bottleneck."""

    def __init__(self, server: Server, key: str = "") -> None:
        self._address = server.address
        self._head = f"POST /v1/detect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: ".encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes, bytes]:
        """(status, head, body) of the answer; OSError or EOFError where none came."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=2**20)
        reader, writer = self._streams
        try:
            writer.write(self._head + b"%d\r\n\r\n" % len(body) + body)
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 90)).lower()
            found = re.search(rb"content-length: (\d+)", head)
            answer = await reader.readexactly(int(found[1])) if found else b""
        except BaseException:
            self.close()
            raise
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1]), head, answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def percentile(values: Sequence[float], share: float) -> float:
    """NaN for none."""
    return float(np.percentile(values, share)) if values else float("nan")


def show(title: str, rows: dict[str, Any]) -> None:
    """One table."""
    print(f"\n{title}")
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        print(f"  {name:<{width}}  {value:.3f}" if isinstance(value, float) else f"  {name:<{width}}  {value}")
