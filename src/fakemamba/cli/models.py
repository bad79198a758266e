"""`fakemamba models`: import other people's checkpoints, list, describe and verify model folders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fakemamba.checkpoint.kinds import KINDS

if TYPE_CHECKING:
    from rich.table import Table

    from fakemamba.checkpoint.card import Calibration
    from fakemamba.checkpoint.folder import Decision, ModelCard, ModelFolder, Near

app = typer.Typer(help="Import, list, describe and verify models.")

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME|DIR", help="A built-in model, a model folder, or owner/name on the Hub; else the default."
    ),
]
_TENSORS = "What tensors do not tell"


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Import, list, describe and verify models."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .pth, .pt, .bin or .safetensors file, or a Hugging Face folder.")],
    kind: Annotated[str, typer.Option("--as", metavar="KIND", help=f"What it is: {', '.join(KINDS)}.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to make; else named after the file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name; else the folder's.")] = None,
    licence: Annotated[str, typer.Option(help="What its authors allow, for the model card.")] = "unknown",
    origin: Annotated[str | None, typer.Option(help="Where it comes from, for the model card.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a folder that is already there.")] = False,
    ssl_heads: Annotated[
        int | None,
        typer.Option(min=1, help="Attention heads of the front-end, if it is no XLS-R.", rich_help_panel=_TENSORS),
    ] = None,
    heads: Annotated[
        int | None, typer.Option(min=1, help="Attention heads of the encoder, to check.", rich_help_panel=_TENSORS)
    ] = None,
    ssl_layers: Annotated[
        int | None, typer.Option(min=1, help="Keep only the front-end's first layers.", rich_help_panel=_TENSORS)
    ] = None,
    conv_strides: Annotated[
        str | None,
        typer.Option(metavar="N,N,…", help="Strides of its convolutions, if unusual.", rich_help_panel=_TENSORS),
    ] = None,
    normalize_input: Annotated[
        bool | None,
        typer.Option(
            "--normalize-input/--raw-input",
            help="How clips are fed; else raw, and normalised for xls-r alone.",
            rich_help_panel=_TENSORS,
        ),
    ] = None,
) -> None:
    """Turn a checkpoint that others trained into a model folder. Nothing in it is run, its pickle is not trusted.

    Example:  fakemamba models import best.pth --as fake-mamba --out my-model
    """
    from fakemamba.errors import ConfigError, MissingExtraError

    if kind not in KINDS:
        raise ConfigError(f"--as {kind}: choose one of {', '.join(KINDS)}")
    try:
        from fakemamba.checkpoint.importer import import_checkpoint
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("importing a checkpoint", "torch") from error
    folder = import_checkpoint(
        file,
        kind,
        out or Path(_plain(name or (file.name if file.is_dir() else file.stem))),
        name=name,
        ssl_heads=ssl_heads,
        ssl_layers=ssl_layers,
        conv_strides=_strides(conv_strides),
        heads=heads,
        normalize_input=normalize_input,
        licence=licence,
        origin=origin,
        overwrite=overwrite,
    )
    _console().print(_table(_facts(folder)))


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Show the models of this installation, the default one first."""
    from fakemamba.checkpoint.folder import builtin_names, open_folder

    folders = [open_folder(name) for name in builtin_names()]
    if json:
        _print_json([_document(folder) for folder in folders])
    elif not folders:
        typer.echo("no built-in models in this installation; name a folder with --model", err=True)
    else:
        from rich.table import Table

        table = Table("model", "what it is", "licence", box=None, pad_edge=False, header_style="bold")
        for place, folder in enumerate(folders):
            mark = " (default)" if place == 0 else ""
            table.add_row(folder.card.name + mark, describe(folder.card), _escape(folder.card.licence))
        _console().print(table)


