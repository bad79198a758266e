"""The command line: thin verbs over the library, one line on stderr for what went wrong, honest exit codes.

    0 done · 1 a fake was found (only with --fail-on-fake) · 2 the user can mend it · 3 our bug · 130 interrupted

Each verb's module imports what it needs inside its functions, so that `--help` is quick.
"""

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from fakemamba import __version__
from fakemamba.cli.bench import bench
from fakemamba.cli.compare import compare
from fakemamba.cli.data import app as data
from fakemamba.cli.detect import detect
from fakemamba.cli.doctor import doctor
from fakemamba.cli.evaluate import evaluate
from fakemamba.cli.export import export
from fakemamba.cli.listen import listen
from fakemamba.cli.metrics import metrics
from fakemamba.cli.models import app as models
from fakemamba.cli.paper import paper
from fakemamba.cli.serve import serve
from fakemamba.cli.train import train
from fakemamba.errors import FakeMambaError

ISSUES = "please report it with the traceback that --debug shows"
_UsageError = typer.BadParameter.__base__ or typer.BadParameter  # click's, wherever typer keeps it

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fakemamba {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of any error.")] = False,  # noqa: ARG001 - see `_take_debug`
) -> None:
    """Is this voice real? Detects speech made or changed by a machine: real, fake or unsure, where, and how sure.

    Start with:  fakemamba detect clip.wav
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command("detect")(detect)
app.add_typer(data, name="data")
app.command("listen")(listen)
app.add_typer(models, name="models")
app.command("metrics")(metrics)
app.command("train")(train)
app.command("export")(export)
app.command("paper")(paper)
app.command("evaluate")(evaluate)
app.command("compare")(compare)
app.command("serve")(serve)
app.command("bench")(bench)
app.command("doctor")(doctor)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))


def run(argv: list[str]) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name must not end the run on a narrow terminal
    argv, debug = _take_debug(argv)
    try:
        return _invoke(argv)
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 - the last place where anything can be told to the user
        return _explain(error, debug)


def _invoke(argv: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context("fakemamba", argv) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as stop:
        sys.stdout.flush()
        return int(stop.exit_code)
    return 0


def _explain(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if isinstance(error, FakeMambaError):
        _say(f"error: {error}")
        return 2
    if isinstance(error, _UsageError):
        return _usage(error)
    _say(f"internal error: {type(error).__name__}: {error}; {ISSUES}")
    return 3


def _usage(error: Exception) -> int:
    message = error.format_message() if isinstance(error, typer.BadParameter) else str(error)
    context = getattr(error, "ctx", None)
    verb = "fakemamba" if context is None else context.command_path
    _say(f"error: {message} ({verb} --help shows how)")
    return 2


def _take_debug(argv: list[str]) -> tuple[list[str], bool]:
    """`--debug` works at any place of the line, up to a `--`."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [word for word in argv[:end] if word != "--debug"] + argv[end:], "--debug" in argv[:end]


def _say(message: str) -> None:
    typer.echo(" ".join(message.split()), err=True)
