"""What was measured, as tables: for the terminal, as Markdown, and all of it as JSON."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fakemamba.bench.backends import ENGINES, backend
from fakemamba.bench.plan import duration_words
from fakemamba.bench.records import FORMAT, Cell, Reference, Skip, Timing
from fakemamba.bench.store import machine_words
from fakemamba.bench.subjects import ENCODERS, WHOLE

_HOW = {
    "pass": "whole clips in one pass of the model",
    "windows": "whole recordings, from the file to the verdict",
}
_ORDER = list(ENGINES)
NOTES = (
    "RTF: time over the audio's duration; below 1 is faster than it plays. p50, p95, p99: of the calls, after warm-up.",
    "Audio/s: seconds of audio in a second. Memory: the most that a fresh process needed, libraries included.",
    "Faster: times faster than the reference for a second of audio, both measured in turns; median of the rounds, in "
    "brackets the middle half of them. Score: how far its scores are from the reference's, at most.",
)
RANDOM_NOTE = "Random weights cost what trained ones cost; their scores mean nothing."


@dataclass(frozen=True)
class Table:
    """Texts: a title, names of the columns, and rows as wide."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def document(
    machine: dict[str, Any], settings: dict[str, Any], cells: Sequence[Cell], skipped: Sequence[Skip]
) -> dict[str, Any]:
    """Everything, ready for JSON."""
    return {
        "format": FORMAT,
        "machine": machine,
        "settings": settings,
        "cells": [cell.model_dump(mode="json") for cell in in_order(cells)],
        "skipped": [skip.model_dump(mode="json") for skip in skipped],
    }


def tables(cells: Sequence[Cell]) -> list[Table]:
    """One for each model and way of calling it, and one for the encoders."""
    ordered = in_order(cells)
    found = []
    for (model, how), some in groupby((c for c in ordered if c.how != "encoder"), lambda c: (c.model, c.how)):
        own = list(some)
        found.append(_table(f"{model}{' (random weights)' if own[0].random_weights else ''}: {_HOW[how]}", own))
    for whole in (False, True):
        encoders = [c for c in ordered if c.how == "encoder" and is_whole(c) == whole]
        if encoders:
            found.append(_encoders(encoders, whole=whole))
    return found


def notes(cells: Sequence[Cell], machine: dict[str, Any], skipped: Iterable[Skip]) -> list[str]:
    """How to read the tables, what measured, and what is missing."""
    found = [f"QUICK: too few calls to mean anything. {RANDOM_NOTE}"] if machine["quick"] else []
    if not machine["quick"] and any(cell.random_weights for cell in cells):
        found.append(RANDOM_NOTE)
    found += _shares(cells)
    found += [*NOTES, f"Machine: {machine_words(machine)}."]
    return found + [f"Not measured: {skip.model}, {skip.backend}, {skip.size}: {skip.reason}." for skip in skipped]


def _shares(cells: Sequence[Cell]) -> list[str]:
    """How much of the time with XLS-R the encoder alone takes, where both were measured."""
    alone = {(c.model, c.backend, c.point): c.timing.p50 for c in cells if c.how == "encoder" and not is_whole(c)}
    found: dict[tuple[str, str], list[str]] = {}
    for cell in in_order(cells):
        model = cell.model.removeprefix(WHOLE)
        if is_whole(cell) and (model, cell.backend, cell.point) in alone:
            share = alone[model, cell.backend, cell.point] / cell.timing.p50
            found.setdefault((model, cell.backend), []).append(f"{share:.1%} at {duration_words(cell.seconds)}")
    return [
        f"Share of {model} ({backend(name).title}) in the time with XLS-R: {', '.join(shares)}."
        for (model, name), shares in found.items()
    ]


def markdown(cells: Sequence[Cell], machine: dict[str, Any], skipped: Iterable[Skip]) -> str:
    """The tables and notes for a document."""
    blocks = []
    for table in tables(cells):
        rule = ["---" if k == 0 else "---:" for k in range(len(table.head))]
        lines = [table.head, rule, *table.rows]
        blocks.append("\n".join([f"**{table.title}**", "", *(f"| {' | '.join(row)} |" for row in lines)]))
    return "\n\n".join([*blocks, *notes(cells, machine, skipped)]) + "\n"


