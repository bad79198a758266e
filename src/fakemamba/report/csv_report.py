"""One row per file; those that could not be judged have their error in the last column."""

import csv
import io
from typing import Any

from fakemamba.report.document import Failure, Report
from fakemamba.result import Result

COLUMNS = (
    "source",
    "verdict",
    "p_fake",
    "score",
    "llr",
    "threshold",
    "operating_point",
    "duration",
    "speech",
    "reason",
    "segments",
    "warnings",
    "source_sha256",
    "model",
    "model_sha256",
    "precision",
    "version",
    "error",
)


def render(report: Report) -> str:
    """CSV as spreadsheets read it (RFC 4180)."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for row in [*map(_row, report.results), *map(_failure, report.failures)]:
        writer.writerow({name: _guard(value) for name, value in row.items()})
    return out.getvalue()


def _row(result: Result) -> dict[str, Any]:
    row = {name: value for name, value in result.to_dict().items() if name in COLUMNS}
    spans = (f"{one.start:.2f}-{one.end:.2f} {one.verdict}{' (near)' * one.near}" for one in result.segments)
    return {**row, "segments": "; ".join(spans), "warnings": "; ".join(result.warnings)}


def _failure(failure: Failure) -> dict[str, Any]:
    return {"source": failure.source, "error": failure.error}


def _guard(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
