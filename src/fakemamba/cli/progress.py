"""A progress bar on stderr: only on a terminal, only for a file that takes longer than a moment."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fakemamba.detect import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

PATIENCE = 1.0  # seconds before a bar appears


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


def _start(label: str) -> "Bar":
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(escape(label), total=None)
    bar.start()
    return bar
