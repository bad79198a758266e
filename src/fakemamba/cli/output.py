"""Where reports go: checked before the work begins, written whole or not at all."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from fakemamba.audio.source import printable
from fakemamba.cli.inputs import Input, place
from fakemamba.errors import ConfigError
from fakemamba.report import Kind

ENDINGS: dict[str, Kind] = {".json": "json", ".csv": "csv", ".html": "html", ".htm": "html", ".txt": "text"}

Targets = dict[Path, Kind]


def plan(outputs: Sequence[Path], formats: Sequence[Kind], inputs: Sequence[Input]) -> tuple[Targets, Kind | None]:
    """Which file gets which kind, and what stdout gets instead of text (None for text).

    Raises:
        ConfigError: the options contradict each other, or a file could not be written.
    """
    if len(formats) > 1:
        raise ConfigError(f"only one of --{' and --'.join(formats)} can go to one place: use -o FILE.ENDING for each")
    if formats and len(outputs) > 1:
        raise ConfigError(f"leave --{formats[0]} out: with several --output their endings say what each becomes")
    if formats and not outputs:
        return {}, formats[0]
    targets: Targets = {}
    taken = {place(item.path) for item in inputs if item.path is not None}
    for path in outputs:
        kind = formats[0] if formats else _by_ending(path)
        if place(path) in {place(other) for other in targets}:
            raise ConfigError(f"--output {path}: given twice")
        if place(path) in taken:
            raise ConfigError(f"--output {path}: is one of the recordings to judge and would be overwritten")
        _check_writable(path)
        targets[path] = kind
    return targets, None


def make_folder(path: Path) -> None:
    """A folder and those above it; ConfigError where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: no such folder can be made: {error.strerror or error}") from error


def write(path: Path, text: str) -> None:
    """Put `text` into `path` in one step; an old file stays until the new one is whole.

    Links are followed and stay; a device, a pipe and the like is written into, never replaced.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            _put(target, text)
        else:
            _replace(target, text)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise ConfigError(f"--output {path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _replace(target: Path, text: str) -> None:
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        _put(partial, text)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _put(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.write(text)


def _by_ending(path: Path) -> Kind:
    try:
        return ENDINGS[path.suffix.lower()]
    except KeyError as error:
        known = ", ".join(ENDINGS)
        raise ConfigError(
            f"--output {path}: unknown ending; use one of {known}, or add --json, --csv or --html"
        ) from error


def _check_writable(path: Path) -> None:
    try:
        folder = path.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"--output {printable(str(path))}: cannot be written: {reason}") from error
    if folder:
        raise ConfigError(f"--output {path}: is a folder; name a file in it")
    if path.exists() and not path.is_file():
        return  # a device or a pipe, written into where it is
    if not path.parent.is_dir():
        raise ConfigError(f"--output {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--output {path}: cannot be written: no permission in {path.parent}")
