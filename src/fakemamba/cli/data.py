"""`fakemamba data`: which corpora can be read, whether one of them is all there, and miniatures for dry runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from fakemamba.data.corpora import CorpusReport, SplitFacts

app = typer.Typer(help="Check, list and imitate corpora.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is: see `fakemamba data list`.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Check, list and imitate corpora."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("check")
def check(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it lies (for tsv: the table, too).")],
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only train, dev, eval or a subset of the key; else everything.")
    ] = None,
    genuine: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Human counterpart of MLAAD or WaveFake; repeatable."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD=MEANING", help="Of tsv and folder: tts=spoof, human=bonafide, x=ignore."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by attack, codec, language, …; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell what a corpus holds, what is missing, and whether its counts are the official ones.

    Exit code 2 if it cannot be used as it is. Nothing is changed.

    Example:  fakemamba data check asvspoof2019-la /data/LA
    """
    from json import dumps

    from rich.console import Console

    from fakemamba.data.corpora import VALUED, check_corpus
    from fakemamba.errors import ConfigError

    for column in set(by or ()) - set(VALUED):
        raise ConfigError(f"--by {column}: choose one of {', '.join(VALUED)}")
    report = check_corpus(name, folder, split=split, genuine=genuine or (), labels=_meanings(label or []))
    for kind, texts in (("note", report.notes), ("warning", report.warnings), ("error", report.problems)):
        for text in texts:
            typer.echo(f"{kind}: {text}", err=True)
    if json:
        typer.echo(dumps({**report.to_dict(), "usable": report.usable}, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(Console(highlight=False, markup=False), report, by or [])
    if not report.usable:
        raise typer.Exit(2)


@app.command("list")
def list_(json: Json = False) -> None:
    """Show the corpora that can be read, where they come from and what must lie in their folder."""
    from json import dumps

    from fakemamba.data.corpora import CORPORA

    if json:
        words = ("name", "title", "site", "licence", "layout", "counterpart")
        documents = [{word: getattr(corpus, word) for word in words} for corpus in CORPORA.values()]
        typer.echo(dumps(documents, indent=2, ensure_ascii=False))
        return
    width = max(len(name) for name in CORPORA)
    for corpus in CORPORA.values():
        typer.echo(f"{corpus.name:{width}}  {corpus.title}{f': {corpus.site}' if corpus.site else ''}")
        typer.echo(f"{'':{width}}  {corpus.layout}")


@app.command("miniature")
def miniature(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    per_class: Annotated[int, typer.Option(min=1, help="Clips of either class in each split or subset.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Of the made-up audio.")] = 0,
) -> None:
    """Make a tiny imitation of a corpus in its official format, with made-up audio, for dry runs.

    Example:  fakemamba data miniature asvspoof2021-df mini/df
    """
    from fakemamba.data.miniature import make_miniature

    typer.echo(f"{make_miniature(name, folder, seed=seed, per_class=per_class)}: a miniature of {name}")


def _meanings(labels: list[str]) -> dict[str, int | None]:
    from fakemamba.data.mix import MEANINGS
    from fakemamba.errors import ConfigError

    found = {}
    for text in labels:
        word, mark, meaning = text.rpartition("=")
        if not mark or not word or meaning not in MEANINGS:
            raise ConfigError(f"--label {text}: write WORD=MEANING, the meaning one of {', '.join(MEANINGS)}")
        found[word] = MEANINGS[meaning]
    return found


def _show(console: "Console", report: "CorpusReport", by: list[str]) -> None:
    console.print(f"{report.corpus} in {report.root}: {'usable' if report.usable else 'NOT usable'}", soft_wrap=True)
    _print(console, [_row(split) for split in report.splits])
    for column in by:
        found = [
            (split, value, pair) for split in report.splits for value, pair in split.values.get(column, {}).items()
        ]
        _print(
            console,
            [
                {"part": _part(split), column: value, "real": str(pair[0]), "fake": str(pair[1])}
                for split, value, pair in found
            ],
        )
        if not found:
            console.print(f"nothing is known by {column}")


def _print(console: "Console", rows: list[dict[str, str]]) -> None:
    """A table of those columns that say something."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    for place, name in enumerate(shown):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(row[name] or "–" for name in shown))
    if rows:
        console.print(table)


def _part(split: "SplitFacts") -> str:
    return " ".join(dict.fromkeys(word for word in (split.split, split.subset) if word)) or "all"


def _row(split: "SplitFacts") -> dict[str, str]:
    """Column -> cell, "" where nothing is known."""
    counts = (split.bonafide, split.spoof)
    numbers = {
        "missing": split.missing,
        **{f"{name}s": len(split.values.get(name, ())) for name in ("attack", "codec", "language")},
        "speakers": split.speakers,
    }
    return {
        "part": _part(split),
        "real": str(split.bonafide),
        "fake": str(split.spoof),
        "official": "" if split.official is None else ("yes" if split.official == counts else "NO"),
        **{name: str(number) if number else "" for name, number in numbers.items()},
        "hours": "" if split.hours is None else f"{split.hours:.2f}",
        "Hz": ", ".join(str(rate) for rate in split.sample_rates),
    }
