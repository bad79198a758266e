"""Progress on stderr: bars on a terminal, only for what takes longer than a moment; for long jobs a line a minute."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from fakemamba.detect import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 1.0  # seconds before a bar appears
_EVERY = 60.0  # seconds between lines where nobody watches, as in the log of a cluster


@contextmanager
def progress(label: str) -> Iterator[Progress | None]:
    """A callback for `Detector.detect`, or None where nobody watches; the bar vanishes at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _LazyBar(label)
    try:
        yield bar.advance
    finally:
        bar.close()


class _LazyBar:
    def __init__(self, label: str) -> None:
        self._label = label
        self._begin = time.monotonic()
        self._bar: Bar | None = None

    def advance(self, done: float, total: float | None) -> None:
        if self._bar is None:
            if time.monotonic() - self._begin < PATIENCE:
                return
            self._bar = _start(self._label)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _start(label: str, *, counts: bool = False) -> "Bar":
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    name = (TextColumn("{task.description}"), BarColumn())
    columns = (
        (MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
        if counts
        else (TaskProgressColumn(), TimeRemainingColumn())
    )
    bar = Progress(*name, *columns, console=Console(stderr=True), transient=True)
    bar.add_task(escape(label), total=None, rate="")
    bar.start()
    return bar


@contextmanager
def counted(label: str) -> Iterator[Callable[[int, int, float], None]]:
    """A callback for `score_dataset`: clips done, clips in all, seconds of audio; with rate and time left."""
    if not sys.stderr.isatty():
        yield _Lines(label).advance
        return
    bar = _start(label, counts=True)
    rate = Rate()
    try:

        def advance(done: int, total: int, audio: float) -> None:
            bar.update(bar.task_ids[0], completed=done, total=total, rate=rate.words(done, total, audio))

        yield advance
    finally:
        bar.stop()


class Rate:
    """How fast, and how long still; what had been done at the first call, by an earlier run, does not count."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._first: int | None = None

    def words(self, done: int, total: int, audio: float) -> str:
        """Such as "35.1 clips/s, 120x real time, 0:12:40 left"."""
        self._first = done if self._first is None else self._first
        elapsed = max(time.monotonic() - self._begin, 1e-6)
        speed = (done - self._first) / elapsed
        if speed <= 0:
            return ""
        left = timedelta(seconds=round((total - done) / speed))
        return f"{speed:.1f} clips/s, {audio / elapsed:.3g}x real time, {left} left"


class _Lines:
    def __init__(self, label: str) -> None:
        self._label, self._rate, self._last = label, Rate(), time.monotonic()

    def advance(self, done: int, total: int, audio: float) -> None:
        words = self._rate.words(done, total, audio)
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            typer.echo(f"{self._label}: {done} of {total} clips, {words}", err=True)
