"""`fakemamba detect`: judge recordings and report."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from fakemamba.cli.options import RUN, Device, Model, OperatingPoint, Precision, Threads

if TYPE_CHECKING:
    from rich.console import Console

    from fakemamba.cli.inputs import Input
    from fakemamba.detect import Detector, Progress
    from fakemamba.report import Failure, Kind, Report
    from fakemamba.result import Result

_OUT = "Output"


def detect(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES… | DIR | -", help="Recordings, folders of recordings, or - for the standard input."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.", rich_help_panel=_OUT)] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print one CSV row per file.", rich_help_panel=_OUT)] = False,
    html: Annotated[bool, typer.Option("--html", help="Print a web page.", rich_help_panel=_OUT)] = False,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write a report there; its ending (.json .csv .html .txt) says which. Can be given several times.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show scores, speech, model and hashes too.", rich_help_panel=_OUT)
    ] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Search folders inside folders.")] = False,
    fail_on_fake: Annotated[bool, typer.Option("--fail-on-fake", help="Exit with 1 if any verdict is fake.")] = False,
    model: Model = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Evidence (log-likelihood ratio) below which a file is fake, in place of the model's own; "
            "higher finds more fakes and accuses more real voices. A raw score for a model that is not calibrated.",
            rich_help_panel=RUN,
        ),
    ] = None,
    operating_point: OperatingPoint = None,
    no_near: Annotated[
        bool,
        typer.Option(
            "--no-near",
            help="Take no second, near look in short windows, which finds replaced words: about half the work.",
            rich_help_panel=RUN,
        ),
    ] = False,
    threads: Threads = None,
    device: Device = None,
    precision: Precision = None,
) -> None:
    """Say of each recording whether the voice is real, fake or unsure, where, and how sure.

    Examples:

      fakemamba detect clip.wav

      fakemamba detect interviews/ --recursive -o report.html

      curl -s https://example.org/talk.mp3 | fakemamba detect - --json

    Exit codes: 0 done, 1 a fake was found (with --fail-on-fake), 2 something could not be judged, 3 a bug.
    """
    from fakemamba.cli.inputs import expand
    from fakemamba.cli.output import plan, write
    from fakemamba.detect import load
    from fakemamba.report import render
    from fakemamba.report.document import make_report
    from fakemamba.report.repeat import repeat_command

    items, refused = expand(inputs, recursive=recursive)
    targets, instead = plan(output or [], _chosen(json=json, csv=csv, html=html), items)
    detector = load(
        model, device, threads=threads, threshold=threshold, operating_point=operating_point, precision=precision
    )
    failures = [_failed(name, error) for name, error in refused]
    results, stopped = _judge(detector, items, failures, near=not no_near, verbose=verbose, show=instead is None)
    if stopped is not None and not results:
        raise stopped
    command = repeat_command(
        detector, inputs, model=model, device=device, precision=precision, recursive=recursive, near=not no_near
    )
    report = make_report(detector, results, failures, command=command)
    for path, kind in targets.items():
        write(path, render(report, kind))
    if instead is not None:
        typer.echo(render(report, instead), nl=False)
    elif len(results) + len(failures) > 1:
        _show_summary(report)
    if stopped is not None:
        raise stopped
    if failures:
        raise typer.Exit(2)
    if fail_on_fake and any(result.verdict == "fake" for result in results):
        raise typer.Exit(1)


def _judge(
    detector: "Detector", items: "Iterable[Input]", failures: "list[Failure]", *, near: bool, verbose: bool, show: bool
) -> "tuple[list[Result], BaseException | None]":
    """Judge one after the other; a file that cannot be read goes to `failures` and does not stop the rest.

    Returns:
        the results, and what ended the work before the last file: a model that fails, or Ctrl-C.
    """
    from fakemamba.cli.progress import progress
    from fakemamba.errors import AudioError, CheckpointError, MissingExtraError
    from fakemamba.report import Failure

    results: list[Result] = []
    for item in items:
        try:
            with progress(item.name) as on_progress:
                result = _judge_one(detector, item, on_progress, near=near)
        except (AudioError, MissingExtraError) as error:
            failures.append(_failed(item.name, error))
            continue
        except (CheckpointError, KeyboardInterrupt) as error:
            failures.append(Failure(source=item.name, error=str(error) or "interrupted; nothing after it was judged"))
            return results, error
        results.append(result)
        if show:
            _show(result, first=len(results) == 1, verbose=verbose)
    return results, None


def _judge_one(detector: "Detector", item: "Input", on_progress: "Progress | None", *, near: bool) -> "Result":
    from fakemamba.cli.inputs import HashedStdin

    if item.path is not None:
        return detector.detect(item.path, on_progress, name=item.name, near=near)
    stdin = HashedStdin()
    result = detector.detect(cast(BinaryIO, stdin), on_progress, name=item.name, near=near)
    return replace(result, source_sha256=stdin.sha256())


def _failed(name: str, error: Exception) -> "Failure":
    from fakemamba.audio.source import printable
    from fakemamba.report import Failure

    called = printable(name)
    message = printable(str(error), longest=500).removeprefix(f"{called}: ")
    typer.echo(f"error: {called}: {message}", err=True)
    return Failure(source=name, error=message)


def _chosen(**flags: bool) -> "list[Kind]":
    from fakemamba.report import KINDS

    return [kind for kind in KINDS if flags.get(kind)]


def _show(result: "Result", *, first: bool, verbose: bool) -> None:
    from fakemamba.report.text_report import block

    console = _console()
    if not first:
        console.print()
    console.print(block(result, verbose=verbose), soft_wrap=True)


def _show_summary(report: "Report") -> None:
    from rich.text import Text

    from fakemamba.report.document import summary

    console = _console()
    console.print()
    console.print(Text(summary(report), style="bold"), soft_wrap=True)


def _console() -> "Console":
    """Stdout with colour on a terminal only; rich knows NO_COLOR. Made anew, as stdout may have been replaced."""
    from rich.console import Console

    return Console(highlight=False)
