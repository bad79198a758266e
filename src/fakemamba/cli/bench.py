"""`fakemamba bench`: how fast, how much memory, beside the plain implementation, on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fakemamba.bench.plan import Point
    from fakemamba.bench.records import Cell, Skip
    from fakemamba.bench.run import Group
    from fakemamba.bench.store import Store
    from fakemamba.bench.subjects import Say

_WHAT, _HOW, _OUT = "What is measured", "How", "Output"


def bench(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Built-in names, model folders, or configuration files (.toml), which get random weights.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Under a minute: shows that all works; its numbers mean nothing.")
    ] = False,
    encoders: Annotated[
        bool,
        typer.Option("--encoders", help="The paper's figure: every encoder over duration.", rich_help_panel=_WHAT),
    ] = False,
    with_frontend: Annotated[
        bool, typer.Option("--with-frontend", help="The encoders with XLS-R before them.", rich_help_panel=_WHAT)
    ] = False,
    durations: Annotated[
        str | None,
        typer.Option(
            metavar="S,S,…", help="Seconds; 0.5,1,2,4.175,10,60,600,3600 if not given.", rich_help_panel=_WHAT
        ),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="N,N,…", help="Clips at once; 1,8,32 if not given.", rich_help_panel=_WHAT)
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N,N,…|all", help="1,2,all if not given.", rich_help_panel=_WHAT)
    ] = None,
    backends: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="torch, torch-bf16, onnx, onnx-int8, torch+chunked (no kernels), torch+SCAN.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …", rich_help_panel=_WHAT)] = "cpu",
    grid: Annotated[
        bool,
        typer.Option("--grid", help="All combinations, not one thing at a time.", rich_help_panel=_WHAT),
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Of measuring, for each number; else 5.", rich_help_panel=_HOW)
    ] = None,
    limit: Annotated[
        float, typer.Option(min=1.0, help="Leave out what takes more seconds a call.", rich_help_panel=_HOW)
    ] = 120.0,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Keeps what is measured; goes on.", rich_help_panel=_OUT),
    ] = Path("bench"),
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: table and plots of --output.", rich_help_panel=_OUT)
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=_OUT)] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables as Markdown.", rich_help_panel=_OUT)
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.", rich_help_panel=_OUT)] = False,
) -> None:
    """Measure speed and memory of models, each way to run them in turns with the plain implementation.

    A run that was stopped goes on with the same command. The same numbers stand in DIR/bench.json, bench.md and plots.

    Examples:

      fakemamba bench

      fakemamba bench configs/fake-mamba-l.toml --durations 1,4.175,10 --threads all -o bench-l

      fakemamba bench --encoders -o bench-encoders
    """
    from fakemamba.bench.run import Settings, measure
    from fakemamba.bench.store import Store
    from fakemamba.errors import ConfigError

    if json and markdown:
        raise ConfigError("only one of --json and --markdown can go to one place")
    store = Store(output)
    if report:
        _show(store, *store.settings(), json=json, markdown=markdown)
        return
    _check_device(device)
    rounds: dict[str, Any] = {"most": 4, "least": 2} if quick else {}
    settings = Settings(device=device, budget=seconds or (0.2 if quick else 5.0), limit=limit, **rounds)
    words = {"durations": durations, "batch": batch, "threads": threads, "backends": backends}
    wanted = _Wanted(models or [], words, quick=quick, grid=grid)
    say: Say = _silence if quiet else _tell
    groups = wanted.encoders(whole=with_frontend) if encoders or with_frontend else []
    wanted.check()
    store.claim(quick=quick, device=device)
    groups = groups or wanted.models(output, say)
    skipped = measure(groups, store, settings, say)
    _show(store, settings.to_dict(), skipped, json=json, markdown=markdown)


class _Wanted:
    """The options as groups to measure; everything is checked before anything is measured."""

    def __init__(self, models: list[str], words: dict[str, str | None], *, quick: bool, grid: bool) -> None:
        from fakemamba.bench.backends import USUAL, backend
        from fakemamba.bench.plan import BATCHES, DURATIONS, numbers, thread_counts
        from fakemamba.machine.processor import cores

        usable = cores().usable
        usual = {"batch": "1", "threads": "1"} if quick else {
            "batch": ",".join(map(str, BATCHES)),
            "threads": "1,2,all" if usable > 1 else "all",
        }  # fmt: skip
        self._models, self._quick, self._grid = models, quick, grid
        self._words = words
        names = words["backends"]
        self.backends = list({one.name: one for one in map(backend, names.split(",") if names else USUAL)}.values())
        default = (1.0, 4.0) if quick else DURATIONS
        self.durations = numbers(words["durations"], "--durations") if words["durations"] else default
        self.batches = [int(n) for n in numbers(words["batch"] or usual["batch"], "--batch", whole=True)]
        self.threads = thread_counts(words["threads"] or usual["threads"], usable)

    def check(self) -> None:
        """Whether the models are there, before a folder is made for their numbers."""
        from fakemamba.checkpoint.folder import open_folder
        from fakemamba.config import load_model_config

        for word in self._models:
            _ = load_model_config(Path(word)) if word.endswith(".toml") else open_folder(word)

    def models(self, out: Path, say: "Say") -> "list[Group]":
        from fakemamba.bench import subjects
        from fakemamba.bench.plan import points
        from fakemamba.bench.run import groups_of_models
        from fakemamba.checkpoint.folder import default_name

        found = subjects.models(self._models or [default_name()], self.backends, out, say)
        if self._quick and not self._models and subjects.has_torch():
            found.append(subjects.tiny(self.backends, out, say))

        def sizes(subject: subjects.Subject) -> "list[Point]":
            return points(self.durations, self.batches, self.threads, every=self._grid, base=subject.window)

        return groups_of_models(found, self.backends, sizes)

    def encoders(self, *, whole: bool) -> "list[Group]":
        from fakemamba.bench.backends import REFERENCE, backend
        from fakemamba.bench.plan import LONGEST_PASS, Point
        from fakemamba.bench.run import Group
        from fakemamba.bench.subjects import encoders, has_torch
        from fakemamba.errors import ConfigError, MissingExtraError

        if self._models:
            raise ConfigError("--encoders measures the encoders of the paper: leave the models out")
        if not has_torch():
            raise MissingExtraError("measuring encoders", "torch")
        usual = (1.0, 4.0) if self._quick else (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
        durations = self.durations if self._words["durations"] else usual
        if max(durations) > LONGEST_PASS:
            raise ConfigError(f"--durations: encoders are measured on clips of {LONGEST_PASS:g} s at most")
        chosen = self.backends if self._words["backends"] else [backend("torch")]
        found = encoders(small=self._quick, whole=whole)
        specs = tuple((subject, one) for subject in found for one in chosen)
        reference = (found[0], backend(REFERENCE))
        sizes = [Point(seconds, self.batches[0], max(self.threads), "encoder") for seconds in sorted(durations)]
        return [Group(point, specs, reference) for point in sizes]


def _tell(text: str) -> None:
    typer.echo(text, err=True)


def _silence(text: str) -> None:
    """No progress."""


def _check_device(device: str) -> None:
    from fakemamba.errors import ConfigError

    if device.partition(":")[0] not in ("cpu", "cuda", "mps", "xpu"):
        raise ConfigError(f"--device {device}: choose cpu, cuda, cuda:1 (2, …), mps or xpu")


def _show(store: "Store", settings: dict[str, Any], skipped: "list[Skip]", *, json: bool, markdown: bool) -> None:
    """Write the report anew from what the folder holds, and print it."""
    from fakemamba.bench.report import as_json, document
    from fakemamba.bench.report import markdown as as_markdown
    from fakemamba.bench.store import REPORT
    from fakemamba.errors import FakeMambaError

    machine, cells = store.machine(), store.cells()
    if not cells:
        first = f", the first reason: {skipped[0].reason}" if skipped else ""
        raise FakeMambaError(f"{store.out}: nothing was measured{first}")
    found = as_json(document(machine, settings, cells, skipped))
    text = as_markdown(cells, machine, skipped)
    store.write(REPORT, found)
    store.write("bench.md", text)
    drawn = _draw(store, cells, quick=bool(machine["quick"]))
    if json or markdown:
        typer.echo(found if json else text, nl=False)
        return
    _print(cells, machine, skipped)
    plots = f", {drawn} plots" if drawn else "; plots need  pip install 'fakemamba[plot]'"
    typer.echo(f"kept: {store.out / 'bench.json'}, bench.md{plots}")


def _draw(store: "Store", cells: "list[Cell]", *, quick: bool) -> int:
    from fakemamba import plots

    if not plots.available():
        return 0
    from fakemamba.bench.pictures import pictures

    figures = pictures(cells, quick=quick)
    for name, figure in figures.items():
        plots.save(figure, store.out / name)
    return len(figures)


def _print(cells: "list[Cell]", machine: dict[str, Any], skipped: "list[Skip]") -> None:
    from rich.console import Console
    from rich.table import Table

    from fakemamba.bench.report import notes, tables

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)
    for one in tables(cells):
        table = Table(title=one.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for place, name in enumerate(one.head):
            table.add_column(name, justify="left" if place in (0, 3) or name == "encoder" else "right")
        for row in one.rows:
            table.add_row(*row)
        console.print(table)
        console.print()
    for note in notes(cells, machine, skipped):
        console.print(note)