def as_json(found: dict[str, Any]) -> str:
    """Text of a document."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """By model, way, size and back-end; encoders as in the figure."""
    encoders = list(ENCODERS.values())

    def key(cell: Cell) -> tuple[Any, ...]:
        plain = cell.model.removeprefix(WHOLE)
        place = encoders.index(plain) if cell.how == "encoder" and plain in encoders else 0
        chosen = backend(cell.backend)
        engine = next(name for name, one in ENGINES.items() if one is chosen.engine)
        return (
            place, cell.model, cell.how, cell.seconds, cell.batch, cell.threads,
            _ORDER.index(engine), chosen.scan == "auto", chosen.name,
        )  # fmt: skip

    return sorted(cells, key=key)


def is_whole(cell: Cell) -> bool:
    """Whether an encoder was measured with its front-end."""
    return cell.how == "encoder" and cell.model.startswith(WHOLE)


def _table(title: str, cells: list[Cell]) -> Table:
    columns: dict[str, Callable[[Timing], str]] = {
        "RTF": lambda t: f"{t.rtf:.3g}",
        "p50 ms": lambda t: _ms(t.p50),
        "p95 ms": lambda t: _ms(t.p95),
        "p99 ms": lambda t: _ms(t.p99),
        "audio/s": lambda t: f"{t.throughput:.3g}",
        "memory MB": lambda t: "" if t.peak_mb is None else f"{t.peak_mb:.0f}",
    }
    if any(cell.timing.gpu_peak_mb for cell in cells):
        columns["GPU MB"] = lambda t: "" if t.gpu_peak_mb is None else f"{t.gpu_peak_mb:.0f}"
    if any(cell.timing.joules is not None for cell in cells):
        columns["J/s of audio"] = lambda t: "" if t.joules is None else f"{t.joules:.3g}"
    rows: list[tuple[str, ...]] = []
    for point, some in groupby(cells, lambda cell: cell.point):
        own = list(some)
        size = (duration_words(point.seconds), str(point.batch), str(point.threads))
        first = next((cell.reference for cell in own if cell.reference is not None), None)
        if first is not None:
            rows.append((*size, _reference_title(first), *(show(first.timing) for show in columns.values()), "1", ""))
        for cell in own:
            shown = tuple(show(cell.timing) for show in columns.values())
            rows.append((*size, _title(cell), *shown, *_against(cell.reference)))
    return Table(title, ("clip", "batch", "threads", "back-end", *columns, "faster", "score"), tuple(rows))


def _encoders(cells: list[Cell], *, whole: bool) -> Table:
    """A row an encoder, a column a duration."""
    places = sorted({cell.seconds for cell in cells})
    rows = []
    for model, some in groupby(cells, lambda cell: cell.model):
        own = {cell.seconds: cell for cell in some}
        count = next(iter(own.values())).parameters
        size = "" if count is None else f"{count / 1e6:.2f} M"
        rows.append((model, size, *(_rtf_and_ratio(own.get(place)) for place in places)))
    references = {cell.seconds: cell.reference for cell in cells if cell.reference is not None}
    if references:
        shown = [f"{references[place].timing.rtf:.3g}" if place in references else "" for place in places]
        rows.append((f"{cells[0].model}, scan step by step (reference)", "", *shown))
    title = "Encoders with XLS-R" if whole else "Encoders alone (projection, encoder, pooling, head)"
    threads = "1 thread" if cells[0].threads == 1 else f"{cells[0].threads} threads"
    head = ("encoder", "parameters", *(duration_words(place) for place in places))
    return Table(f"{title}: real-time factor by the clip's duration, random weights, {threads}", head, tuple(rows))


def _rtf_and_ratio(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return f"{cell.timing.rtf:.3g}" + ("" if cell.reference is None else f" ({cell.reference.ratio:.3g}x)")


def _title(cell: Cell) -> str:
    name = backend(cell.backend).title
    kernel = {"cpu": "Numba", "triton": "Triton"}.get(cell.scan or "", cell.scan)
    return (
        f"{name}, scan {kernel}" if backend(cell.backend).scan == "auto" and cell.scan not in (None, "onnx") else name
    )


def _reference_title(reference: Reference) -> str:
    one = backend(reference.backend)
    threads = ", 1 thread" if one.engine.runs == "onnx" else ""
    return f"reference: {one.title}{threads}"


def _against(reference: Reference | None) -> tuple[str, str]:
    if reference is None:
        return "", ""
    gap = reference.score_difference
    faster = f"{reference.ratio:.3g} ({reference.low:.3g}–{reference.high:.3g})"
    return faster, "" if gap is None else f"{gap:.1g}"


def _ms(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"
