"""A web page that stands alone: no script, no request, everything from outside escaped."""

from fakemamba.report.document import (
    LIMITS,
    Failure,
    Report,
    certainty,
    number,
    probability,
    span_text,
    summary,
)
from fakemamba.report.drawing import gauge, timeline
from fakemamba.report.page import facts, page, safe, sentence, when
from fakemamba.result import Result
from fakemamba.timeline import clock


def render(report: Report) -> str:
    """The whole page as one HTML document."""
    title = _title(report)
    body = [f"<header><h1>{title}</h1><p class='soft'>{_subtitle(report)}</p></header>"]
    body += [_result(result, report) for result in report.results]
    body += [_failure(failure) for failure in report.failures]
    body += [_limits(), _provenance(report)]
    return page(title, body)


def _title(report: Report) -> str:
    if len(report.results) == 1 and not report.failures:
        return f"{safe(_base(report.results[0].source))}: {report.results[0].verdict}"
    return f"Speech-deepfake report: {safe(summary(report))}"


def _subtitle(report: Report) -> str:
    return f"Speech-deepfake report · fakemamba {safe(report.version)} · {safe(when(report.created))}"


def _result(result: Result, report: Report) -> str:
    low, high = report.settings["unsure_below"], report.settings["unsure_above"]
    notes = [result.reason] if result.reason else []
    parts = [
        f'<div class="head"><h2>{safe(result.source)}</h2><span class="soft">{clock(result.duration)}</span></div>',
        f'<p class="verdict"><b>{result.verdict.upper()}</b><span>{safe(_how_sure(result))}</span></p>',
        *(f'<p class="note">{safe(sentence(note))}</p>' for note in [*notes, *result.warnings]),
        gauge(result, low, high),
        _over_time(result),
        facts(_numbers(result)),
    ]
    return f'<section class="{result.verdict}">{"".join(parts)}</section>'


def _how_sure(result: Result) -> str:
    if result.score is None:
        return "not judged"
    if result.p_fake is None:
        return f"raw score {number(result.score)}"
    words = certainty(result)
    return f"{words} (p_fake {probability(result.p_fake)})" if words else f"p_fake {probability(result.p_fake)}"


def _over_time(result: Result) -> str:
    if not result.segments:
        return ""
    rows = "".join(
        f'<tr class="{segment.verdict}"><td>{span_text(segment)}</td><td><b>{segment.verdict}</b></td>'
        f"<td>{probability(segment.p_fake)}</td><td>{segment.score:+.3f}</td></tr>"
        for segment in result.segments
    )
    key = "".join(f'<span class="{name}"><i></i>{name}</span>' for name in ("real", "fake", "unsure"))
    return (
        f"<h3>Over time</h3>{timeline(result)}<p class='key'>{key}<span class='none'><i></i>no speech judged</span></p>"
        "<div class='scroll'><table><thead><tr><th>time</th><th>verdict</th><th>p_fake</th><th>raw score</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _numbers(result: Result) -> list[tuple[str, str]]:
    rows = [("Speech found", f"{result.speech:.1f} s of {result.duration:.1f} s")]
    if result.llr is not None:
        rows.append(("Evidence", f"log-likelihood ratio {result.llr:+.3f} (threshold {number(result.threshold)})"))
    if result.score is not None:
        rows.append(("Raw score", f"{result.score:+.4f}, higher is more genuine"))
    return [*rows, ("File SHA-256", result.source_sha256 or "no file")]


def _failure(failure: Failure) -> str:
    return (
        f'<section class="error"><h2>{safe(failure.source)}</h2><p class="verdict"><b>NOT JUDGED</b></p>'
        f'<p class="note">{safe(failure.error)}</p></section>'
    )


def _limits() -> str:
    items = "".join(f"<li>{safe(limit)}</li>" for limit in LIMITS)
    return f"<section><h2>What this can and cannot say</h2><ul>{items}</ul></section>"


def _provenance(report: Report) -> str:
    settings, limit = report.settings, report.settings["threshold"]
    rows = [
        ("Model", report.model["name"]),
        ("Model SHA-256", report.model["sha256"]),
        ("Licence", report.model["licence"]),
        ("Origin", report.model["origin"]),
        ("Threshold", f"{'log-likelihood ratio' if settings['calibrated'] else 'raw score'} {number(limit)}"),
        ("Unsure between", f"{number(settings['unsure_below'])} and {number(settings['unsure_above'])}"),
        ("Windows", f"{settings['window']:.3f} s, every {settings['hop']:.3f} s"),
        ("Calibrated", "yes" if settings["calibrated"] else "no: p_fake cannot be given"),
        ("Software", f"fakemamba {report.version}"),
    ]
    return f"<section><h2>How it was made</h2>{facts(rows)}</section>"


def _base(source: str) -> str:
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source
