"""A web page that stands alone: no script, no request, everything from outside escaped."""

from typing import Any

from fakemamba.operating import share_words
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
from fakemamba.report.drawing import evidence, gauge, timeline
from fakemamba.report.page import facts, page, safe, sentence, table, when
from fakemamba.result import Result
from fakemamba.timeline import clock


def render(report: Report) -> str:
    """The whole page as one HTML document."""
    title = _title(report)
    body = [f"<header><h1>{title}</h1><p class='soft'>{_subtitle(report)}</p></header>"]
    body += [_result(result, report) for result in report.results]
    body += [_failure(failure) for failure in report.failures]
    body += [_limits(), _known_errors(report), _provenance(report), _repeat(report)]
    return page(title, body)


def _title(report: Report) -> str:
    if len(report.results) == 1 and not report.failures:
        return f"{safe(_base(report.results[0].source))}: {report.results[0].verdict}"
    return f"Speech-deepfake report: {safe(summary(report))}"


def _subtitle(report: Report) -> str:
    return f"Speech-deepfake report · fakemamba {safe(report.version)} · analysed {safe(when(report.created))}"


def _result(result: Result, report: Report) -> str:
    low, high = report.settings["unsure_below"], report.settings["unsure_above"]
    notes = [result.reason] if result.reason else []
    parts = [
        f'<div class="head"><h2>{safe(result.source)}</h2><span class="soft">{clock(result.duration)}</span></div>',
        f'<p class="verdict"><b>{result.verdict.upper()}</b><span>{safe(_how_sure(result))}</span></p>',
        *(f'<p class="note">{safe(sentence(note))}</p>' for note in [*notes, *result.warnings]),
        gauge(result, low, high),
        _over_time(result, low, high),
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


def _over_time(result: Result, low: float | None, high: float | None) -> str:
    if not result.segments:
        return ""
    rows = "".join(
        f'<tr class="{segment.verdict}"><td>{span_text(segment)}</td>'
        f"<td><b>{segment.verdict}</b>{' (short windows)' if segment.near else ''}</td>"
        f"<td>{probability(segment.p_fake)}</td><td>{segment.score:+.3f}</td></tr>"
        for segment in result.segments
    )
    key = "".join(f'<span class="{name}"><i></i>{name}</span>' for name in ("real", "fake", "unsure"))
    curve = evidence(result, low, high)
    close = " Thin and grey: of short windows, by their own calibration." if result.near is not None else ""
    note = (
        "<p class='soft small'>p_fake of each window that was judged, drawn at its middle. Shaded in red: parts called "
        f"fake. The level band: where the model is unsure.{close}</p>"
    )
    return (
        f"<h3>Over time</h3>{timeline(result)}<p class='key'>{key}<span class='none'><i></i>no speech judged</span></p>"
        f"{curve + note if curve else ''}"
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


_RATES = (
    ("eer", "equal error rate"),
    ("unsure", "unsure"),
    ("wrong", "wrong among the other verdicts"),
    ("genuine_called_fake", "real voices called fake"),
    ("fakes_called_real", "fakes called real"),
)


def _known_errors(report: Report) -> str:
    """What the model's card says of its errors, as far as it says it in the words of `document.error_rates`."""
    found = report.error_rates.get("sets", [])
    sets = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    measured = _measured(report)
    if not sets:
        if measured:
            return f"<section><h2>How often the model is wrong</h2>{measured}</section>"
        text = "The model's card states no error rates. Nothing is known of how often it is wrong."
        return f"<section><h2>How often the model is wrong</h2><p>{text}</p></section>"
    head = "".join(f"<th>{name}</th>" for name in ("clips, real / fake", *(name for _, name in _RATES)))
    rows = "".join(
        f"<tr><td>{safe(str(one.get('name', '–')))}</td><td>{_count(one, 'genuine')} / {_count(one, 'fake')}</td>"
        + "".join(f"<td>{_percent(one, key)}</td>" for key, _ in _RATES)
        + "</tr>"
        for one in sets
    )
    source = report.error_rates.get("source")
    more = f"<p class='soft small'>Details: {safe(str(source))}</p>" if source else ""
    return (
        "<section><h2>How often the model is wrong</h2><p>Measured on recordings that it was not trained on; on yours "
        "it may err more often.</p><div class='scroll'><table class='rates'><thead><tr><th>measured on</th>"
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}{measured}</section>"
    )


def _measured(report: Report) -> str:
    """What the operating point in use did, which the model's general rates do not tell."""
    point = report.operating_point
    rows = [
        (
            one["on"],
            share_words(one["genuine_called_fake"], one["genuine"]),
            share_words(one["fakes_called_fake"], one["fake"]),
            share_words(one["fakes_called_real"], one["fake"]),
        )
        for one in point.get("measured", ())
    ]
    if not rows:
        return ""
    head = ("measured on", "real voices called fake", "fakes called fake", "fakes called real")
    title = f"<h3>At the operating point of this report: {safe(point['name'])}</h3>"
    return title + table(head, rows, words=len(head))  # counts and intervals in words: they may wrap


def _count(one: dict[str, Any], key: str) -> str:
    return str(one[key]) if isinstance(one.get(key), int) else "–"


def _percent(one: dict[str, Any], key: str) -> str:
    return f"{one[key]:.1f} %" if isinstance(one.get(key), int | float) else "–"


def _repeat(report: Report) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in report.software.items())
    rows = [
        ("1. Same files?", "sha256sum FILE must print the file's SHA-256 above"),
        ("2. Same model?", "fakemamba models info MODEL must show the model's SHA-256 above"),
        ("3. Same software?", f"fakemamba --version must print {report.version}"),
        ("4. Judge again", report.command),
        ("Analysed", when(report.created)),
        ("Made with", versions),
    ]
    note = "Other versions of these libraries and other processors can change the last digits of a score, not more."
    table = facts((row for row in rows if row[1]), code=("4. Judge again",))
    return f"<section><h2>How to repeat it</h2>{table}<p class='soft small'>{note}</p></section>"


def _provenance(report: Report) -> str:
    settings, limit = report.settings, report.settings["threshold"]
    rows = [
        ("Model", report.model["name"]),
        ("Model SHA-256", report.model["sha256"]),
        ("Precision", report.model["precision"]),
        ("Licence", report.model["licence"]),
        ("Origin", report.model["origin"]),
        ("Operating point", _point(report)),
        ("Threshold", f"{'log-likelihood ratio' if settings['calibrated'] else 'raw score'} {number(limit)}"),
        ("Unsure between", f"{number(settings['unsure_below'])} and {number(settings['unsure_above'])}"),
        ("Windows", _windows(report)),
        ("Calibrated", "yes" if settings["calibrated"] else "no: p_fake cannot be given"),
        ("Software", f"fakemamba {report.version}"),
    ]
    return f"<section><h2>How it was made</h2>{facts(rows)}</section>"


def _windows(report: Report) -> str:
    settings = report.settings
    text = f"{settings['window']:.3f} s, every {settings['hop']:.3f} s"
    if settings["near_window"] is None:
        return text
    return f"{text}; near pass {settings['near_window']:.3f} s, every {settings['near_hop']:.3f} s"


def _point(report: Report) -> str:
    point = report.operating_point
    return f"{point['name']}: {point['purpose']}" if point else "none has a name for this threshold"


def _base(source: str) -> str:
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source
