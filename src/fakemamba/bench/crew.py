"""Measuring processes, side by side: started, asked in turn, and gone whatever happens."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any

from fakemamba.bench.backends import backend
from fakemamba.bench.job import Job


class WorkerError(Exception):
    """A process could not do what it was asked; the message is the reason in one line."""


class Worker:
    """One measuring process; see `worker`. Use it as a context, so that it never outlives its owner.

    Args:
        job: what it opens.

    Raises:
        WorkerError: it cannot open it.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        words = [sys.executable, "-m", "fakemamba.bench.worker"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, encoding="utf-8",
            env={**os.environ, **job.environment(backend(job.backend).scan)},
            start_new_session=os.name == "posix",  # a Ctrl-C is ours to pass on, by closing it
        )  # fmt: skip
        try:
            self.opened = self._ask(job.model_dump_json())
        except BaseException:
            self.close()
            raise

    def call(self, seconds: float, times: int = 1) -> dict[str, Any]:
        """Run it on clips of this duration: ms of each call, joules of all (or None), scores of the last.

        Raises:
            WorkerError: it failed or died.
        """
        return self._ask(json.dumps({"seconds": seconds, "times": times}))

    def facts(self) -> dict[str, Any]:
        """peak_mb and gpu_peak_mb so far; WorkerError if it died."""
        return self._ask(json.dumps({"facts": True}))

    def close(self) -> None:
        """End the process, also in the middle of a call."""
        process = self._process
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()  # it lets its files go and ends
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
        self._errors.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerError(self._last_words()) from error
        answer = self._process.stdout.readline()
        if not answer:
            raise WorkerError(self._last_words())
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise WorkerError(found["error"])
        return found

    def _last_words(self) -> str:
        """Why it died: its last line, or the signal."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", errors="replace").strip().splitlines()
        code = self._process.returncode
        if code == -9:
            return "the system killed the process: most likely there was not enough memory"
        return lines[-1] if lines else f"the process ended with code {code}"
