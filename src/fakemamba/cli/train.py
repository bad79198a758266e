"""`fakemamba train`: a run from TOML, resumed by the same command."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fakemamba.cli.options import Quiet
from fakemamba.errors import MissingExtraError

if TYPE_CHECKING:
    from fakemamba.train.loop import Tick


def train(
    config: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="TOML files; later ones win.")],
    change: Annotated[
        list[str] | None,
        typer.Option("-s", "--set", metavar="KEY=VALUE", help="Change a setting: -s optim.lr=1e-5; repeatable."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Run folder; runs/NAME of the last CONFIG.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved settings and stop.")] = False,
    cpu: Annotated[bool, typer.Option("--cpu", help="Stay off the GPU.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a detector; the same command goes on from where a run was stopped.

    Examples:

      fakemamba train configs/compact.toml my-run.toml -s optim.lr=3e-4

      torchrun --nproc-per-node 4 -m fakemamba train configs/fake-mamba-l.toml configs/train/released-la.toml
    """
    from fakemamba.train.toml import dump, load_settings

    settings = load_settings(config, change or ())
    if show:
        typer.echo(dump(settings), nl=False)
        return
    if find_spec("torch") is None:
        raise MissingExtraError("training", "train")
    from fakemamba.train.run import train as run

    place = out or Path("runs") / config[-1].stem
    was = "finished before" if (place / "card.json").exists() else "done"
    report = None if quiet else _Report(settings.train.log_steps)
    try:
        card = run(settings, place, progress=report, cpu=cpu)
    finally:
        if report is not None:
            report.close()
    if not quiet and int(os.environ.get("RANK", "0")) == 0:  # torchrun's number of this process
        dev = "; ".join(f"{kind} {_numbers(found)}" for kind, found in card["dev"].items())
        typer.echo(f"{was} after {card['epochs']} epochs, {card['hours']:.2f} h; dev: {dev}; models in {place}")


class _Report:
    """A line now and then, and a bar between them on a terminal."""

    def __init__(self, every: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._every, self._dev = every, ""
        console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True)
        self._live = sys.stderr.isatty()

    def __call__(self, tick: "Tick") -> None:
        if tick.dev is not None:
            self._dev = f"  dev {_numbers(tick.dev.numbers)}"
            self._say(f"epoch {tick.epoch}  step {tick.step}{self._dev}")
            return
        line = (
            f"step {tick.step}/{tick.steps}  epoch {tick.epoch}  loss {tick.loss:.4f}  {tick.pace:.2f} s/step  "
            f"{tick.memory / 2**30:.1f} GB  {_clock(tick.left)} left{self._dev}"
        )
        if self._live:
            if not self._bar.task_ids:
                self._bar.add_task("", total=tick.steps)
                self._bar.start()
            self._bar.update(self._bar.task_ids[0], completed=tick.step, description=line)
        elif tick.step % self._every == 0:
            self._say(line)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _say(self, line: str) -> None:
        self._bar.console.print(line)


def _numbers(numbers: object) -> str:
    assert hasattr(numbers, "items")
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items() if name != "clips")


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
