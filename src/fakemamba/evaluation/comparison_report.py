"""A comparison for the terminal and as a web page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fakemamba.evaluation.comparison import ALPHA, Pair, Part, SystemsCompared
from fakemamba.evaluation.html_report import NO_PLOTS, notes, pictures_of, section
from fakemamba.evaluation.text_report import grid
from fakemamba.evaluation.words import METRIC_NAMES, RATES, TITLES, decimal, percent, value_of
from fakemamba.metrics import curve
from fakemamba.report.document import printable
from fakemamba.report.page import page, safe, table, when

if TYPE_CHECKING:
    from rich.console import RenderableType

_PAIR_HEAD = ("pair", "difference", "95 % interval", "p", "p corrected", "beyond chance")


def blocks(compared: SystemsCompared) -> "Iterator[RenderableType]":
    """What to print, one thing after the other."""
    yield Text(printable(f"{len(compared.systems)} systems on {compared.dataset}"), style="bold")
    yield Text(_counts(compared))
    yield grid("", *_few(*_systems(compared)))
    pairs = grid("Pairs", _PAIR_HEAD, [_pair(compared, pair) for pair in compared.pairs], told=True)
    yield _captioned(pairs, _method(compared))
    for column, parts in compared.groups.items():
        head, rows = _parts(compared, parts)
        yield grid(f"{TITLES.get(column, f'By {column}')}: {_unit(compared)}", head, rows, told=True)


def render(compared: SystemsCompared) -> str:
    """The whole page as one HTML document."""
    title = safe(f"{', '.join(system.name for system in compared.systems)} on {compared.dataset}")
    head, rows = _systems(compared)
    body = [
        f"<header><h1>{title}</h1><p class='soft'>Comparison · fakemamba {safe(compared.version)} · "
        f"{safe(when(compared.created))}</p></header>",
        section(
            "Systems, best first",
            f"<p>{safe(_counts(compared))}</p>",
            notes(compared.warnings, compared.notes),
            table(head, rows),
        ),
        section(
            "Are the differences beyond chance?",
            table(_PAIR_HEAD, [_pair(compared, pair) for pair in compared.pairs]),
            f'<p class="small soft">{safe(_method(compared))}</p>',
        ),
        _plots(compared),
    ]
    for column, parts in compared.groups.items():
        head, rows = _parts(compared, parts)
        name = f"{TITLES.get(column, f'By {column}')}: {_unit(compared)}"
        body.append(section(name, table(head, rows, scroll=len(rows) > 15)))
    return page(title, body, media=True)


def _plots(compared: SystemsCompared) -> str:
    from fakemamba import plots

    if not plots.available():
        return section("Plots", notes((), [NO_PLOTS]))
    curves = {
        f"{system.name}, EER {system.summary.eer:.2%}": curve(compared.evidence[system.name], compared.labels)
        for system in compared.systems
    }
    drawn = {"det": (plots.svg(plots.det(curves)), "Detection error trade-off; nearer to the lower left is better.")}
    for column, parts in compared.groups.items():
        shown = [part for part in parts if None not in part.values]
        if 1 < len(shown) <= 20 and compared.metric in RATES:
            series = [
                plots.Series(system.name, [part.values[k] for part in shown])
                for k, system in enumerate(compared.systems)
            ]
            figure = plots.bars([part.name for part in shown], series, x=_unit(compared))
            drawn[column] = (plots.svg(figure), f"{METRIC_NAMES[compared.metric]} by {column}.")
    return section("Plots", pictures_of(drawn))


def _systems(compared: SystemsCompared) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head = ("system", "EER %", "minDCF", "actDCF", "Cllr", "minCllr", "AUC", f"{_unit(compared)}, 95 % interval")
    rows = []
    for system in compared.systems:
        s, sure = system.summary, system.interval
        span = f"{value_of(compared.metric, sure.low)} – {value_of(compared.metric, sure.high)}"
        numbers = (decimal(value) for value in (s.min_dcf, s.act_dcf, s.cllr, s.min_cllr, s.auc))
        rows.append((system.name, percent(s.eer, 3), *numbers, span))
    return head, rows


def _few(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Without actDCF and AUC, for which a terminal is too narrow."""
    kept = [k for k, name in enumerate(head) if name not in ("actDCF", "AUC")]
    return tuple(head[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]


def _pair(compared: SystemsCompared, pair: Pair) -> tuple[str, ...]:
    found = pair.comparison
    gap, low, high = (_signed(compared, value) for value in (found.difference, found.low, found.high))
    sure = "yes" if pair.significant else "no"
    p_values = (f"{found.p_value:.3g}", f"{pair.p_corrected:.3g}")
    return (f"{pair.first} – {pair.second}", gap, f"{low} to {high}", *p_values, sure)


def _parts(compared: SystemsCompared, parts: tuple[Part, ...]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    names = tuple(system.name for system in compared.systems)
    head = ("", "bona fide", "spoofed", *names, "beyond chance")
    rows = []
    for part in parts:
        values = ("–" if value is None else value_of(compared.metric, value) for value in part.values)
        found = "; ".join(_verdict(compared, pair) for pair in part.pairs if pair.significant)
        told = found or ("none" if part.pairs else "too few clips")
        rows.append((part.name, str(part.n_bonafide), str(part.n_spoof), *values, told))
    return head, rows


def _verdict(compared: SystemsCompared, pair: Pair) -> str:
    better_is_less = compared.metric != "auc"
    first = (pair.comparison.difference < 0) == better_is_less
    better, worse = (pair.first, pair.second) if first else (pair.second, pair.first)
    return f"{better} before {worse}"


def _signed(compared: SystemsCompared, value: float) -> str:
    return f"{100 * value:+.3f}" if compared.metric in RATES else f"{value:+.4f}"


def _unit(compared: SystemsCompared) -> str:
    return METRIC_NAMES[compared.metric] + (", %" if compared.metric in RATES else "")


def _counts(compared: SystemsCompared) -> str:
    return f"{compared.n_bonafide} bona fide and {compared.n_spoof} spoofed clips that every system scored"


def _method(compared: SystemsCompared) -> str:
    found = compared.pairs[0].comparison
    drawn = "clips" if found.clusters is None else f"{found.clusters} speakers"
    return (
        f"Difference of {_unit(compared)}, by paired bootstrap: {found.resamples} resamples of {drawn}, the same for "
        f"every system. The p-values are corrected for their number (Holm); beyond chance: corrected p < {ALPHA:g}. "
        "By group the correction counts all tests of the column."
    )


def _captioned(found: Table, caption: str) -> Table:
    found.caption, found.caption_justify = caption, "left"
    return found
