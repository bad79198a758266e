"""An evaluation and a comparison for the terminal, as rich tables."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from fakemamba.evaluation.breakdown import GroupRow
from fakemamba.evaluation.evaluation import Evaluation
from fakemamba.evaluation.words import (
    PROTOCOLS,
    STAR,
    TITLES,
    counts,
    decision_rows,
    metric_rows,
    percent,
    share,
    threshold_words,
    title,
)
from fakemamba.report.document import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOST_ROWS = 20
_GROUP_HEAD = ("", "bona\nfide", "\nspoofed", "\nEER %", "\n95 % interval", "rejected\n%", "accepted\n%")


def blocks(evaluation: Evaluation) -> "Iterator[RenderableType]":
    """What to print, one thing after the other."""
    yield Text(printable(title(evaluation)), style="bold")
    yield Text(f"{counts(evaluation)}\nprotocol {PROTOCOLS[evaluation.origin.protocol]}")
    if evaluation.summary is not None:
        table = grid("", ("metric", "value", "95 % interval"), metric_rows(evaluation))
        captions = [evaluation.interval_unit] if evaluation.interval_unit else []
        captions += [] if evaluation.origin.calibrated else [STAR]
        table.caption, table.caption_justify = "\n".join(captions), "left"
        yield table
    if evaluation.confusion is not None:
        yield grid(f"Decisions at {threshold_words(evaluation)}", ("", ""), decision_rows(evaluation), head_shown=False)
    if evaluation.verdicts:
        yield _verdicts(evaluation)
    for column, rows in evaluation.groups.items():
        shown = sorted(rows, key=lambda row: -(row.eer or 0))[:_MOST_ROWS] if len(rows) > _MOST_ROWS else rows
        name = TITLES.get(column, f"By {column}")
        name += f": the worst {_MOST_ROWS} of {len(rows)}" if len(rows) > _MOST_ROWS else ""
        yield grid(name, _GROUP_HEAD, [_group_cells(row) for row in shown])
    if evaluation.frames:
        frames = [
            (f"{f.resolution_ms} ms", percent(f.value), str(f.n_bonafide), str(f.n_spoof)) for f in evaluation.frames
        ]
        yield grid("Frame-level", ("resolution", "EER %", "bona fide frames", "spoofed frames"), frames)


def grid(
    name: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    head_shown: bool = True,
    told: bool = False,
) -> Table:
    """A table: names to the left, numbers to the right and never broken; `told`: the last column holds words."""
    table = Table(title=name or None, title_justify="left", show_header=head_shown, box=box.SIMPLE_HEAD)
    for k, column in enumerate(head):
        words = k == 0 or (told and k == len(head) - 1)
        table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _group_cells(row: GroupRow) -> tuple[str, ...]:
    """What fits a narrow terminal; the page has the rest."""
    rejected = None if row.bonafide_rejected is None or not row.n_bonafide else row.bonafide_rejected / row.n_bonafide
    accepted = None if row.spoof_accepted is None or not row.n_spoof else row.spoof_accepted / row.n_spoof
    span = "" if row.eer_low is None or row.eer_high is None else f"{percent(row.eer_low)} – {percent(row.eer_high)}"
    counts = (str(row.n_bonafide), str(row.n_spoof))
    return (row.name, *counts, percent(row.eer), span, percent(rejected, 1), percent(accepted, 1))


def _verdicts(evaluation: Evaluation) -> Table:
    kinds = ("real", "unsure", "fake", "unscored")
    names = {"bonafide": "bona fide", "spoof": "spoofed"}
    rows = [
        (names[label], *(share(given[kind], sum(given.values())) for kind in kinds))
        for label, given in evaluation.verdicts.items()
        if sum(given.values())
    ]
    return grid("Verdicts as people read them", ("truth", "real", "unsure", "fake", "not judged"), rows)
