"""The plots of a run, by file name; matplotlib is the extra `plot`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fakemamba import plots
from fakemamba.bench.backends import backend
from fakemamba.bench.records import Cell, Timing
from fakemamba.bench.report import in_order, is_whole
from fakemamba.bench.subjects import WHOLE
from fakemamba.paper.figures import beside, make_logarithmic, times_figure, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REFERENCE = "reference"


def pictures(cells: Sequence[Cell], *, quick: bool) -> "dict[str, Figure]":
    """Every plot that the cells allow; MissingExtraError without matplotlib."""
    found: dict[str, Figure] = {}
    ordered = in_order(cells)
    for model in dict.fromkeys(cell.model for cell in ordered if cell.how != "encoder"):
        own = [cell for cell in ordered if cell.model == model and cell.how != "encoder"]
        name = "".join(
            letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in model
        )
        title = model + (" (random weights)" if own[0].random_weights else "")
        for kind, figure in _of_model(_base(own), title, quick=quick):
            found[f"{kind}-{name}.png"] = figure
    for whole in (False, True):
        encoders = [cell for cell in ordered if cell.how == "encoder" and is_whole(cell) == whole]
        if len({cell.seconds for cell in encoders}) > 1:
            found["encoders-with-xls-r.png" if whole else "encoders.png"] = _encoders(
                encoders, whole=whole, quick=quick
            )
    return found


def _base(cells: Sequence[Cell]) -> list[Cell]:
    """One batch size and thread count, so that only duration and back-end vary: the smallest, the most."""
    batch, threads = min(cell.batch for cell in cells), max(cell.threads for cell in cells)
    return [cell for cell in cells if (cell.batch, cell.threads) == (batch, threads)]


def _of_model(cells: list[Cell], title: str, *, quick: bool) -> "Iterable[tuple[str, Figure]]":
    for how, kind, said in (("pass", "rtf", "whole clips"), ("windows", "recordings", "file to verdict")):
        own = [cell for cell in cells if cell.how == how]
        places = sorted({cell.seconds for cell in own})
        if len(places) > 1:
            yield (
                kind,
                times_figure(
                    places, _lines(own, places, _factor), x="Duration, s", y="Time / duration",
                    title=f"Real-time factor of {title}, {said}", miniature=quick, logarithmic=True,
                ),
            )  # fmt: skip
    places = sorted({cell.seconds for cell in cells})
    if len(places) > 1 and all(cell.timing.peak_mb is not None for cell in cells):
        yield "memory", _memory(cells, places, title, quick=quick)
    middle = [cell for cell in cells if cell.how == "pass" and cell.reference is not None]
    if middle:
        yield "faster", _faster(middle, title, quick=quick)


def _faster(cells: list[Cell], title: str, *, quick: bool) -> "Figure":
    """Ratios at the duration that most back-ends share, nearest to the usual window."""
    seconds = min({cell.seconds for cell in cells}, key=lambda value: abs(value - 4.175))
    shown = [cell for cell in cells if cell.seconds == seconds]
    values = [cell.reference for cell in shown if cell.reference is not None]
    series = plots.Series("", [one.ratio for one in values], [one.low for one in values], [one.high for one in values])
    names = [_name(cell) for cell in shown]
    figure = plots.bars(
        names, [series], percent=False, x="Times faster than the reference (line: the middle half of the rounds)",
        title=titled(f"{title}, {shown[0].point.words()}", miniature=quick),
    )  # fmt: skip
    figure.axes[0].axvline(1, color="black", linewidth=1, linestyle=":")
    return figure


def _encoders(cells: list[Cell], *, whole: bool, quick: bool) -> "Figure":
    places = sorted({cell.seconds for cell in cells})
    lines = {}
    for model in dict.fromkeys(cell.model for cell in cells):
        own = {cell.seconds: cell.timing for cell in cells if cell.model == model}
        lines[model.removeprefix(WHOLE)] = [_factor(own[place]) if place in own else None for place in places]
    with_front = "with XLS-R" if whole else "alone"
    return times_figure(
        places, lines, x="Duration of the clip, s", y="Time / duration",
        title=f"Real-time factor of the encoders {with_front}, random weights", miniature=quick, logarithmic=True,
    )  # fmt: skip


def _lines(
    cells: list[Cell], places: Sequence[float], value: Callable[[Timing], Mapping[str, float]]
) -> dict[str, list[Mapping[str, float] | None]]:
    """The reference, then each back-end."""
    found: dict[str, list[Mapping[str, float] | None]] = {}
    references = {cell.seconds: cell.reference.timing for cell in cells if cell.reference is not None}
    if references:
        found[_REFERENCE] = [value(references[place]) if place in references else None for place in places]
    for name in dict.fromkeys(_name(cell) for cell in cells):
        own = {cell.seconds: cell.timing for cell in cells if _name(cell) == name}
        found[name] = [value(own[place]) if place in own else None for place in places]
    return found


def _name(cell: Cell) -> str:
    return backend(cell.backend).title


def _factor(timing: Timing) -> dict[str, float]:
    scale = timing.rtf / timing.p50  # so that the batch counts too
    return {"p5": timing.p5 * scale, "median": timing.rtf, "p95": timing.p95 * scale}


def _memory(cells: list[Cell], places: Sequence[float], title: str, *, quick: bool) -> "Figure":
    """Measured once a process, so without intervals."""
    series = [
        plots.Series(name, [None if value is None else value["peak"] for value in values])
        for name, values in _lines(cells, places, lambda timing: {"peak": timing.peak_mb or 0.0}).items()
    ]
    title = titled(f"Memory of a process with {title}", miniature=quick)
    figure = plots.lines(places, series, x="Duration, s", y="Peak memory, MB", title=title)
    make_logarithmic(figure, places, [value for one in series for value in one.values if value])
    return beside(figure)
