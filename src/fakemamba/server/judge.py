"""Recordings judged in threads: decoding on as many as there are cores, scoring in the pool.

A thread that waits for scores lends its place (`slots`) to another that decodes, so that the number of recordings
judged at once is not bound to the number of cores, and never more threads decode than there are cores.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fakemamba.detect import Detector
from fakemamba.errors import AudioError, ConfigError, FakeMambaError, MissingExtraError
from fakemamba.result import Result
from fakemamba.scorer import FloatArray, Scorer
from fakemamba.server.config import ServerConfig
from fakemamba.server.pool import Pool
from fakemamba.server.problem import Problem

logger = logging.getLogger(__name__)

Report = Callable[[float, float | None], None]
# The words with which `fakemamba.audio` says that the bytes are no audio at all, rather than damaged audio.
_NO_AUDIO = "not audio that can be read"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One recording to judge: its bytes, whose it is, what to call it, and how to decide (None: as the server does).

    `near` is whether short windows look for short fakes, as of `Detector.detect`.
    """

    audio: bytes
    client: str
    name: str
    threshold: float | None = None
    operating_point: str | None = None
    near: bool = True


class _StoppedError(Exception):
    """Raised inside the thread: nobody wants the answer any more."""


class Judge:
    """Runs `Detector.detect` for many at once; `detector` lends its card, its scores come from `pool`."""

    def __init__(self, detector: Detector, pool: Pool, config: ServerConfig) -> None:
        self._detector, self._pool, self._config = detector, pool, config
        self._slots = threading.Semaphore(pool.workers)
        self._threads = ThreadPoolExecutor(config.max_requests, thread_name_prefix="judge")

    def at(
        self, threshold: float | None = None, operating_point: str | None = None, scorer: Scorer | None = None
    ) -> Detector:
        """The detector with another decision, asked for by number or by name; Problem 400 if that is no good."""
        base = self._detector
        if threshold is None and operating_point is None:
            threshold, operating_point = self._config.threshold, self._config.operating_point
        try:
            return Detector(
                scorer or base.scorer,
                base.card,
                model_sha256=base.model_sha256,
                threshold=threshold,
                operating_point=operating_point,
            )
        except ConfigError as error:
            raise Problem(400, "bad_option", str(error)) from error

    async def detect(self, task: Task, on_progress: Report | None = None) -> Result:
        """Judge one recording; cancelling stops the thread at its next step.

        Args:
            task: what to judge.
            on_progress: called from the thread with the seconds done and, where known, in all.

        Raises:
            Problem: the recording is no audio, too long or damaged, or it took too long to judge it.
        """
        stopped = threading.Event()
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, task, on_progress, stopped)
        try:
            answer = await work
        finally:
            stopped.set()
        if isinstance(answer, Problem):
            raise answer
        return answer

    def close(self) -> None:
        """Wait for what was begun."""
        self._threads.shutdown(wait=True)

    def _run(self, task: Task, on_progress: Report | None, stopped: threading.Event) -> Result | Problem:
        """In the thread. A problem is returned as a new value: raised from here, its traceback would keep the audio
        of a refused recording alive until the collector comes by."""
        try:
            return self._judged(task, on_progress, stopped)
        except Problem as problem:
            return Problem(problem.status, problem.code, problem.message, retry_after=problem.retry_after)
        except (AudioError, MissingExtraError) as error:
            return _told(error, task.name)

    def _judged(self, task: Task, on_progress: Report | None, stopped: threading.Event) -> Result:
        deadline = time.monotonic() + self._config.judge_timeout
        longest = self._config.max_duration

        def watch(done: float, total: float | None) -> None:
            if stopped.is_set():
                raise _StoppedError
            if max(done, total or 0.0) > longest:
                raise too_long(longest)
            if time.monotonic() > deadline:
                raise Problem(
                    503,
                    "took_too_long",
                    f"judging took more than {self._config.judge_timeout:g} s; send a shorter piece or try again later",
                    retry_after=30,
                )
            if on_progress is not None:
                on_progress(done, total)

        with self._slots:
            detector = self.at(task.threshold, task.operating_point, _Pooled(self._pool, task.client, self._slots))
            result = detector.detect(task.audio, watch, name=task.name, near=task.near)
        if result.duration > longest:  # no more than one batch, decoded after the last look
            raise too_long(longest)
        return result


class _Pooled:
    """A `Scorer` that asks the pool and lends its slot while it waits."""

    def __init__(self, pool: Pool, client: str, slots: threading.Semaphore) -> None:
        self._pool, self._client, self._slots = pool, client, slots
        self.sample_rate, self.window, self.shortest = pool.scorer.sample_rate, pool.scorer.window, pool.scorer.shortest
        self.precision = pool.scorer.precision

    def score(self, windows: FloatArray) -> FloatArray:
        future = self._pool.submit(self._client, windows)
        self._slots.release()
        try:
            return future.result()
        finally:
            self._slots.acquire()


def too_long(longest: float) -> Problem:
    """413: the recording lasts longer than allowed."""
    return Problem(413, "too_long", f"the recording lasts longer than {longest:g} s, the most here; cut it into pieces")


def _told(error: FakeMambaError, name: str) -> Problem:
    """415 for what is no audio or needs an extra, 422 for audio that cannot be judged; without the client's name."""
    message = str(error).removeprefix("<bytes>: ").removeprefix(f"{name}: ")
    if isinstance(error, MissingExtraError):
        return Problem(
            415,
            "unsupported_format",
            "this server does not read this kind of sound or video; send WAV, "
            "FLAC, OGG, Opus or MP3 (its operator can install the extra `media`)",
        )
    if message.startswith(_NO_AUDIO):
        return Problem(415, "not_audio", message)
    return Problem(422, "unreadable_audio", message)
