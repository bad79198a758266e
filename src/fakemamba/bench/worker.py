"""A measuring process: `python -m fakemamba.bench.worker`, spoken to in JSON lines, one question, one answer.

    <- a Job                                 -> {"load_s": …, "scan": …, "versions": …}
    <- {"seconds": 4.175, "times": 3}        -> {"ms": […], "joules": … or null, "scores": […]}
    <- {"facts": true}                       -> {"peak_mb": …, "gpu_peak_mb": …}
    anything that goes wrong                 -> {"error": "one line"}

The end of its input ends it at once, also in the middle of a call: nobody waits for the answer any more.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

_BEGIN = time.perf_counter()


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries write to stdout must not stand between the answers
    inbox: queue.Queue[str] = queue.Queue()
    room = TemporaryDirectory(prefix="fakemamba-bench-", ignore_cleanup_errors=True)
    threading.Thread(target=_read, args=(inbox, room), daemon=True).start()
    for answer in _answers(inbox, Path(room.name)):
        _say(answers, answer)
    _leave(room)


def _read(inbox: "queue.Queue[str]", room: "TemporaryDirectory[str]") -> None:
    for line in sys.stdin:
        inbox.put(line)
    _leave(room)


def _leave(room: "TemporaryDirectory[str]") -> None:
    room.cleanup()
    os._exit(0)  # an ordinary end would wait for the call, or stumble over the thread that reads


def _answers(inbox: "queue.Queue[str]", room: Path) -> Iterator[dict[str, Any]]:
    """One for each line that comes in."""
    try:
        session = _Session(json.loads(inbox.get()), room)
        yield session.opened
        while True:
            asked = json.loads(inbox.get())
            yield session.facts() if "facts" in asked else session.call(asked["seconds"], asked["times"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent tells it and goes on with the others
        yield {"error": _reason(error)}


class _Session:
    def __init__(self, document: dict[str, Any], room: Path) -> None:
        from fakemamba.bench.job import Job
        from fakemamba.bench.tasks import task
        from fakemamba.config import parse
        from fakemamba.machine.energy import EnergyMeter

        self._job = parse(Job, document, "job")
        self._task = task(self._job, room)
        self._meter = EnergyMeter()
        self._calls: dict[float, Any] = {}
        load = time.perf_counter() - _BEGIN
        self.opened = {**self._task.facts(), "load_s": round(load, 3), "versions": _versions(self._job.device)}

    def call(self, seconds: float, times: int) -> dict[str, Any]:
        call = self._calls.get(seconds)
        if call is None:
            self._calls = {seconds: self._task.prepare(seconds)}  # the old input is let go
            call = self._calls[seconds]
        spent: list[float] = []
        scores: list[float] = []
        before = self._meter.read()
        for _ in range(times):
            begin = time.perf_counter()
            scores = call()
            spent.append(1e3 * (time.perf_counter() - begin))
        joules = self._meter.joules(before, self._meter.read())
        return {"ms": spent, "joules": joules, "scores": scores}

    def facts(self) -> dict[str, Any]:
        from fakemamba.machine.memory import peak_bytes

        gpu = None
        if self._job.device.startswith("cuda"):
            import torch

            gpu = torch.cuda.max_memory_allocated() / 1e6
        peak = peak_bytes()
        return {"peak_mb": None if peak is None else round(peak / 1e6, 1), "gpu_peak_mb": gpu}


def _versions(device: str) -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    from fakemamba import __version__

    found = {"fakemamba": __version__, "python": sys.version.split()[0]}
    for name in ("numpy", "onnxruntime", "torch", "numba", "triton"):
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                found[name] = "unknown"
    if device.startswith("cuda"):
        import torch

        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": str(torch.version.cuda)}
    return found


def _reason(error: Exception) -> str:
    from fakemamba.errors import FakeMambaError

    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    return first if isinstance(error, FakeMambaError) else f"{type(error).__name__}: {first}"


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
