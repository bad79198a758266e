"""The paper's figures on top of `fakemamba.plots`; those of a miniature say so."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from fakemamba import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARK = "MINIATURE: the numbers mean nothing"


def titled(text: str, *, miniature: bool) -> str:
    """With the warning where it is due."""
    return f"{text}\n{_MARK}" if miniature else text


def rates_figure(
    names: Sequence[str],
    series: Mapping[str, Sequence[Mapping[str, Any]]],
    published: Sequence[float | None],
    *,
    title: str,
    miniature: bool,
) -> "Figure":
    """Bars of error rates with published values as diamonds.

    Args:
        names: (n,) systems. series: protocol -> (n,) data of rate cells, {} where nothing was run.
        published: (n,) EER in per cent, or None.
    """
    drawn = [plots.Series(name, *_values(cells)) for name, cells in series.items()]
    figure = plots.bars(names, drawn, x="Equal error rate, %", title=titled(title, miniature=miniature), percent=False)
    axes = figure.axes[0]
    at = [k for k, value in enumerate(published) if value is not None]
    if at:
        axes.plot(
            [value for value in published if value is not None],
            at,
            "D",
            color="black",
            markerfacecolor="white",
            label="published",
            zorder=5,
        )
    for k, _ in enumerate(names):  # an empty place is not a zero
        if all(not cells[k] for cells in series.values()):
            axes.annotate(" not run", (0, k), va="center", color="#777777", fontsize=8)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def durations_figure(
    places: Sequence[str], lines: Mapping[str, Sequence[Mapping[str, Any]]], *, title: str, miniature: bool
) -> "Figure":
    """Error rates over the duration of the clip, a line a system."""
    drawn = [plots.Series(name, *_values(cells)) for name, cells in lines.items()]
    figure = plots.lines(
        places, drawn, x="Duration of the clip (bona fide / spoofed clips)", y="Equal error rate, %",
        title=titled(title, miniature=miniature),
    )  # fmt: skip
    return beside(figure)


def times_figure(
    places: Sequence[float],
    lines: Mapping[str, Sequence[Mapping[str, float] | None]],
    *,
    x: str,
    y: str,
    title: str,
    miniature: bool,
    logarithmic: bool = False,
) -> "Figure":
    """Medians with 5 % to 95 % of the repeats, a line a system; each value is {median, p5, p95}, None where none is."""
    drawn = [
        plots.Series(name, *([None if v is None else v[key] for v in values] for key in ("median", "p5", "p95")))
        for name, values in lines.items()
    ]
    figure = plots.lines(places, drawn, x=x, y=y, title=titled(title, miniature=miniature))
    if logarithmic:
        every = [v[key] for values in lines.values() for v in values if v for key in ("p5", "p95")]
        make_logarithmic(figure, places, every)
    return beside(figure)


def make_logarithmic(figure: "Figure", places: Sequence[float], values: Sequence[float]) -> None:
    """Both axes of a figure of lines; each place gets its tick, the values ticks at 1, 2, 5, 10, ... as plain numbers.

    Args:
        figure: of `plots.lines`.
        places: (n,) above zero. values: all that is drawn, above zero.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes = figure.axes[0]
    axes.set(xscale="log", yscale="log", ylim=(min(values) / 1.5, max(values) * 1.5))
    axes.set_xticks(list(places), [f"{place:.2g}" if place < 10 else f"{place:g}" for place in places])
    axes.xaxis.set_minor_locator(NullLocator())
    steps = (1, 2, 5) if max(values) < 1e3 * min(values) else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def map_figure(
    points: Sequence[Sequence[float]], labels: Sequence[int], *, title: str, method: str, miniature: bool
) -> "Figure":
    """Clips in the plane, the classes told apart by colour and by shape."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.titlesize": 10, "legend.frameon": False}):
        figure = Figure(figsize=(5.2, 4.6), layout="constrained")
        axes = figure.subplots()
        at, genuine = np.asarray(points, dtype=np.float64), np.asarray(labels) == 1
        kinds = ((~genuine, "spoofed", plots.SPOOF, "x"), (genuine, "bona fide", plots.GENUINE, "o"))
        for keep, name, colour, marker in kinds:
            style: dict[str, Any] = {"facecolors": "none", "edgecolors": colour} if marker == "o" else {"color": colour}
            count = int(keep.sum())
            axes.scatter(
                at[keep, 0], at[keep, 1], s=16, marker=marker, linewidths=0.8, label=f"{name} ({count} clips)", **style
            )
        axes.set_title(titled(title, miniature=miniature), loc="left")
        axes.set(xlabel=f"{method} 1 (no unit)", ylabel=f"{method} 2 (no unit)", xticks=[], yticks=[])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    return figure


def _values(
    cells: Sequence[Mapping[str, Any]],
) -> tuple[list[float | None], list[float | None], list[float | None]]:
    """Middle, low and high of rate cells: the interval with one seed, else the seeds' range."""
    middle: list[float | None] = []
    low: list[float | None] = []
    high: list[float | None] = []
    for cell in cells:
        rates = cell.get("eer")
        if not rates:
            for side in (middle, low, high):
                side.append(None)
            continue
        span = cell.get("interval") if len(rates) == 1 else (min(rates), max(rates))
        middle.append(mean(rates))
        low.append(None if span is None else span[0])
        high.append(None if span is None else span[1])
    return middle, low, high


def beside(figure: "Figure") -> "Figure":
    """The legend out of the curves' way."""
    axes = figure.axes[0]
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
