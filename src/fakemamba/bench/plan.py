"""Which sizes are measured: one thing varies at a time around a base, or all combinations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from fakemamba.errors import ConfigError

How = Literal["pass", "windows", "encoder"]

DURATIONS = (0.5, 1.0, 2.0, 4.175, 10.0, 60.0, 600.0, 3600.0)  # seconds
BATCHES = (1, 8, 32)
LONGEST_PASS = 30.0  # seconds; longer recordings are judged in windows, as `fakemamba detect` does
_LONGEST, _LARGEST = 6 * 3600.0, 1024  # beyond these a number is a slip of the keyboard


@dataclass(frozen=True)
class Point:
    """One size of the work.

    Attributes:
        seconds: of each clip.
        batch: clips at once. threads: of the CPU.
        how: "pass" is one call of the model on whole clips, "windows" a recording from its file to its verdict,
            "encoder" what comes after XLS-R alone.
    """

    seconds: float
    batch: int
    threads: int
    how: How

    def words(self) -> str:
        """Such as `4.175 s, batch 8, 2 threads`."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{duration_words(self.seconds)}, batch {self.batch}, {threads}"


def points(
    durations: Sequence[float], batches: Sequence[int], threads: Sequence[int], *, every: bool, base: float
) -> list[Point]:
    """The sizes to measure, in the order of the table.

    Args:
        durations: seconds. batches: clips at once; the first is the base. threads: the most of them is the base.
        every: all combinations; else one thing varies at a time.
        base: seconds; the base is the duration nearest to it that is judged in one pass.
    """
    middle = min(durations, key=lambda seconds: (seconds > LONGEST_PASS, abs(math.log(seconds / base))))
    found = []
    for seconds, batch, count in product(durations, batches, threads):
        changed = (seconds != middle) + (batch != batches[0]) + (count != max(threads))
        how: How = "pass" if seconds <= LONGEST_PASS else "windows"
        if how == "windows" and batch != 1:
            continue  # a recording is judged window by window; there is one of it
        if every or changed <= 1:
            found.append(Point(seconds, batch, count, how))
    return found


def numbers(text: str, option: str, *, whole: bool = False, most: float | None = None) -> tuple[float, ...]:
    """`0.5,1,60` as numbers above zero, each once; ConfigError otherwise."""
    most = most or (_LARGEST if whole else _LONGEST)
    found: list[float] = []
    for word in text.split(","):
        try:
            value = float(int(word)) if whole else float(word)
        except ValueError as error:
            kind = "whole numbers" if whole else "numbers"
            raise ConfigError(f"{option} {text}: give {kind} with commas between them") from error
        if not 0 < value <= most:
            raise ConfigError(f"{option} {text}: {word.strip()} is not above 0 and at most {most:g}")
        if value not in found:
            found.append(value)
    return tuple(found)


def thread_counts(text: str, usable: int) -> tuple[int, ...]:
    """`1,2,all` as counts; what this machine does not have is refused, `all` is every usable core."""
    words = ",".join(str(usable) if word.strip() == "all" else word for word in text.split(","))
    try:
        return tuple(sorted(int(count) for count in numbers(words, "--threads", whole=True, most=usable)))
    except ConfigError as error:
        raise ConfigError(
            f"--threads {text}: give whole numbers from 1 to {usable} (the usable cores), or all"
        ) from error


def duration_words(seconds: float) -> str:
    """`4.175 s`, `10 min`, `1 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
