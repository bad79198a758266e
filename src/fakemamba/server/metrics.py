"""Counters for Prometheus in its text format 0.0.4, written by hand: it is forty lines, and a client library would
bring a global registry and default collectors that this server does not want.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fakemamba.result import Result

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

Labels = tuple[tuple[str, str], ...]


@dataclass
class Counter:
    """Only grows; one number for each set of labels."""

    help: str
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, amount: float = 1.0, **labels: str) -> None:
        key = tuple(sorted(labels.items()))
        self.values[key] = self.values.get(key, 0.0) + amount

    def lines(self, name: str) -> list[str]:
        return [f"{name}{_labels(key)} {_number(value)}" for key, value in sorted(self.values.items())]


@dataclass
class Histogram:
    """How often values fell below each bound."""

    help: str
    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str) -> list[str]:
        seen, out = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            out.append(f'{name}_bucket{{le="{_number(bound)}"}} {seen}')
        return [*out, f"{name}_sum {_number(self.total)}", f"{name}_count {seen}"]


class Metrics:
    """All that `/metrics` tells; written to from the event loop and from the pool's threads.

    Args:
        gauges: name without prefix -> (help, function that reads the present value).
    """

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self.gauges = gauges
        self.requests = Counter("Answers to HTTP requests, by route and status.")
        self.verdicts = Counter("Recordings judged, by verdict.")
        self.refusals = Counter("Requests and streams that were not served, by reason.")
        self.audio = Counter("Seconds of audio judged, by kind (file, stream).")
        self.streams = Counter("Live streams that are over, by outcome.")
        self.events = Counter("Events sent to live streams, by type.")
        self.request_seconds = Histogram("From a recording's request to its answer.", SECONDS)
        self.lag_seconds = Histogram(
            "From a stream's audio being complete for an event to the event being sent.", SECONDS
        )
        self.batch_windows = Histogram("Windows scored at once.", SIZES)
        self.score_seconds = Histogram("Seconds that the model took for a batch.", SECONDS)
        self._lock = threading.Lock()

    def scored(self, windows: int, seconds: float) -> None:
        """One batch; called from a worker thread."""
        with self._lock:
            self.batch_windows.observe(windows)
            self.score_seconds.observe(seconds)

    def judged(self, result: Result) -> None:
        """One recording."""
        self.verdicts.add(verdict=result.verdict)
        self.audio.add(result.duration, kind="file")

    def text(self) -> str:
        """The whole page."""
        out: list[str] = []
        kinds: tuple[tuple[str, str, Counter | Histogram], ...] = (
            ("requests_total", "counter", self.requests),
            ("verdicts_total", "counter", self.verdicts),
            ("refusals_total", "counter", self.refusals),
            ("audio_seconds_total", "counter", self.audio),
            ("streams_total", "counter", self.streams),
            ("stream_events_total", "counter", self.events),
            ("request_seconds", "histogram", self.request_seconds),
            ("stream_lag_seconds", "histogram", self.lag_seconds),
            ("batch_windows", "histogram", self.batch_windows),
            ("score_seconds", "histogram", self.score_seconds),
        )
        with self._lock:
            for name, kind, metric in kinds:
                out += _head(name, kind, metric.help) + metric.lines(f"fakemamba_{name}")
        for name, (text, read) in self.gauges.items():
            out += [*_head(name, "gauge", text), f"fakemamba_{name} {_number(read())}"]
        return "\n".join(out) + "\n"


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP fakemamba_{name} {text}", f"# TYPE fakemamba_{name} {kind}"]


def _labels(labels: Labels) -> str:
    """Values are this server's own words, never a client's, so nothing needs escaping."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""


def _number(value: float) -> str:
    return "+Inf" if value == float("inf") else f"{value:.10g}"
