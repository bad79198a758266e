"""What `fakemamba listen` shows: JSON lines, plain lines, or a live meter with a timeline on a terminal."""

import json
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import typer

from fakemamba.report.document import probability
from fakemamba.stream import End, Event, FakeEnded, FakeStarted, ScoreUpdate, Unsure
from fakemamba.timeline import clock

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from fakemamba.cli.sources import Block

STYLES = {"real": "green", "fake": "bold red", "unsure": "yellow"}
_MARKS = {"real": "▁", "unsure": "▄", "fake": "█", "pause": "·"}  # told apart without colour too
_BAR = 30  # characters
_TIMELINE = 60  # hops
_QUIETEST = -60.0  # dBFS at the left end of the level bar


class View(Protocol):
    """Told of every block and of the events that it brought; `heard` is in seconds."""

    def block(self, block: "Block", heard: float) -> None: ...
    def event(self, event: Event) -> None: ...
    def dropped(self, heard: float, seconds: float) -> None: ...
    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line, flushed at once."""

    def block(self, block: "Block", heard: float) -> None:
        """Nothing is said of a block."""

    def event(self, event: Event) -> None:
        self._line(event.to_dict())

    def dropped(self, heard: float, seconds: float) -> None:
        self._line({"event": "dropped", "time": heard, "seconds": round(seconds, 3)})

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _line(value: object) -> None:
        typer.echo(json.dumps(value, allow_nan=False))  # echo flushes


class PlainLines:
    """One line for each change; every score too if `verbose`."""

    def __init__(self, *, verbose: bool = False, say: Callable[[str], None] = typer.echo) -> None:
        self._verbose, self._say = verbose, say
        self._verdict: str | None = None

    def block(self, block: "Block", heard: float) -> None:
        """Nothing is said of a block."""

    def event(self, event: Event) -> None:
        if isinstance(event, ScoreUpdate):
            known, self._verdict = self._verdict, event.verdict
            if not self._verbose and (event.verdict == known or event.verdict == "unsure"):
                return
        elif isinstance(event, Unsure | FakeStarted):
            self._verdict = "unsure" if isinstance(event, Unsure) else "fake"
        self._say(words(event))

    def dropped(self, heard: float, seconds: float) -> None:
        self._say(f"{clock(heard):>8}  {seconds:.1f} s were lost: this machine is too slow for the model")

    def close(self) -> None:
        """Nothing is open."""


class Meter:
    """A live picture of level, probability, verdict, latency and the last minute; changes scroll by above it."""

    def __init__(self, *, verbose: bool = False) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._lines = PlainLines(verbose=verbose, say=lambda text: self._console.print(text, markup=False))
        self._level, self._time, self._latency, self._lost = _QUIETEST, 0.0, 0.0, 0.0
        self._score: ScoreUpdate | None = None
        self._verdict, self._why = "unsure", "listening"
        self._marks: deque[str] = deque(maxlen=_TIMELINE)
        self._live = Live(self._picture(), console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def block(self, block: "Block", heard: float) -> None:
        peak = float(np.abs(block.samples).max(initial=0.0))
        self._level = max(_QUIETEST, 20 * float(np.log10(peak + 1e-9)))
        self._time = heard
        self._latency = max(time.monotonic() - block.arrived, 0.9 * self._latency)  # peaks stay readable for a second
        self._live.update(self._picture())

    def event(self, event: Event) -> None:
        if isinstance(event, ScoreUpdate):
            self._score, self._verdict, self._why = event, event.verdict, ""
            self._marks.append(event.verdict)
        elif isinstance(event, Unsure):
            self._verdict, self._why = "unsure", event.reason
            if event.why not in ("evidence", "uncalibrated"):  # else its score has a mark already
                self._marks.append("pause")
        if isinstance(event, End):
            self.close()
        self._lines.event(event)

    def dropped(self, heard: float, seconds: float) -> None:
        self._lost += seconds
        self._lines.dropped(heard, seconds)

    def close(self) -> None:
        self._live.stop()

    def _picture(self) -> "Group":
        from rich.console import Group
        from rich.text import Text

        level = (self._level - _QUIETEST) / -_QUIETEST
        p_fake = None if self._score is None else self._score.p_fake
        heading = Text(f"{clock(self._time):>8}  ")
        heading.append(f"{self._verdict.upper():<7}", style=STYLES[self._verdict])
        heading.append(f" {self._why}", style="dim")
        timeline = Text.assemble("    past  ", *((_MARKS[mark], STYLES.get(mark, "dim")) for mark in self._marks))
        late = f"{1000 * self._latency:.0f} ms behind" + (f", {self._lost:.1f} s lost" if self._lost else "")
        return Group(
            heading,
            self._bar("level", level, f"{self._level:+.0f} dB", "cyan"),
            self._bar("p_fake", p_fake or 0.0, probability(p_fake), STYLES[self._verdict]),
            timeline,
            Text(f"          {late}; Ctrl-C ends", style="dim"),
        )

    @staticmethod
    def _bar(name: str, share: float, value: str, style: str) -> "Text":
        from rich.text import Text

        full = round(_BAR * min(1.0, max(0.0, share)))
        return Text.assemble(f"{name:>8}  ", ("━" * full, style), ("·" * (_BAR - full), "dim"), f"  {value}")


def words(event: Event) -> str:
    """One line for people."""
    return f"{clock(event.time):>8}  {_words(event)}"


def _words(event: Event) -> str:
    if isinstance(event, ScoreUpdate):
        shown = f"p_fake {probability(event.p_fake)}" if event.p_fake is not None else f"score {event.score:+.3f}"
        return f"{event.verdict.upper():<7} {shown}"
    if isinstance(event, FakeStarted):
        return f"FAKE    starts at {clock(event.start)}"
    if isinstance(event, FakeEnded):
        return f"        fake from {clock(event.start)} to {clock(event.end)} (p_fake {probability(event.p_fake)})"
    if isinstance(event, Unsure):
        return f"UNSURE  {event.reason}"
    assert isinstance(event, End)
    return _summary(event)


def _summary(end: End) -> str:
    fakes = "no fake span"
    if end.longest_fake is not None:
        start, stop = end.longest_fake
        many = "1 fake span" if end.fakes == 1 else f"{end.fakes} fake spans, the longest"
        fakes = f"{many} {clock(start)}–{clock(stop)}"
    sure = f"p_fake {probability(end.p_fake)}; " if end.p_fake is not None else ""
    why = f"; {end.reason}" if end.reason else ""
    return f"{'end':<7} {end.verdict.upper()} on the whole ({sure}{end.speech:.1f} s of speech, {fakes}){why}"
