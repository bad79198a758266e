"""All sections as one report: for the terminal, as JSON, and as a web page that stands alone."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from fakemamba import __version__
from fakemamba.metrics.records import Record
from fakemamba.paper import durations, error_rates, scatter, timings
from fakemamba.paper.experiments import EXPERIMENTS, Experiment
from fakemamba.paper.layout import Cell, Grid, Section
from fakemamba.paper.study import Study
from fakemamba.report.page import page, safe, when
from fakemamba.train.folder import put, writing

if TYPE_CHECKING:
    from rich.console import RenderableType

BANNER = (
    "MINIATURE: tiny random systems on made-up audio. Every number here shows that the commands work and means nothing."
)
TITLE = "Fake-Mamba (arXiv 2508.09294): the paper's tables and figures"

_SECTIONS: dict[str, Callable[[Study, Experiment], Section]] = {
    "eer": error_rates.section,
    "duration": durations.section,
    "others": durations.beyond,
    "speed": timings.rtf,
    "forms": timings.scan,
    "maps": scatter.section,
}


@dataclass(frozen=True)
class Report(Record):
    """What there is of a study.

    Attributes:
        miniature: whether its numbers mean nothing. seeds: that were asked for.
        changes: of the released recipe. failures: cells that could not be made, a line each.
    """

    miniature: bool
    seeds: tuple[int, ...]
    changes: tuple[str, ...]
    failures: tuple[str, ...]
    version: str
    created: str
    sections: tuple[Section, ...]


def gather(study: Study, failures: Sequence[str] = (), *, now: datetime | None = None) -> Report:
    """Every experiment, empty where nothing was run."""
    sections = tuple(_SECTIONS[experiment.kind](study, experiment) for experiment in EXPERIMENTS.values())
    created = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    return Report(
        study.miniature, study.seeds, study.changes, tuple(failures), __version__, created, sections
    )  # fmt: skip


def write(study: Study, report: Report) -> None:
    """report.html, report.json and report.txt into the output folder, each whole or not at all."""
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO(), highlight=False, markup=False)
    for block in blocks(report):
        console.print(block)
    with writing(study.out):
        put(study.out / "report.json", json.dumps(report.to_dict(), indent=1, ensure_ascii=False) + "\n")
        put(study.out / "report.txt", console.export_text())
        put(study.out / "report.html", render(report))


def blocks(report: Report, names: Sequence[str] = ()) -> "Iterator[RenderableType]":
    """What to print of the named experiments (all if none is named), one thing after the other."""
    from rich.table import Table
    from rich.text import Text

    if report.miniature:
        yield Text(BANNER, style="bold red")
    for section in report.sections:
        if names and section.name not in names:
            continue
        yield Text(f"\n{section.title}  ({section.done} of {section.total} cells)", style="bold")
        for grid in section.grids:
            table = Table(title=grid.title, title_justify="left")
            for number, name in enumerate(_flat_head(grid)):
                table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
            for row in grid.rows:
                table.add_row(*(Text("\n".join((cell.text, *cell.below))) for cell in row))
            table.caption, table.caption_justify = "\n".join(grid.caption), "left"
            yield table
        for text in (*section.notes, *section.warnings, *(f"Computed on {name}" for name in section.machines)):
            yield Text(text)
    for text in report.failures:
        yield Text(f"not made: {text}", style="bold red")


def render(report: Report) -> str:
    """The whole page as one HTML document."""
    style = files("fakemamba.paper").joinpath("paper.css").read_text(encoding="utf-8")
    seeds = ", ".join(map(str, report.seeds))
    head = (
        f"<style>{style}</style><header><h1>{safe(TITLE)}</h1><p class='soft'>fakemamba {safe(report.version)} · "
        f"{safe(when(report.created))} · seeds {safe(seeds)}</p></header>"
    )
    parts = [head]
    if report.miniature:
        parts.append(f"<p class='banner'>{safe(BANNER)}</p>")
    if report.changes:
        parts.append(f"<p class='note'>Changed from the released recipe: {safe(', '.join(report.changes))}</p>")
    parts += [f'<p class="note error">Not made: {safe(text)}</p>' for text in report.failures]
    parts += [_section(section) for section in report.sections]
    return page(safe(TITLE), parts, media=True)


def _section(section: Section) -> str:
    parts = [f"<p class='soft'>{section.done} of {section.total} cells are there.</p>"]
    parts += [f"<p>{safe(text)}</p>" for text in section.about]
    parts += [f'<p class="note error">{safe(text)}</p>' for text in section.warnings]
    parts += [_grid(grid) for grid in section.grids]
    parts += _pictures(section)
    parts += [f'<p class="small soft">{safe(text)}</p>' for text in section.notes]
    parts += [f'<p class="small soft">Computed on: {safe(text)}</p>' for text in section.machines]
    return f"<section class='paper'><h2>{safe(section.title)}</h2>{''.join(parts)}</section>"


def _grid(grid: Grid) -> str:
    groups = "".join(f'<th class="group" colspan="{span}">{safe(text)}</th>' for text, span in grid.groups)
    above = f"<tr>{groups}</tr>" if grid.groups else ""
    head = "".join(_cell(cell, "th", number) for number, cell in enumerate(grid.head))
    body = "".join(
        f"<tr>{''.join(_cell(cell, 'td', number) for number, cell in enumerate(row))}</tr>" for row in grid.rows
    )
    notes = "".join(f'<p class="small soft">{safe(text)}</p>' for text in grid.caption)
    kind = "scroll" if len(grid.rows) > 30 else "wide"
    return (
        f"<h3>{safe(grid.title)}</h3><div class='{kind}'><table><thead>{above}<tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{notes}"
    )


def _cell(cell: Cell, tag: str, number: int) -> str:
    classes = ("num " if number else "") + ("" if cell.kind in ("words", "measured") else cell.kind)
    below = "".join(f"<small>{safe(text)}</small>" for text in cell.below if text)
    return f'<{tag} class="{classes.strip()}">{safe(cell.text)}{below}</{tag}>'


def _pictures(section: Section) -> list[str]:
    from fakemamba import plots

    if not section.pictures:
        return []
    if not plots.available():
        return ["<p class='note'>The figures are left out: run pip install 'fakemamba[plot]'</p>"]
    made = []
    for picture in section.pictures:
        data = base64.b64encode(plots.svg(picture.draw()).encode()).decode()
        source = f"data:image/svg+xml;base64,{data}"
        caption = safe(picture.caption)
        made.append(f'<figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>')
    return made


def _flat_head(grid: Grid) -> list[str]:
    """Group and column as one line, for the terminal."""
    groups = [text for text, span in grid.groups for _ in range(span)] or [""] * len(grid.head)
    return [f"{group}\n{cell.text}".strip() for group, cell in zip(groups, grid.head, strict=True)]
