"""One JSON document for a run: version, model, settings, results, errors."""

import json

from fakemamba.report.document import Report


def render(report: Report) -> str:
    """Strict JSON (no NaN), readable, ending in a newline."""
    return json.dumps(report.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
