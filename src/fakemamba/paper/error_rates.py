"""Tables I to III, and XLS-R against from scratch: error rates of systems on three corpora by two protocols."""

from statistics import mean
from typing import Any

from fakemamba.paper.experiments import PROTOCOLS, Experiment, Start
from fakemamba.paper.figures import rates_figure
from fakemamba.paper.layout import (
    NOT_HELD,
    UNKNOWN,
    Cell,
    Footnotes,
    Grid,
    Picture,
    Section,
    words,
)
from fakemamba.paper.plan import cells_of, scored
from fakemamba.paper.published import EERS, ELSEWHERE, GROWTH
from fakemamba.paper.rates import COUNT_WORDS, SOURCE_WORDS, TITLES, found, how, overall, published_cell
from fakemamba.paper.study import Study
from fakemamba.paper.systems import SYSTEMS

STARTS: dict[Start, str] = {
    "xls-r": "from XLS-R's weights",
    "scratch": "from scratch, learning rate as released (1e-6)",
    "scratch-fast": "from scratch, learning rate 1e-4",
}
PROTOCOL_WORDS = (
    "Protocols: fixed takes the first 4.175 s of each clip, short ones repeated; whole takes each clip in one pass. "
    "2021 LA is answered by the training with RawBoost 5, 2021 DF and In-the-Wild by the one with RawBoost 3; both "
    "start from the same XLS-R."
)

Row = tuple[str, Start, str]  # system, start, title


def section(study: Study, experiment: Experiment) -> Section:
    """One table with its pictures."""
    rows = _rows(experiment)
    cells = {row: _measured(study, row, experiment.corpora) for row in rows}
    done = found(study, [cell for cell in cells_of(study, experiment)])  # type: ignore[misc]
    notes, warnings, machines = how(study, done)
    grids = [_rates(experiment, rows, cells)]
    if experiment.name == "table3":
        grids.append(_growth(experiment, rows, cells))
    return Section(
        name=experiment.name,
        title=experiment.title,
        done=len(done),
        total=len(cells_of(study, experiment)),
        about=(experiment.about, PROTOCOL_WORDS),
        grids=tuple(grids),
        pictures=_pictures(study, experiment, rows, cells),
        notes=notes,
        warnings=warnings,
        machines=machines,
    )


def _rows(experiment: Experiment) -> list[Row]:
    if len(experiment.starts) > 1:
        return [
            (s, start, f"{SYSTEMS[s].title}, {STARTS[start]}")
            for s in experiment.systems
            for start in experiment.starts
        ]
    return [(s, experiment.starts[0], SYSTEMS[s].title) for s in experiment.systems]


def _measured(study: Study, row: Row, corpora: tuple[str, ...]) -> dict[tuple[str, str], Cell]:
    """(corpus, protocol) -> cell."""
    made: dict[tuple[str, str], Cell] = {}
    for corpus in corpora:
        for protocol in PROTOCOLS:
            cells = [cell for cell in scored(study, row[0], row[1], corpus) if cell.protocol == protocol]
            made[corpus, protocol] = overall(found(study, cells), len(study.seeds))
    return made


def _rates(experiment: Experiment, rows: list[Row], cells: dict[Row, dict[tuple[str, str], Cell]]) -> Grid:
    notes = Footnotes()
    corpora = experiment.corpora
    lines = []
    for row in rows:
        line = [words(row[2])]
        for corpus in corpora:
            line += [cells[row][corpus, protocol] for protocol in PROTOCOLS]
            line.append(published_cell(row[0], corpus, notes) if row[1] == "xls-r" else UNKNOWN)
        lines.append(tuple(line))
    if experiment.name == "table1":
        for name, title in ELSEWHERE.items():
            line = [words(title)]
            for corpus in corpora:
                line += [NOT_HELD, NOT_HELD, published_cell(name, corpus, notes)]
            lines.append(tuple(line))
    head = [words("system")] + [words(text) for _ in corpora for text in (*PROTOCOLS, "published")]
    groups = (("", 1), *((TITLES[corpus], len(PROTOCOLS) + 1) for corpus in corpora))
    return Grid("Equal error rate, %", tuple(head), tuple(lines), groups, (COUNT_WORDS, SOURCE_WORDS, *notes.lines()))


def _growth(experiment: Experiment, rows: list[Row], cells: dict[Row, dict[tuple[str, str], Cell]]) -> Grid:
    """How much worse than the whole system, relative to its EER."""
    base = cells[rows[0]]
    lines = []
    for row in rows[1:]:
        line = [words(row[2])]
        for corpus in experiment.corpora:
            line += [_grown(cells[row][corpus, protocol], base[corpus, protocol]) for protocol in PROTOCOLS]
        known = GROWTH.get(row[0])
        line.append(
            UNKNOWN
            if known is None
            else Cell(f"{known.note} +{known.text}".strip(), (known.source,), "published", known.to_dict())
        )
        lines.append(tuple(line))
    head = [words("system")] + [words(text) for _ in experiment.corpora for text in PROTOCOLS] + [words("published")]
    groups = (("", 1), *((TITLES[corpus], len(PROTOCOLS)) for corpus in experiment.corpora), ("corpus not known", 1))
    about = f"Positive is worse than {rows[0][2]}; of the means over seeds."
    return Grid("Relative growth of the error, %", tuple(head), tuple(lines), groups, (about,))


def _grown(cell: Cell, base: Cell) -> Cell:
    if cell.kind == "empty" or base.kind == "empty":
        return Cell("not run", kind="empty")
    before, after = mean(base.data["eer"]), mean(cell.data["eer"])
    if before == 0:
        return words("–", "no error to grow")
    growth = 100 * (after / before - 1)
    return Cell(f"{growth:+.1f}", data={"growth": growth})


def _pictures(
    study: Study, experiment: Experiment, rows: list[Row], cells: dict[Row, dict[tuple[str, str], Cell]]
) -> tuple[Picture, ...]:
    """Bars by system for each corpus of which something was measured."""
    made = []
    for corpus in experiment.corpora:
        if not any(cells[row][corpus, protocol].kind == "measured" for row in rows for protocol in PROTOCOLS):
            continue
        names = [row[2] for row in rows]
        series: dict[str, list[dict[str, Any]]] = {
            protocol: [cells[row][corpus, protocol].data for row in rows] for protocol in PROTOCOLS
        }
        known = [EERS.get((row[0], corpus), ()) if row[1] == "xls-r" else () for row in rows]
        values = [one[0].value if one else None for one in known]
        title = f"{TITLES[corpus]}"
        made.append(
            Picture(
                f"{experiment.name}-{corpus}",
                f"{experiment.title}, {title}. Bars: measured, with the 95 % bootstrap interval (one seed) or "
                "the range of the seeds; diamonds: published.",
                lambda names=names, series=series, values=values, title=title: rates_figure(  # type: ignore[misc]
                    names, series, values, title=title, miniature=study.miniature
                ),
            )
        )
    return tuple(made)
