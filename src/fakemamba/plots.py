"""Figures of error rates, readable on paper: every axis has its name and unit, no meaning hangs on colour alone.

Each function returns a matplotlib `Figure` made without pyplot, so nothing global changes and threads may draw;
`svg` and `save` turn it into a file. matplotlib is the extra `plot`.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import MissingExtraError
from fakemamba.metrics import Curve, Reliability, probit, wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by the colour-blind and in grey by their order and dashes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
_MARKERS = "osD^vP*"
_HATCHES = ("", "///", "...", "xxx", "---", "+++", "ooo")
GENUINE, SPOOF = COLOURS[0], COLOURS[1]
_WIDTH = 6.3  # inches: a text column
_STYLE: Any = {  # Any: its own type lists all 300 keys
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "fakemamba",  # the same figure gives the same bytes
}
_DET_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Series:
    """Values with their intervals over named places: one line or one set of bars.

    Attributes:
        name: for the legend.
        values: (n,) NaN where there is none.
        low, high: (n,) of the intervals, or None.
    """

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None


def available() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def det(curves: Mapping[str, Curve], *, title: str = "") -> "Figure":
    """Detection error trade-off on normal-deviate axes; the dotted diagonal holds the equal error rates.

    Args:
        curves: system -> `metrics.curve` of its trials.
        title: above the axes.
    """
    with _axes(height=5.2, title=title) as (figure, axes):
        every = np.concatenate([np.r_[c.p_miss, c.p_fa] for c in curves.values()])
        inside = every[(every > 0) & (every < 1)]
        low = max(5e-4, float(inside.min()) / 1.5) if inside.size else 0.01
        high = 0.6 if all(_eer_of(c) < 0.4 for c in curves.values()) else 0.9
        edge = probit([low, high])
        for k, (name, c) in enumerate(curves.items()):
            bounded = probit(np.clip([c.p_fa, c.p_miss], low / 10, 1 - 1e-4))
            axes.plot(*bounded, label=_shortened(name, 60), color=COLOURS[k % 7], linestyle=_DASHES[k % 7])
        axes.plot(edge, edge, color="#888888", linestyle=":", linewidth=1)
        ticks = [tick for tick in _DET_TICKS if low <= tick <= high]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(probit(ticks), [f"{100 * tick:g}" for tick in ticks])
        axes.set(xlim=edge, ylim=edge, aspect="equal")
        axes.set_xlabel("Spoofs accepted (false alarms), %")
        axes.set_ylabel("Bona fide clips rejected (misses), %")
        axes.legend(loc="best")
    return figure


def histogram(
    evidence: ArrayLike, labels: ArrayLike, *, threshold: float | None = None, scale: str = "score", title: str = ""
) -> "Figure":
    """How the scores of both classes are spread, each to an area of 1.

    Args:
        evidence: (n,) higher = more genuine. labels: (n,) 1 = bona fide, 0 = spoof.
        threshold: drawn as a line.
        scale: names the axis.
        title: above the axes.
    """
    values, genuine = np.asarray(evidence, dtype=np.float64), np.asarray(labels) == 1
    with _axes(height=3.0, title=title) as (figure, axes):
        classes = [values[keep] for keep in (genuine, ~genuine) if keep.any()]
        low = min(float(np.quantile(some, 0.002)) for some in classes)  # outliers must not squeeze the rest
        high = max(float(np.quantile(some, 0.998)) for some in classes)
        pad = 0.03 * (high - low) or 1.0
        edges = np.linspace(low - pad, high + pad, int(np.clip(np.sqrt(len(values)), 12, 60)) + 1)
        shown = np.clip(values, edges[0], edges[-1])
        for keep, name, colour, hatch in ((genuine, "bona fide", GENUINE, None), (~genuine, "spoofed", SPOOF, "////")):
            if keep.any():
                axes.hist(
                    shown[keep], edges, density=True, histtype="stepfilled", alpha=0.35, color=colour, hatch=hatch,
                    label=f"{name} ({int(keep.sum())})",
                )  # fmt: skip
                axes.hist(shown[keep], edges, density=True, histtype="step", color=colour, linewidth=1.2)
        if threshold is not None:
            axes.axvline(threshold, color="black", linestyle="--", linewidth=1.1, label=f"threshold {threshold:.3g}")
        axes.set_xlabel(f"{scale[:1].upper()}{scale[1:]} (higher = more genuine)")
        axes.set_ylabel("Density")
        axes.legend(loc="best")
    return figure


def lines(
    places: Sequence[str] | Sequence[float],
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    title: str = "",
    percent: bool = False,
) -> "Figure":
    """Lines with intervals over named or numbered places: rates over duration, speed over length.

    Args:
        places: (n,) names, at equal distances, or numbers.
        series: one line each.
        x, y: names of the axes, with units.
        title: above the axes.
        percent: fractions are shown in per cent.
    """
    with _axes(height=3.2, title=title) as (figure, axes):
        numbers = not isinstance(places[0], str)
        at = np.asarray(places, dtype=np.float64) if numbers else np.arange(len(places), dtype=np.float64)
        factor = 100 if percent else 1
        for k, one in enumerate(series):
            style = {"color": COLOURS[k % 7], "linestyle": _DASHES[k % 7], "marker": _MARKERS[k % 7], "markersize": 5}
            shift = 0.0 if numbers else 0.06 * (k - (len(series) - 1) / 2)
            values = factor * _floats(one.values)
            axes.errorbar(
                at + shift,
                values,
                yerr=_bars(one, factor),
                capsize=3,
                elinewidth=1,
                label=_shortened(one.name),
                **style,
            )
        if not numbers:
            axes.set_xticks(at, [str(place) for place in places])
            axes.margins(x=0.08)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if len(series) > 1:
            axes.legend(loc="best")
    return figure


def bars(names: Sequence[str], series: Sequence[Series], *, x: str, title: str = "", percent: bool = True) -> "Figure":
    """Horizontal bars with intervals, one group a name: rates by attack or language.

    Args:
        names: (n,) from top to bottom.
        series: one bar a name each.
        x: name of the axis, with its unit.
        title: above the axes.
        percent: fractions are shown in per cent.
    """
    with _axes(height=0.9 + 0.26 * max(4, len(names) * max(1, len(series) * 0.7)), title=title) as (figure, axes):
        factor, thick = (100 if percent else 1), 0.8 / len(series)
        at = np.arange(len(names), dtype=np.float64)
        for k, one in enumerate(series):
            look = {"color": COLOURS[k % 7], "hatch": _HATCHES[k % 7], "edgecolor": "white", "alpha": 0.8}
            axes.barh(
                at + (k - (len(series) - 1) / 2) * thick,
                factor * np.nan_to_num(_floats(one.values)),
                0.9 * thick,
                xerr=_bars(one, factor),
                error_kw={"elinewidth": 1, "capsize": 2},
                label=_shortened(one.name),
                **look,
            )
        axes.set_yticks(at, [_shortened(name) for name in names])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlim(left=0)
        axes.set_xlabel(x)
        if len(series) > 1:
            axes.legend(loc="best")
    return figure


def calibration(found: Reliability, *, title: str = "") -> "Figure":
    """Observed share of bona fide clips over the stated probability; on the diagonal the model keeps its word."""
    with _axes(height=3.9, title=title, rows=(3.0, 1.0)) as (figure, (axes, below)):
        filled = found.trials > 0
        axes.plot([0, 1], [0, 1], color="#888888", linestyle=":", linewidth=1, label="perfectly calibrated")
        n, p = found.trials[filled], found.observed[filled]
        edges = np.array([wilson(round(share * of), of) for share, of in zip(p.tolist(), n.tolist(), strict=True)]).T
        span = np.clip([p - edges[0], edges[1] - p], 0, None)
        axes.errorbar(
            found.stated[filled], p, yerr=span, color=GENUINE, marker="o", markersize=5, capsize=3, elinewidth=1,
            label="clips, with 95 % intervals",
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(-0.03, 1.03))
        axes.set_ylabel("Share that is bona fide")
        axes.legend(loc="upper left")
        below.bar((found.edges[:-1] + found.edges[1:]) / 2, found.trials, np.diff(found.edges) * 0.9, color="#888888")
        below.set(xlim=(0, 1))
        below.set_xlabel("Stated probability of bona fide")
        below.set_ylabel("Clips")
    return figure


def svg(figure: "Figure") -> str:
    """The figure as SVG text; the same figure gives the same text."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def save(figure: "Figure", path: Path) -> None:
    """Write a figure whole or not at all; the ending (.png .svg .pdf) says what it becomes."""
    import matplotlib as mpl

    partial = path.with_name(f".{path.name}.partial")
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    try:
        with mpl.rc_context(_STYLE):
            figure.savefig(
                partial, format=path.suffix.removeprefix(".") or "png", dpi=150, metadata=dates.get(path.suffix.lower())
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _axes(*, height: float, title: str, rows: tuple[float, ...] = ()) -> Iterator[tuple["Figure", Any]]:
    """A figure of a text column's width with one axes, or one under the other with heights in these proportions."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing plots", "plot") from error
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes: Any
        if rows:
            axes = figure.subplots(len(rows), 1, sharex=True, gridspec_kw={"height_ratios": rows})
        else:
            axes = figure.subplots()
        if title:
            (axes[0] if rows else axes).set_title(title, loc="left")
        yield figure, axes


def _eer_of(curve: Curve) -> float:
    at = int(np.argmin(np.abs(curve.p_miss - curve.p_fa)))
    return float(curve.p_miss[at] + curve.p_fa[at]) / 2


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _bars(series: Series, factor: int) -> NDArray[np.float64] | None:
    """(2, n) lengths of the error bars, NaN where there is none: a bar of no length would claim certainty."""
    if series.low is None or series.high is None:
        return None
    values = _floats(series.values)
    spans = np.stack([values - _floats(series.low), _floats(series.high) - values])  # (2, n)
    return factor * np.clip(spans, 0, None)


def _shortened(name: str, longest: int = 34) -> str:
    plain = "".join(letter if letter.isprintable() else "?" for letter in name).replace("$", r"\$")
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
