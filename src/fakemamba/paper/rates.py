"""Equal error rates as cells: over seeds, with intervals, counts, and the published value beside."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from fakemamba.paper.layout import NOT_RUN, UNKNOWN, Cell, Footnotes
from fakemamba.paper.machine import words as machine_words
from fakemamba.paper.published import DF, EERS, LA, SOURCES, WILD
from fakemamba.paper.scoring import Scored
from fakemamba.paper.study import Study

TITLES = {LA: "ASVspoof 2021 LA, subset eval", DF: "ASVspoof 2021 DF, subset eval", WILD: "In-the-Wild, all clips"}


def thousands(count: int) -> str:
    """148 176 with thin spaces."""
    return f"{count:,}".replace(",", "\u202f")


def counts(bonafide: int, spoof: int) -> str:
    """Trials under a rate: bona fide / spoofed."""
    return f"{thousands(bonafide)} / {thousands(spoof)}"


def found(study: Study, cells: Sequence[Scored]) -> list[dict[str, Any]]:
    """What was written of those that are there."""
    return [numbers for cell in cells if (numbers := cell.numbers(study)) is not None]


def rate_cell(
    values: Sequence[float], trials: tuple[int, int], asked: int, interval: tuple[float, float] | None
) -> Cell:
    """One EER over seeds.

    Args:
        values: fractions, one a seed. trials: bona fide, spoofed of each.
        asked: seeds that there shall be.
        interval: by bootstrap; shown with one seed alone.
    """
    rates = [100 * value for value in values]
    data = {"eer": rates, "bonafide": trials[0], "spoof": trials[1]}
    if len(rates) == 1:
        text = f"{rates[0]:.2f}"
        lines = [] if interval is None else [f"{100 * interval[0]:.2f} – {100 * interval[1]:.2f}"]
        data["interval"] = None if interval is None else [100 * bound for bound in interval]
    else:
        text = f"{mean(rates):.2f} ± {stdev(rates):.2f}"
        lines = ["; ".join(f"{rate:.2f}" for rate in rates)]
    lines.append(counts(*trials))
    if len(rates) < asked:
        lines.append(f"{len(rates)} of {asked} seeds")
    return Cell(text, tuple(lines), "measured", data)


def overall(documents: Sequence[dict[str, Any]], asked: int) -> Cell:
    """The EER of whole evaluations, one a seed."""
    tried = [document["evaluation"] for document in documents]
    tried = [evaluation for evaluation in tried if evaluation["summary"] is not None]
    if not tried:
        return NOT_RUN
    span = tried[0]["intervals"].get("eer")
    return rate_cell(
        [evaluation["summary"]["eer"] for evaluation in tried],
        (tried[0]["n_bonafide"], tried[0]["n_spoof"]),
        asked,
        None if span is None else (span["low"], span["high"]),
    )


def group(documents: Sequence[dict[str, Any]], column: str, name: str, asked: int) -> Cell:
    """The EER of one group of trials, one document a seed."""
    if not documents:
        return NOT_RUN
    rows = [
        row for document in documents for row in document["evaluation"]["groups"].get(column, ()) if row["name"] == name
    ]
    if not rows:
        return Cell("–", ("no such clips",), "words")
    trials = rows[0]["n_bonafide"], rows[0]["n_spoof"]
    if rows[0]["eer"] is None:
        return Cell("–", (counts(*trials), "a class is missing"), "words")
    low, high = rows[0]["eer_low"], rows[0]["eer_high"]
    return rate_cell([row["eer"] for row in rows], trials, asked, None if low is None else (low, high))


def published_cell(system: str, corpus: str, notes: Footnotes) -> Cell:
    """What is known from others, each number with its source."""
    known = EERS.get((system, corpus), ())
    if not known:
        return UNKNOWN
    first, *more = known
    below = [f"{first.source} {notes.mark(first.note)}".strip()]
    below += [f"{one.text} {one.source} {notes.mark(one.note)}".strip() for one in more]
    return Cell(first.text, tuple(below), "published", {"published": [one.to_dict() for one in known]})


def how(study: Study, documents: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Notes, warnings and machines of evaluations."""
    notes = [f"Seeds: {', '.join(map(str, study.seeds))}."]
    warnings, machines = [], []
    for document in documents:
        evaluation = document["evaluation"]
        where = (
            f"{evaluation['origin']['model']} on {evaluation['origin']['dataset']}, {evaluation['origin']['protocol']}"
        )
        warnings += [f"{where}: {text}" for text in evaluation["warnings"]]
        machines.append(machine_words(document["machine"]))
    if not study.miniature:
        warnings += [text for text in _doubts(documents)]
    return tuple(notes), tuple(dict.fromkeys(warnings)), tuple(dict.fromkeys(machines))


def _doubts(documents: Sequence[dict[str, Any]]) -> list[str]:
    """A corpus that isn't the official one must not pass for it."""
    return [
        f"{document['evaluation']['origin']['dataset']}: {text}"
        for document in documents
        for text in document["evaluation"]["notes"]
        if "miniature" in text
    ]


SOURCE_WORDS = "Published values: " + "; ".join(f"{name}: {meaning}" for name, meaning in SOURCES.items()) + "."
COUNT_WORDS = "Under every EER: its interval or its seeds, then the trials, bona fide / spoofed."
