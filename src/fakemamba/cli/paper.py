"""`fakemamba paper`: the paper's tables and figures, each one command, resumed by the same command."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fakemamba.paper.plan import Cell
    from fakemamba.paper.runner import Step
    from fakemamba.paper.study import Study

PLACES = Path("corpora.toml")
_PATIENCE = 30.0  # seconds between lines about one cell


def paper(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="table1 to table4, rtf, embeddings, scratch, scan, elsewhere, all; or list, or report.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Folder of runs, scores and the report.")
    ] = Path("paper"),
    corpora: Annotated[
        Path | None, typer.Option(metavar="FILE", help=f"TOML with the places of corpora; else {PLACES} where it is.")
    ] = None,
    xlsr: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Model folder of XLS-R; else as the file says.")
    ] = None,
    seeds: Annotated[str, typer.Option(metavar="N,N,…", help="One training for each.")] = "1234",
    change: Annotated[
        list[str] | None,
        typer.Option("-s", "--set", metavar="KEY=VALUE", help="Change a training setting: -s train.precision=bf16."),
    ] = None,
    miniature: Annotated[
        bool, typer.Option("--miniature", help="Tiny systems on made-up audio: shows that all works, in minutes.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells and their commands, run nothing.")
    ] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Stay off the GPU.")] = False,
    processes: Annotated[int, typer.Option(min=1, help="Of each training: one a GPU, by torchrun.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Clips scored at once.")] = 16,
    resamples: Annotated[int | None, typer.Option(min=0, help="Of the bootstrap; else 1000.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, help="Calls before a timing; else 10.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Calls in a timing; else 100.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no tables.")] = False,
) -> None:
    """Reproduce Fake-Mamba: its tables and figures, with the published values beside what was measured.

    Examples:

      fakemamba paper all --miniature --out /tmp/miniature

      fakemamba paper table1 table4 --corpora corpora.toml --xlsr xlsr --seeds 1234,1235,1236
    """
    from fakemamba.errors import MissingExtraError
    from fakemamba.paper.study import Study, read_places

    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("the paper's experiments", "train") from error
    places, known = read_places(corpora or PLACES) if corpora or PLACES.is_file() else ({}, None)
    quick = miniature or None
    study = Study(
        out=out, places=places, xlsr=xlsr or known, seeds=_seeds(seeds), miniature=miniature,
        changes=tuple(change or ()), cpu=cpu, processes=processes, batch=batch,
        resamples=resamples if resamples is not None else (100 if quick else 1000),
        warmup=warmup if warmup is not None else (1 if quick else 10), repeats=repeats or (3 if quick else 100),
    )  # fmt: skip
    if names == ["list"]:
        _list(study)
    elif dry_run:
        _dry(study, names)
    else:
        _run(study, names, json=json, quiet=quiet)


def _run(study: "Study", names: list[str], *, json: bool, quiet: bool) -> None:
    from json import dumps

    from rich.console import Console

    from fakemamba.errors import ConfigError, FakeMambaError
    from fakemamba.paper.plan import chosen
    from fakemamba.paper.report import blocks, gather, write
    from fakemamba.paper.runner import run, with_miniatures
    from fakemamba.paper.study import MARK

    if names == ["report"]:
        if not (study.out / MARK).is_file():
            raise ConfigError(f"{study.out} holds no study to report on: run one first, or name it with --out")
        study.claim()
        experiments, failures = [], []
    else:
        experiments = chosen(names)
        study = with_miniatures(study) if study.miniature else study
        failures = run(study, experiments, None if quiet else _Teller())
    report = gather(study, failures)
    write(study, report)
    if json:
        typer.echo(dumps(report.to_dict(), indent=1, ensure_ascii=False))
    elif not quiet:
        console = Console(highlight=False, markup=False)
        for block in blocks(report, [experiment.name for experiment in experiments]):
            console.print(block)
        typer.echo(f"report: {study.out / 'report.html'} (and .json, .txt)")
    if failures:
        raise FakeMambaError(f"{len(failures)} cells could not be made, the first: {failures[0]}")


def _dry(study: "Study", names: list[str]) -> None:
    from fakemamba.paper.plan import chosen, lacking, plan

    experiments = chosen(names)
    cells = plan(study, experiments)
    for text in [] if study.miniature else lacking(study, experiments):
        typer.echo(f"missing: {text}", err=True)
    for cell in cells:
        typer.echo(f"[{'done' if _done(cell, study) else 'to do'}] {cell.name}")
        if not study.miniature:
            typer.echo(f"    {cell.command(study)}")
    typer.echo(f"{len(cells)} cells; nothing was run")


def _list(study: "Study") -> None:
    from rich.console import Console
    from rich.table import Table

    from fakemamba.paper.experiments import EXPERIMENTS
    from fakemamba.paper.plan import plan
    from fakemamba.paper.training import Training

    table = Table("name", "what", "needs", "trainings", "cells", "GPU hours", box=None, pad_edge=False)
    for experiment in EXPERIMENTS.values():
        cells = plan(study, [experiment])
        trainings = [cell for cell in cells if isinstance(cell, Training)]
        done = sum(_done(cell, study) for cell in cells)
        needs = ", ".join(experiment.needs) + (", XLS-R" if experiment.trains else "")
        table.add_row(
            experiment.name, experiment.title, needs or "nothing", str(len(trainings)), f"{done} of {len(cells)}",
            _hours(study, trainings),
        )  # fmt: skip
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=200)).print(table)
    typer.echo(
        "Trainings that several experiments share are made once. GPU hours: of the trainings that are done here."
    )


def _hours(study: "Study", trainings: list[Any]) -> str:
    """What the finished ones took, and what the others would at their mean: a guess, and called one."""
    cards = [card for training in trainings if (card := training.card(study)) is not None]
    if not cards:
        return "not known" if trainings else "–"
    took = [card["hours"] * card["processes"] for card in cards]
    left = len(trainings) - len(took)
    more = f", about {left * sum(took) / len(took):.1f} more (guess)" if left else ""
    return f"{sum(took):.1f} on {cards[0]['device']}{more}"


def _done(cell: "Cell", study: "Study") -> bool:
    return cell.done(study)


def _seeds(text: str) -> tuple[int, ...]:
    from fakemamba.errors import ConfigError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise ConfigError(f"--seeds {text}: give different whole numbers with commas, such as 1234,1235,1236")
    return tuple(int(part) for part in parts)


class _Teller:
    """A line when a cell begins, and another now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, step: "Step") -> None:
        now = time.monotonic()
        if step.detail and now - self._last < _PATIENCE:
            return
        self._last = now
        detail = f": {step.detail}" if step.detail else ""
        typer.echo(f"{step.number}/{step.total} {step.cell}{detail}", err=True)
