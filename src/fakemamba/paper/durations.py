"""Table IV: error rates by duration, and who passes for whom under 3 s; and the further corpora."""

from collections.abc import Sequence
from typing import Any

from fakemamba.evaluation.judged import BUCKETS
from fakemamba.paper.error_rates import PROTOCOL_WORDS
from fakemamba.paper.experiments import PROTOCOLS, Experiment
from fakemamba.paper.figures import durations_figure
from fakemamba.paper.layout import NOT_RUN, UNKNOWN, Cell, Grid, Picture, Section, words
from fakemamba.paper.plan import cells_of, others, scored
from fakemamba.paper.published import SHORT_CLIPS, WILD
from fakemamba.paper.rates import COUNT_WORDS, TITLES, counts, found, group, how, overall
from fakemamba.paper.scoring import Scored
from fakemamba.paper.study import Study
from fakemamba.paper.systems import SYSTEMS

SHORT = BUCKETS[0]
Documents = list[dict[str, Any]]


def section(study: Study, experiment: Experiment) -> Section:
    """By duration, then the confusion of the short clips."""
    cells = cells_of(study, experiment)
    done = found(study, [cell for cell in cells if isinstance(cell, Scored)])
    notes, warnings, machines = how(study, done)
    grids, pictures = [], []
    for corpus in experiment.corpora:
        grids.append(_buckets(study, experiment, corpus))
        pictures += _picture(study, experiment, corpus)
    grids += [_short(study, experiment, corpus) for corpus in experiment.corpora]
    return Section(
        name=experiment.name,
        title=experiment.title,
        done=len(done),
        total=len(cells),
        about=(experiment.about, PROTOCOL_WORDS, "A clip whose length is on an edge belongs to the longer bucket."),
        grids=tuple(grids),
        pictures=tuple(pictures),
        notes=notes,
        warnings=warnings,
        machines=machines,
    )


def beyond(study: Study, experiment: Experiment) -> Section:
    """Further corpora, one a row."""
    cells = [cell for cell in cells_of(study, experiment) if isinstance(cell, Scored)]
    done = found(study, cells)
    notes, warnings, machines = how(study, done)
    rows = []
    for system in experiment.systems:
        for corpus in others(study):
            by_protocol = [
                found(study, [c for c in cells if c.corpus == corpus and c.protocol == protocol])
                for protocol in PROTOCOLS
            ]
            names = [document["evaluation"]["origin"]["dataset"] for some in by_protocol for document in some]
            title = words(SYSTEMS[system].title, names[0] if names else corpus)
            rows.append((title, *(overall(some, len(study.seeds)) for some in by_protocol), UNKNOWN))
    empty = () if rows else ("No further corpus has a place in the file of --corpora.",)
    head = tuple(words(text) for text in ("system and data", *PROTOCOLS, "published"))
    grid = Grid("Equal error rate, %", head, tuple(rows), (), (COUNT_WORDS, *empty))
    return Section(
        name=experiment.name,
        title=experiment.title,
        done=len(done),
        total=len(cells),
        about=(experiment.about,),
        grids=(grid,),
        notes=notes,
        warnings=warnings,
        machines=machines,
    )


def _documents(study: Study, system: str, corpus: str, protocol: str) -> Documents:
    return found(study, [c for c in scored(study, system, "xls-r", corpus) if c.protocol == protocol])


def _buckets(study: Study, experiment: Experiment, corpus: str) -> Grid:
    rows = []
    for system in experiment.systems:
        for protocol in PROTOCOLS:
            some = _documents(study, system, corpus, protocol)
            cells = [group(some, "duration", name, len(study.seeds)) for name in BUCKETS]
            rows.append((words(f"{SYSTEMS[system].title}, {protocol}"), *cells, overall(some, len(study.seeds))))
    caption = [COUNT_WORDS]
    if corpus == WILD:
        known = Cell(SHORT_CLIPS.text, (SHORT_CLIPS.source,), "published", SHORT_CLIPS.to_dict())
        rows.append((words("Fake-Mamba, published"), known, *[UNKNOWN] * len(BUCKETS)))
        caption.append(f"The published value is {SHORT_CLIPS.source}; {SHORT_CLIPS.note}. The others are not known.")
    head = tuple(words(text) for text in ("system, protocol", *BUCKETS, "all"))
    return Grid(f"{TITLES[corpus]}: equal error rate by duration, %", head, tuple(rows), (), tuple(caption))


