"""Results as people and machines read them: text, JSON, CSV and a self-contained HTML page."""

from collections.abc import Callable
from importlib import import_module
from typing import Literal, get_args

from fakemamba.report.document import Failure, Report

__all__ = ["KINDS", "Failure", "Kind", "Report", "render"]

Kind = Literal["text", "json", "csv", "html"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def render(report: Report, kind: Kind) -> str:
    """The whole report as one text of that kind; only that kind's module is imported."""
    write: Callable[[Report], str] = import_module(f"fakemamba.report.{kind}_report").render
    return write(report)
