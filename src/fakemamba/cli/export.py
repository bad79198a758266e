"""`fakemamba export`: a model for ONNX Runtime, in float32, int8 or fp16, compared with what it was made of."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fakemamba.cli.options import ModelArgument, Quiet

if TYPE_CHECKING:
    from fakemamba.export.export import Precision

_OUT, _HOW, _CHECK = "Output", "Precision", "What it is compared on"


def export(
    model: ModelArgument = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="For ONNX Runtime, the one format there is.", rich_help_panel=_HOW)
    ] = True,
    int8: Annotated[
        bool, typer.Option("--int8", help="Products in eight bits where the scores bear it.", rich_help_panel=_HOW)
    ] = False,
    fp16: Annotated[
        bool, typer.Option("--fp16", help="Weights stored in half, computed as float32.", rich_help_panel=_HOW)
    ] = False,
    drift: Annotated[
        float | None,
        typer.Option(
            help="Change of the score that is borne, root mean square: in log-likelihood ratios, or in standard "
            "deviations of the scores where the model has no calibration. 0.03 if not given.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="For the search for parts that bear it. 300 if not given.", rich_help_panel=_HOW),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE.onnx",
            help="The model folder to make, or a bare file. MODEL-onnx, -int8 or -fp16 here if not given.",
            rich_help_panel=_OUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is already there.", rich_help_panel=_OUT)
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.", rich_help_panel=_OUT)] = False,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="As `fakemamba evaluate` takes it, or any folder of recordings; made-up voices if not given.",
            rich_help_panel=_CHECK,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of it; dev if there is one.", rich_help_panel=_CHECK)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only N clips of each class.", rich_help_panel=_CHECK)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; all cores if not given.", rich_help_panel=_CHECK)
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make a model that `fakemamba detect` runs without torch, and say how far it agrees with what it was.

    Examples:

      fakemamba export my-model --onnx --int8 --check my-recordings/

      fakemamba export my-model --onnx --output my-model.onnx
    """
    from contextlib import nullcontext
    from json import dumps

    from fakemamba.cli.progress import counted
    from fakemamba.errors import ConfigError
    from fakemamba.export.export import DRIFT, SECONDS, Wish, export_model
    from fakemamba.export.place import document, page

    if int8 and fp16:
        raise ConfigError("--int8 and --fp16 exclude each other: run it once for each")
    if not onnx:
        raise ConfigError("--onnx is the one format there is")
    if (split is not None or limit is not None) and check is None:
        raise ConfigError("--split and --limit belong to --check")
    precision: Precision = "int8" if int8 else "fp16" if fp16 else "fp32"
    wish = Wish(
        precision,
        check,
        split,
        limit,
        DRIFT if drift is None else drift,
        SECONDS if seconds is None else seconds,
        threads,
    )
    say = (lambda _: None) if quiet else (lambda text: typer.echo(text, err=True))
    with nullcontext() if quiet else counted("comparing") as on_progress:
        found = export_model(model, output, wish, overwrite=overwrite, say=say, on_progress=on_progress)
    if json:
        typer.echo(dumps(document(found.card, found.parity, found.choice), indent=2, allow_nan=False))
        return
    typer.echo(page(found.parity, found.choice))
    typer.echo(f"written: {found.path}")