def _picture(study: Study, experiment: Experiment, corpus: str) -> list[Picture]:
    made = {
        SYSTEMS[system].title: [
            group(_documents(study, system, corpus, "fixed"), "duration", name, len(study.seeds)).data
            for name in BUCKETS
        ]
        for system in experiment.systems
    }
    known = {name: cells for name, cells in made.items() if any(cells)}
    if not known:
        return []
    first = next(iter(known.values()))
    trials = [f"\n{counts(cell['bonafide'], cell['spoof'])}" if cell else "\nno EER" for cell in first]
    places = [f"{name}{more}" for name, more in zip(BUCKETS, trials, strict=True)]
    title = f"{TITLES[corpus]}, protocol fixed"
    return [
        Picture(
            f"{experiment.name}-{corpus}",
            f"{experiment.title}, {title}; with 95 % bootstrap intervals (one seed, groups of at least ten trials of "
            "each class) or the range of the seeds.",
            lambda: durations_figure(places, known, title=title, miniature=study.miniature),
        )
    ]


def _short(study: Study, experiment: Experiment, corpus: str) -> Grid:
    """Which attacks pass for genuine under 3 s, by system, at one threshold for clips of all lengths."""
    every = {system: _documents(study, system, corpus, "fixed") for system in experiment.systems}
    rows = [(words("bona fide, rejected"), *(_rejected(some) for some in every.values()))]
    rows += [
        (words(f"{attack}, accepted"), *(_accepted(some, attack) for some in every.values()))
        for attack in _attacks(every.values())
    ]
    rows.append((words("all spoofs, accepted"), *(_accepted(some, None) for some in every.values())))
    caption = [
        "Share of wrong decisions and their number, all seeds together; the threshold is the model's own, fitted on "
        "2019 LA dev, or where that allowed none the one of the equal error rate on all clips of this corpus."
    ]
    if corpus == WILD:
        caption.append("This corpus does not name its attacks.")
    head = tuple(words(text) for text in ("truth, decision", *(SYSTEMS[system].title for system in every)))
    return Grid(
        f"{TITLES[corpus]}: clips under 3 s, wrong decisions (protocol fixed)", head, tuple(rows), (), tuple(caption)
    )


def _attacks(every: "Sequence[Documents] | Any") -> list[str]:
    """All that are known, those that the first system takes for genuine most often first."""
    taken: dict[str, float] = {}
    for some in every:
        for document in some:
            for row in document["evaluation"]["short"]:
                taken.setdefault(row["name"], (row["spoof_accepted"] or 0) / max(1, row["n_spoof"]))
    return sorted(taken, key=lambda name: (-taken[name], name))


def _rejected(some: Documents) -> Cell:
    rows = _bucket(some)
    if not some:
        return NOT_RUN
    return _share(sum(row["bonafide_rejected"] or 0 for row in rows), sum(row["n_bonafide"] for row in rows))


def _accepted(some: Documents, attack: str | None) -> Cell:
    if not some:
        return NOT_RUN
    rows = _bucket(some)
    if attack is not None:
        rows = [row for document in some for row in document["evaluation"]["short"] if row["name"] == attack]
    return _share(sum(row["spoof_accepted"] or 0 for row in rows), sum(row["n_spoof"] for row in rows))


def _bucket(some: Documents) -> list[dict[str, Any]]:
    return [
        row for document in some for row in document["evaluation"]["groups"].get("duration", ()) if row["name"] == SHORT
    ]


def _share(wrong: int, clips: int) -> Cell:
    if not clips:
        return words("–", "no such clips")
    return Cell(f"{100 * wrong / clips:.1f} %", (f"{wrong} of {clips}",), data={"wrong": wrong, "clips": clips})
