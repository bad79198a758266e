"""Results for the terminal: one block a file, coloured where colour is wanted."""

from rich.text import Text

from fakemamba.report.document import Report, certainty, number, printable, probability, span_text, summary
from fakemamba.result import Result
from fakemamba.timeline import clock

STYLES = {"real": "bold green", "fake": "bold red", "unsure": "bold yellow"}
_MOST_SPANS = 6
_COLUMN = 8  # width of the names before the values


def render(report: Report) -> str:
    """The whole report without colour."""
    blocks = [block(result).plain for result in report.results]
    blocks += [
        f"{printable(failure.source)}\n  {'ERROR':<{_COLUMN}}{printable(failure.error)}" for failure in report.failures
    ]
    if len(blocks) > 1:
        blocks.append(summary(report))
    return "\n\n".join(blocks) + "\n"


def block(result: Result, *, verbose: bool = False) -> Text:
    """The verdict on one file, how sure, where if it differs, and why if unsure."""
    text = Text(printable(result.source), style="bold")
    text.append(f"  {clock(result.duration)}", style="not bold dim")
    text.append("\n  ")
    text.append(result.verdict.upper(), style=STYLES[result.verdict])
    if sure := _how_sure(result):
        text.append(f"{'':<{_COLUMN - len(result.verdict)}}{sure}", style="not bold")
    rows = [("where", _where(result)), ("why", result.reason or "")]
    rows += [("note", warning) for warning in result.warnings]
    if verbose:
        rows += _details(result)
    for name, value in rows:
        if value:
            text.append(f"\n  {name:<{_COLUMN}}", style="not bold dim")
            text.append(printable(value), style="not bold")
    return text


def _how_sure(result: Result) -> str:
    words = certainty(result)
    if result.p_fake is None:
        return "" if result.score is None else f"score {result.score:+.3f}"
    shown = f"p_fake {probability(result.p_fake)}"
    return f"{words} ({shown})" if words else shown


def _where(result: Result) -> str:
    """The spans, where they do not all say the same as the whole."""
    if {segment.verdict for segment in result.segments} <= {result.verdict}:
        return ""
    shown = [f"{span_text(one)} {one.verdict}{' (near)' * one.near}" for one in result.segments[:_MOST_SPANS]]
    more = len(result.segments) - len(shown)
    return ", ".join(shown) + (f", and {more} more (all with --json or --html)" if more else "")


def _details(result: Result) -> list[tuple[str, str]]:
    score, llr, limit = (number(value, "+.4f") for value in (result.score, result.llr, result.threshold))
    point = f" ({result.operating_point})" if result.operating_point else ""
    return [
        ("score", f"{score}  llr {llr}  threshold {limit}{point}"),
        ("speech", f"{result.speech:.1f} s of {result.duration:.1f} s"),
        ("model", f"{result.model}  sha256 {result.model_sha256[:16]}  {result.precision}"),
        ("file", f"sha256 {result.source_sha256}" if result.source_sha256 else ""),
    ]