@app.command("info")
def info(
    model: Model = None, json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Show what a model is: architecture, calibration, licence, files and hashes."""
    from fakemamba.checkpoint.folder import open_folder

    folder = open_folder(model)
    if json:
        _print_json(_document(folder))
    else:
        _console().print(_table(_facts(folder)))


@app.command("verify")
def verify(model: Model = None) -> None:
    """Hash every file of a model and compare with its card; exit code 2 if anything differs."""
    from fakemamba.checkpoint.folder import open_folder

    folder = open_folder(model)
    folder.verify()
    typer.echo(f"{folder.card.name}: {len(folder.card.files)} files, all as their card says")


def describe(card: "ModelCard") -> str:
    """The architecture in a few words."""
    model = card.model
    front = model.frontend
    if front.kind == "cepstra":
        kinds = (
            ["cepstra"] + ["modulations"] * front.modulation + ["a speech recogniser"] * (front.recogniser is not None)
        )
        told = " and ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
        return f"statistics of {told}; for each a plane and two layers of {model.width}"
    first = f"XLS-R, {front.layers} layers of {front.width}" if front.kind == "xlsr" else "compact spectrum front-end"
    if card.training.get("imported", {}).get("kind") == "xls-r":
        return f"{first}, alone: to train on"
    encoder = model.encoder
    return f"{first}; {encoder.depth} x {encoder.kind} of {model.width}; {model.pooling} pooling"


def _facts(folder: "ModelFolder") -> dict[str, str]:
    card = folder.card
    calibration = card.calibration
    facts = {
        "model": card.name,
        "folder": str(folder.path),
        "what it is": describe(card),
        "input": f"{card.model.window / 16_000:.3f} s windows, {_feeding(card)}",
        "calibration": _line(calibration) if calibration else "none: scores are raw",
        **{f"calibration, {name}": _line(one) for name, one in card.conditions.items()},
        "decision": _deciding(card),
        **_points(card),
        **({"near pass": _near(card.near)} if card.near else {}),
        "licence": card.licence,
        "origin": card.origin,
    }
    for name, digest in card.files.items():
        path = folder.path / name
        size = f"{path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "missing"
        facts[name] = f"{size}, sha256 {digest}"
    return facts


def _line(one: "Calibration") -> str:
    return f"{one.scale:.4g} x score {one.bias:+.4g}"


def _deciding(card: "ModelCard") -> str:
    if card.decision is None:
        return "none stored"
    return f"{_edges(card.decision)}, else unsure (log-likelihood ratio)"


def _edges(decision: "Decision") -> str:
    return f"fake below {decision.low:+.3g}, real above {decision.high:+.3g}"


def _points(card: "ModelCard") -> dict[str, str]:
    """Each operating point: where it lies, and what it did with clips of known truth."""
    from fakemamba.operating import default_point, share_words

    own = default_point(card)
    rows = {}
    for point in card.operating_points:
        mark = " (default)" if point == own else ""
        lines = [f"{point.purpose}{mark}; {_edges(point.decision)}"]
        for one in point.measured:
            lines += [
                f"  {one.on}:",
                f"    real voices called fake  {share_words(one.genuine_called_fake, one.genuine)}",
                f"    fakes called fake        {share_words(one.fakes_called_fake, one.fake)}",
                f"    fakes called real        {share_words(one.fakes_called_real, one.fake)}",
            ]
        rows[point.name] = "\n".join(lines)
    return rows


def _near(near: "Near") -> str:
    """The short windows, and what they marked in clips of known truth."""
    from fakemamba.operating import share_words

    lines = [f"windows of {near.seconds:g} s, every {near.hop:g} s: where a recording that sounds real has fake parts"]
    for one in near.measured:
        lines += [
            f"  {one.on}:",
            f"    real voices marked anywhere  {share_words(one.genuine_marked, one.genuine)}",
            f"    partial fakes found          {share_words(one.partial_found, one.partial)}",
        ]
    return "\n".join(lines)


def _feeding(card: "ModelCard") -> str:
    front = card.model.frontend
    normalized = front.kind == "xlsr" and front.normalize_input
    return "zero mean and unit variance" if normalized else "raw waveform"


def _document(folder: "ModelFolder") -> dict[str, Any]:
    return {"path": str(folder.path), **folder.card.model_dump(mode="json")}


def _strides(text: str | None) -> tuple[int, ...] | None:
    from fakemamba.errors import ConfigError

    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--conv-strides {text}: give whole numbers with commas, such as 5,2,2,2,2,2,2")
    return tuple(int(part) for part in parts)


def _plain(name: str) -> str:
    """A folder's name that a model can bear."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "._+-") else "-" for char in name).lstrip(
        "._+-"
    )
    return kept[:100] or "model"


def _console() -> Any:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=500)  # pipes and files are not folded


def _table(facts: dict[str, str]) -> "Table":
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, "\n".join(_escape(line) for line in value.split("\n")))
    return table


def _escape(text: str) -> str:
    """A card is a stranger's text: no markup, no control characters."""
    from rich.markup import escape

    return escape("".join(char if char.isprintable() else " " for char in text))


def _print_json(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, indent=2))
