"""What every kind of report is made of, and the words that they share."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fakemamba import __version__
from fakemamba.audio.source import printable as shortened
from fakemamba.checkpoint.folder import ModelCard
from fakemamba.detect import Detector
from fakemamba.operating import point_of
from fakemamba.report.repeat import repeat_command, software
from fakemamba.result import Result, Segment
from fakemamba.timeline import clock

_CERTAINTY = ((0.99, "almost certainly"), (0.9, "very likely"), (0.7, "likely"), (0.0, "slightly more likely than not"))

LIMITS = (
    "A verdict is statistical evidence, not proof. Do not accuse anyone on its strength alone.",
    "p_fake assumes that a real and a fake were equally likely before the audio was heard. "
    "Where fakes are rare, most alarms are false even with a good detector.",
    "Synthesizers newer than the model's training data, heavy compression, noise, music or strong effects "
    "can turn a verdict either way.",
    "Times of segments are no finer than half a window, or than about half a second where short windows found them; "
    "short insertions can go unnoticed.",
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A source that could not be judged, and why in one line."""

    source: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that one run found, with what is needed to repeat it.

    Attributes:
        results, failures: what was judged and what could not be, in the order given.
        model: name, SHA-256, precision, licence and origin of the model.
        settings: threshold and unsure band (LLR; raw scores if not calibrated; None if none), window and hop (seconds),
            and those of the near pass (None if no recording got one).
        operating_point: name, purpose and counts of the decision, from the model's card; empty for a threshold of the
            caller's, or a card that names none.
        version, created: of fakemamba; time of the analysis (ISO 8601, with its offset from UTC).
        command: that gives the same again, on the same files.
        software: name -> version of all that took part.
        error_rates: what the model's card knows of its errors, see `error_rates`.
    """

    results: tuple[Result, ...]
    failures: tuple[Failure, ...]
    model: dict[str, str]
    settings: dict[str, float | bool | None]
    operating_point: dict[str, Any] = field(default_factory=dict)
    version: str
    created: str
    command: str = ""
    software: dict[str, str] = field(default_factory=dict)
    error_rates: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "fakemamba": self.version,
            "created": self.created,
            "model": self.model,
            "settings": self.settings,
            "operating_point": self.operating_point,
            "command": self.command,
            "software": self.software,
            "error_rates": self.error_rates,
            "results": [result.to_dict() for result in self.results],
            "errors": [{"source": failure.source, "error": failure.error} for failure in self.failures],
        }


def make_report(
    detector: Detector,
    results: list[Result],
    failures: list[Failure],
    now: datetime | None = None,
    *,
    command: str | None = None,
) -> Report:
    """Put results together with the model and the settings that they came from.

    Args:
        detector: that judged.
        results, failures: in the order of the recordings.
        now: time of the analysis, with its time zone; None for this moment in UTC.
        command: that gives the same again; None for one made from the names of the results.
    """
    near = any(result.near is not None for result in results)
    assert now is None or now.tzinfo is not None, "a case file needs the time zone"
    card, decision = detector.card, detector.decision
    return Report(
        results=tuple(results),
        failures=tuple(failures),
        model={
            "name": card.name,
            "sha256": detector.model_sha256,
            "precision": detector.scorer.precision,
            "licence": card.licence,
            "origin": card.origin,
        },
        settings={
            "threshold": decision.threshold if detector.decides else None,
            "unsure_below": decision.low if detector.decides else None,
            "unsure_above": decision.high if detector.decides else None,
            "window": detector.window,
            "hop": detector.window / 2,
            "near_window": card.near.seconds if card.near and near else None,
            "near_hop": card.near.hop if card.near and near else None,
            "calibrated": card.calibration is not None,
        },
        operating_point=_point(detector),
        version=__version__,
        created=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        command=command or repeat_command(detector, [r.source for r in results] + [f.source for f in failures]),
        software=software(),
        error_rates=error_rates(card),
    )


def _point(detector: Detector) -> dict[str, Any]:
    name = detector.judge.operating_point
    return {} if name is None else point_of(detector.card, name).model_dump(mode="json", exclude={"decision"})


def error_rates(card: ModelCard) -> dict[str, Any]:
    """What the card's `training.error_rates` tells; empty where its maker put nothing there: none is invented.

    `sets` is a list of objects with `name`, `genuine` and `fake` (counts of clips), and in per cent `eer`, `unsure`,
    `wrong` (of the other verdicts), `genuine_called_fake`, `fakes_called_real`; `source` says where to read more.
    """
    found = card.training.get("error_rates", {})
    return found if isinstance(found, dict) else {}


def certainty(result: Result) -> str:
    """How sure a verdict is, in plain words; empty where there is nothing to say."""
    if result.verdict == "unsure" or result.p_fake is None:
        return ""
    p = result.p_fake if result.verdict == "fake" else 1.0 - result.p_fake
    # A moved threshold can call real what is more likely fake: then the words would contradict the verdict.
    return next((words for least, words in _CERTAINTY if p >= least), "") if p >= 0.5 else "by the threshold chosen"


def probability(p: float | None) -> str:
    """Three decimals, but never a 0 or a 1 that no evidence supports."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else "> 0.999" if p > 0.999 else f"{p:.3f}"


def number(value: float | None, form: str = "+.3f") -> str:
    """A number with its sign; a dash for none."""
    return "–" if value is None else format(value, form)


def span_text(segment: Segment) -> str:
    """Start and end, such as 0:04.2–0:08.4."""
    return f"{clock(segment.start)}–{clock(segment.end)}"


def summary(report: Report) -> str:
    """One line for many files."""
    counts = Counter(result.verdict for result in report.results)
    total = len(report.results) + len(report.failures)
    parts = [f"{counts[verdict]} {verdict}" for verdict in ("fake", "unsure", "real")]
    if report.failures:
        parts.append(f"{len(report.failures)} could not be judged")
    return f"{total} file{'s' if total != 1 else ''}: {', '.join(parts)}"


def printable(text: str) -> str:
    """One line that cannot steer a terminal or a page: control and lone surrogate characters become escapes."""
    return shortened(text, longest=4096)
