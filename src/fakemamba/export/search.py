"""Which parts of a model bear a lower precision: as many as keep the scores, found in bounded time.

All at once first, as most models bear that. Else each part alone, the largest first, until half the time is over; then
the longest row of parts, in the order of drift per byte saved, whose drift together stays within the tolerance.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakemamba.export.graph import Part
from fakemamba.metrics.records import Record

Parts = tuple[Part, ...]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Choice(Record):
    """What a search found.

    Attributes:
        taken: the parts that change. kept: those that stay float32.
        drift: root mean square change of the score with the taken ones.
        alone: each part's own, where it was measured.
        trials: how often a graph was built and run.
        complete: False where the time was over before every part had been measured.
    """

    taken: tuple[str, ...]
    kept: tuple[str, ...]
    drift: float
    alone: dict[str, float] = field(default_factory=dict)
    trials: int = 0
    complete: bool = True


def choose(
    parts: Sequence[Part],
    measure: Callable[[Parts], float],
    *,
    tolerance: float,
    seconds: float,
    say: Say = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """The parts to change.

    Args:
        parts: of the graph.
        measure: the drift with these parts changed; infinite where the scores are no numbers.
        tolerance: the drift that is borne.
        seconds: after which no new trial begins, but for the last one that checks the answer.
        say: told what is going on. clock: of the time.
    """
    search = _Search(tuple(parts), measure, clock() + seconds, clock, say)
    whole = search.drift(search.parts, "all parts at once")
    if whole <= tolerance:
        return search.answer(search.parts, whole)
    alone = search.each_alone(seconds / 2)
    ranked = tuple(sorted((p for p in parts if p.name in alone), key=lambda p: alone[p.name] ** 2 / p.size))
    taken, drift = search.longest(ranked, tolerance, _guess(ranked, alone, tolerance))
    return search.answer(taken, drift, alone)


def _guess(ranked: Parts, alone: dict[str, float], tolerance: float) -> int:
    """How many would fit if drifts added like independent errors."""
    total = 0.0
    for count, part in enumerate(ranked):
        total += alone[part.name] ** 2
        if not math.sqrt(total) <= tolerance:
            return count
    return len(ranked)


class _Search:
    """The trials, their count and their time."""

    def __init__(
        self, parts: Parts, measure: Callable[[Parts], float], end: float, clock: Callable[[], float], say: Say
    ) -> None:
        self.parts, self._measure, self._end, self._clock, self._say = parts, measure, end, clock, say
        self._trials, self._complete = 0, True

    def drift(self, parts: Parts, what: str) -> float:
        self._trials += 1
        found = self._measure(parts)
        self._say(f"{what}: drift {found:.4f}")
        return found

    def each_alone(self, seconds: float) -> dict[str, float]:
        found: dict[str, float] = {}
        end = self._end - seconds
        for number, part in enumerate(sorted(self.parts, key=lambda p: -p.size), 1):
            if self._clock() >= end:
                self._complete = False
                break
            found[part.name] = self.drift((part,), f"{number} of {len(self.parts)}, {part.name}")
        return found

    def longest(self, ranked: Parts, tolerance: float, guess: int) -> tuple[Parts, float]:
        """By halving, from a first guess on; what is returned was measured."""
        fits, drift, fails = 0, 0.0, len(ranked) + (len(ranked) < len(self.parts))  # all of them are known to fail
        count = min(guess, fails - 1)
        while fits < count < fails:
            found = self.drift(ranked[:count], f"{count} of {len(ranked)} parts together")
            if found <= tolerance:
                fits, drift = count, found
            else:
                fails = count
            if self._clock() >= self._end:
                self._complete = False
                break
            count = (fits + fails) // 2
        return ranked[:fits], drift

    def answer(self, taken: Parts, drift: float, alone: dict[str, float] | None = None) -> Choice:
        names = {part.name for part in taken}
        kept = tuple(part.name for part in self.parts if part.name not in names)
        ordered = tuple(part.name for part in self.parts if part.name in names)
        return Choice(ordered, kept, drift, alone or {}, self._trials, self._complete)
