"""Which cells experiments are made of, in the order in which they can be made; none twice."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from fakemamba.errors import ConfigError
from fakemamba.paper.experiments import EXPERIMENTS, OTHERS, PROTOCOLS, TARGET_OF, Experiment, Start
from fakemamba.paper.forms import Form, forms_here
from fakemamba.paper.maps import Map
from fakemamba.paper.scoring import Scored
from fakemamba.paper.speed import Speed
from fakemamba.paper.study import Library, Study
from fakemamba.paper.training import Say, Training


class Cell(Protocol):
    """Something that is made once and leaves a folder or a file."""

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> Training | None:
        """A cell that must be there first."""
        ...

    def done(self, study: Study) -> bool: ...

    def make(self, study: Study, library: Library, say: Say) -> None: ...

    def command(self, study: Study) -> str: ...


def chosen(names: Iterable[str]) -> list[Experiment]:
    """Experiments by name, "all" among them, none twice; ConfigError lists the names."""
    found: dict[str, Experiment] = {}
    for name in names:
        if name != "all" and name not in EXPERIMENTS:
            raise ConfigError(f"no experiment {name!r}: choose from {', '.join(EXPERIMENTS)}, or all, list, report")
        for one in EXPERIMENTS.values() if name == "all" else [EXPERIMENTS[name]]:
            found[one.name] = one
    return list(found.values())


def plan(study: Study, experiments: Sequence[Experiment]) -> list[Cell]:
    """All cells, each after what it needs; those that several experiments share stand once."""
    cells: dict[Cell, None] = {}
    for experiment in experiments:
        for cell in cells_of(study, experiment):
            if cell.after is not None:
                cells.setdefault(cell.after)
            cells.setdefault(cell)
    return list(cells)


def cells_of(study: Study, experiment: Experiment) -> list[Cell]:
    """What one experiment shows, without the trainings below."""
    if experiment.kind == "speed":
        return [Speed(system) for system in experiment.systems]
    if experiment.kind == "forms":
        return [Form(form) for form in forms_here(study.device)]
    if experiment.kind == "maps":
        return [
            Map(Training(system, TARGET_OF[corpus], study.first_seed), corpus)
            for system in experiment.systems
            for corpus in experiment.corpora
        ]
    if experiment.kind == "others":
        return [
            Scored(Training(system, "df", seed), corpus, protocol)
            for system in experiment.systems
            for seed in study.seeds
            for corpus in others(study)
            for protocol in PROTOCOLS
        ]
    return [
        cell
        for system in experiment.systems
        for start in experiment.starts
        for corpus in experiment.corpora
        for cell in scored(study, system, start, corpus)
    ]


def scored(study: Study, system: str, start: Start, corpus: str) -> list[Scored]:
    """The evaluations of one system on one corpus: every seed, every protocol."""
    trainings = [Training(system, TARGET_OF[corpus], seed, start) for seed in study.seeds]
    return [Scored(training, corpus, protocol) for protocol in PROTOCOLS for training in trainings]


def others(study: Study) -> list[str]:
    """The further corpora that were given a place."""
    return [corpus for corpus in OTHERS if corpus in study.places]


def lacking(study: Study, experiments: Sequence[Experiment]) -> list[str]:
    """What a user must get first, each with the command that helps."""
    found = []
    for corpus in dict.fromkeys(corpus for experiment in experiments for corpus in experiment.needs):
        place = study.places.get(corpus)
        if place is None:
            found.append(f"{corpus} has no place in the file of --corpora (try  fakemamba data check {corpus} DIR)")
        elif not place.root.is_dir():
            found.append(f"{corpus} is not in {place.root} (try  fakemamba data check {corpus} {place.root})")
    if any(experiment.trains and "xls-r" in experiment.starts for experiment in experiments):
        found += _no_weights(study.xlsr)
    return found


def _no_weights(folder: Path | None) -> list[str]:
    helps = "fakemamba models import xlsr2_300m.pt --as xls-r --out DIR, then --xlsr DIR"
    if folder is None:
        return [f"XLS-R's weights have no folder (try  {helps})"]
    return [] if folder.is_dir() else [f"XLS-R's weights are not in {folder} (try  {helps})"]


def demand(study: Study, experiments: Sequence[Experiment]) -> None:
    """ConfigError with all that is lacking, in one line."""
    missing = lacking(study, experiments)
    if missing:
        names = ", ".join(experiment.name for experiment in experiments)
        raise ConfigError(f"{names}: {'; '.join(missing)}")
