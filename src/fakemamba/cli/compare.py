"""`fakemamba compare`: two or more systems on the same clips, and which differences are more than chance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from fakemamba.evaluation.judged import Judged
    from fakemamba.metrics.bootstrap import MetricName


def compare(
    scores: Annotated[
        list[str],
        typer.Argument(
            metavar="SCORES…",
            help="Folders of fakemamba evaluate, or score files with --key; NAME=PATH gives one a name.",
        ),
    ],
    key: Annotated[Path | None, typer.Option(metavar="KEY", help="Labels, for score files of any format.")] = None,
    subset: Annotated[str | None, typer.Option(metavar="NAME", help="Subset of the trials.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by attack, codec, duration, …; repeatable.")
    ] = None,
    metric: Annotated[
        str,
        typer.Option(metavar="NAME", help="What is compared: eer, eer_hull, min_dcf, act_dcf, cllr, min_cllr, auc."),
    ] = "eer",
    bootstrap: Annotated[int, typer.Option(metavar="N", min=1, help="Resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there, .html or .json; repeatable."),
    ] = None,
) -> None:
    """Set systems side by side and test every pair, by paired bootstrap with Holm's correction.

    Examples:

      fakemamba compare evaluations/a evaluations/b --by attack -o compare.html

      fakemamba compare mine=scores.txt theirs=xlsr_mamba.txt --key keys.txt
    """
    from json import dumps

    from rich.console import Console

    from fakemamba.cli.output import write
    from fakemamba.evaluation.comparison import compare_systems
    from fakemamba.evaluation.comparison_report import blocks, render

    wrong = next((path for path in output or [] if path.suffix.lower() not in (".html", ".json")), None)
    if wrong is not None:
        raise typer.BadParameter(f"--output {wrong}: the ending must be .html or .json")
    systems = _read(scores, key, subset)
    found = compare_systems(systems, metric=cast("MetricName", metric), by=by or [], resamples=bootstrap, seed=seed)
    document = dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for path in output or []:
        write(path, render(found) if path.suffix.lower() == ".html" else document)
    for kind, texts in (("note", found.notes), ("warning", found.warnings)):
        for text in texts:
            typer.echo(f"{kind}: {text}", err=True)
    if json:
        typer.echo(document, nl=False)
        return
    console = Console(highlight=False, markup=False)
    for block in blocks(found):
        console.print(block)


def _read(named: list[str], key: Path | None, subset: str | None) -> "dict[str, Judged]":
    """Systems by the names that the user gave, or by what tells them apart."""
    from fakemamba.evaluation.judged import from_file

    given = [_split(text) for text in named]
    judged = [from_file(path, key, subset=subset) for _, path in given]
    models = [one.origin.model for one in judged]
    choices = [
        models,
        [f"{one.origin.model} {one.origin.protocol}" for one in judged],
        [_stem(path) for _, path in given],
    ]
    own = next((names for names in choices if all(names) and len(set(names)) == len(names)), choices[-1])
    names = [name or other for (name, _), other in zip(given, own, strict=True)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise typer.BadParameter(f"two systems are called {twice}: write NAME=PATH for one of them")
    return dict(zip(names, judged, strict=True))


def _split(text: str) -> tuple[str, Path]:
    """NAME=PATH, unless that is the path's own spelling."""
    name, equals, rest = text.partition("=")
    if equals and name and rest and not Path(text).exists():
        return name, Path(rest)
    return "", Path(text)


def _stem(path: Path) -> str:
    if path.name == "scores.tsv" or path.is_dir():
        return (path if path.is_dir() else path.parent).resolve().name
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name
