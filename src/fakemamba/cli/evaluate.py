"""`fakemamba evaluate`: a data set through a model, and one report about it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fakemamba.cli.options import RUN, Device, ModelArgument, Precision

if TYPE_CHECKING:
    from fakemamba.data.dataset import Dataset
    from fakemamba.detect import Detector
    from fakemamba.evaluation import Evaluation
    from fakemamba.evaluation.formats import FormatName
    from fakemamba.evaluation.protocols import ProtocolName

_OUT, _HOW = "Output", "What is measured"


def evaluate(
    model: ModelArgument = None,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATASET",
            help="A folder with real/ and fake/, a table (path, label), NAME:DIR for a corpus, or a TOML of several.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="train, dev, eval, a subset's own word, or all; eval if several.")
    ] = None,
    genuine: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Human speech for corpora that come without (MLAAD, WaveFake); repeatable."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            "-p",
            metavar="fixed|whole|detect|locate",
            help="fixed: first window (as published; default for corpora). whole: the clip at once, "
            "also hours if XLS-R and Mamba run on torch. "
            "detect: as people get it, with verdicts (default for folders). locate: over time, for frame labels.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    hop: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Between windows of locate.", rich_help_panel=_HOW)
    ] = None,
    spans: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table of spoofed spans: id, start, end.", rich_help_panel=_HOW),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(metavar="N", min=0, help="Resamples for the intervals; 0 for none.", rich_help_panel=_HOW)
    ] = 1000,
    worst: Annotated[
        int, typer.Option(metavar="N", min=0, help="Worst mistakes shown of each class.", rich_help_panel=_HOW)
    ] = 10,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Only N clips of each class, evenly spread: a first look.", rich_help_panel=_HOW
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Evidence below which a clip counts as spoofed, in place of the model's.", rich_help_panel=_HOW
        ),
    ] = None,
    operating_point: Annotated[
        str | None, typer.Option(metavar="NAME", help="As for detect.", rich_help_panel=_HOW)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where scores.tsv, report.html and report.json go; the same command goes on after a stop. "
            "evaluations/MODEL-DATASET-PROTOCOL if not given.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="2021|2019|asvspoof5|board",
            help="Also scores as these want them; repeatable.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_OUT)] = False,
    sounds: Annotated[
        bool, typer.Option(help="Put the worst mistakes into the page, to be heard.", rich_help_panel=_OUT)
    ] = True,
    from_scores: Annotated[
        Path | None,
        typer.Option("--from", metavar="SCORES", help="No model: a report on scores that exist.", rich_help_panel=_OUT),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="With --from: the labels of a foreign score file.", rich_help_panel=_OUT),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Clips scored at once.", rich_help_panel=RUN)] = 16,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Threads that read audio.", rich_help_panel=RUN)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads of the model; all cores if not given.", rich_help_panel=RUN)
    ] = None,
    device: Device = None,
    precision: Precision = None,
) -> None:
    """Score a data set and report: error rates with intervals, by attack, codec, duration, …, and the worst mistakes.

    Examples:

      fakemamba evaluate compact-3 my-folder/

      fakemamba evaluate my-model asvspoof2021-la:/data/ASVspoof2021_LA --format 2021

      fakemamba evaluate --from scores.txt --key keys.txt --out report/
    """
    from fakemamba.evaluation.formats import check_format

    also = [check_format(name) for name in formats or []]
    wanted: dict[str, Any] = {"resamples": bootstrap, "worst": worst, "spans": spans}
    if from_scores is not None:
        _check_from(model, dataset, limit, protocol, operating_point, precision, device, threads)
        found, folder = _from_scores(from_scores, key, split, threshold, out, wanted)
    else:
        if key is not None:
            raise typer.BadParameter("--key belongs to --from; a data set brings its own labels")
        detector, data, how, folder = _prepare(
            model,
            dataset,
            split,
            genuine or [],
            limit,
            protocol,
            out,
            device=device,
            threads=threads,
            threshold=threshold,
            operating_point=operating_point,
            precision=precision,
        )
        found = _score(detector, data, how, folder, batch=batch, workers=workers, hop=hop, **wanted)
    _report(found, folder, also, json=json, sounds=sounds)


def _check_from(*given: object) -> None:
    if any(value is not None for value in given):
        raise typer.BadParameter(
            "--from takes scores as they are: leave MODEL, DATASET, --limit, --protocol, --operating-point and what "
            "says how a model is run out"
        )


def _from_scores(
    scores: Path,
    key: Path | None,
    subset: str | None,
    threshold: float | None,
    out: Path | None,
    wanted: dict[str, Any],
) -> "tuple[Evaluation, Path | None]":
    """The report on existing scores; our own folder takes it in, a foreign file needs --out."""
    from fakemamba.evaluation import evaluate_scores

    found = evaluate_scores(scores, key, subset=subset, threshold=threshold, **wanted)
    own = None if key is not None else scores if scores.is_dir() else scores.parent
    return found, out or own


def _prepare(
    model: str | None,
    dataset: str | None,
    split: str | None,
    genuine: list[Path],
    limit: int | None,
    protocol: str | None,
    out: Path | None,
    **machine: Any,
) -> "tuple[Detector, Dataset, ProtocolName, Path]":
    from fakemamba.detect import load
    from fakemamba.evaluation.protocols import check_protocol
    from fakemamba.evaluation.sources import open_dataset, thinned

    named = dataset or model  # a single word is the data set, for the default model
    if named is None:
        raise typer.BadParameter("give a DATASET, such as a folder with real/ and fake/, and before it a MODEL")
    opened, published = open_dataset(named, split=split, genuine=genuine)
    how = check_protocol(protocol or ("fixed" if published else "detect"))
    if limit is not None:
        opened = thinned(opened, limit)
    detector = load(None if dataset is None else model, **machine)
    name = "-".join(filter(None, (_slug(detector.card.name), _slug(opened.name), how)))
    return detector, opened, how, out or Path("evaluations") / name


def _slug(text: str) -> str:
    return "-".join("".join(c if c.isalnum() or c in "._+" else " " for c in text).split()).strip(".")


def _score(detector: "Detector", data: "Dataset", how: "ProtocolName", folder: Path, **options: Any) -> "Evaluation":
    from fakemamba.cli.progress import counted
    from fakemamba.evaluation import evaluate as run

    with counted(data.name) as on_progress:
        return run(detector, data, protocol=how, folder=folder, on_progress=on_progress, **options)


def _report(found: "Evaluation", folder: Path | None, formats: "list[FormatName]", *, json: bool, sounds: bool) -> None:
    from json import dumps

    from rich.console import Console

    from fakemamba.cli.output import make_folder, write
    from fakemamba.evaluation.formats import render_scores
    from fakemamba.evaluation.html_report import render
    from fakemamba.evaluation.text_report import blocks

    if formats and folder is None:
        raise typer.BadParameter("--format needs --out DIR to write to")
    document = dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for kind, texts in (("note", found.notes), ("warning", found.warnings)):
        for text in texts:
            typer.echo(f"{kind}: {text}", err=True)
    if folder is not None:
        make_folder(folder)
        write(folder / "report.json", document)
        write(folder / "report.html", render(found, sounds=sounds))
        for name in formats:
            write(folder / f"scores-{name}.txt", render_scores(found.judged, name))
    if json:
        typer.echo(document, nl=False)
        return
    console = Console(highlight=False, markup=False)
    for block in blocks(found):
        console.print(block)
    if folder is not None:
        console.print(f"report: {folder / 'report.html'}", soft_wrap=True)
