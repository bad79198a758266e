"""Puts a report's tables and plots into a page of docs/: between `<!-- table NAME -->` and `<!-- end -->`.

    python -m recipes.builtin.report.docs docs/built-in-model.md               # again from the page's own report
    python -m recipes.builtin.report.docs docs/built-in-model.md REPORT.json   # from another one, which it then keeps

The page's report lies beside it, as NAME.json.
"""

import re
import sys
from pathlib import Path
from typing import Any

from recipes.builtin import keep
from recipes.builtin.report import markdown, plots, second

SECTIONS = markdown.SECTIONS | second.SECTIONS
MARK = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, report: dict[str, Any]) -> str:
    """The page's text with its tables made anew; raises SystemExit for a table that is none."""

    def table(found: re.Match[str]) -> str:
        if found[2] not in SECTIONS:
            raise SystemExit(f"no table {found[2]!r}; there are {', '.join(SECTIONS)}")
        return f"{found[1]}\n{SECTIONS[found[2]](report)}\n\n{found[3]}"

    return MARK.sub(table, text)


def write(page: Path, report: dict[str, Any]) -> None:
    """The page, its report and its plots."""
    text = filled(page.read_text(encoding="utf-8"), report)
    keep.put_json(page.with_suffix(".json"), report, indent=1)
    plots.draw(report, page.parent, page.stem)
    keep.put(page, text)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    place = Path(sys.argv[1])
    write(place, keep.read_json(Path(sys.argv[2]) if len(sys.argv) == 3 else place.with_suffix(".json")))
