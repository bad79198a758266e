"""What a user names on the command line -> the recordings to judge."""

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fakemamba.audio.endings import AUDIO
from fakemamba.errors import AudioError, ConfigError

STDIN, STDIN_NAME = "-", "stdin"


@dataclass(frozen=True)
class Input:
    """One recording: what to call it, and its path as the user wrote it; None for the standard input."""

    name: str
    path: str | None


def expand(names: Sequence[str], *, recursive: bool) -> tuple[list[Input], list[tuple[str, AudioError]]]:
    """Files in the order given, folders as their audio files sorted by name; each file once, however it is spelled.

    Returns:
        the inputs, and for each folder that gives none its name with the error.

    Raises:
        ConfigError: a name is empty.
    """
    if "" in names:
        raise ConfigError("a file's name is empty: is a shell variable not set?")
    found: dict[str, Input] = {}
    failed: list[tuple[str, AudioError]] = []
    for name in names:
        try:
            for item in _expand_one(name, recursive):
                found.setdefault(STDIN if item.path is None else place(item.path), item)
        except AudioError as error:
            failed.append((name, error))
    return list(found.values()), failed


def place(path: Path | str) -> str:
    """Where a path leads, links followed; what cannot be followed is told apart by its name."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


def _expand_one(name: str, recursive: bool) -> list[Input]:
    if name == STDIN:
        return [Input(STDIN_NAME, None)]
    if not os.path.isdir(name):  # noqa: PTH112 - unlike Path's, it takes any text and never raises
        return [Input(name, name)]
    files = [Input(str(file), str(file)) for file in _audio_files(Path(name), recursive)]
    if not files:
        hint = "" if recursive else "; --recursive looks into its folders too"
        raise AudioError(f"{name}: no audio files in this folder{hint}")
    return files


def _audio_files(folder: Path, recursive: bool) -> list[Path]:
    """Audio files by their ending; hidden ones are left out, links to folders are not followed."""
    found = []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [] if not recursive else [name for name in folders if not name.startswith(".")]
        found += [
            Path(parent, name) for name in names if Path(name).suffix.lower() in AUDIO and not name.startswith(".")
        ]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise AudioError(f"{error.filename}: cannot be read: {error.strerror}")


class HashedStdin:
    """The standard input as it comes, with the SHA-256 of what was read; a pipe cannot be read twice."""

    name = STDIN_NAME

    def __init__(self) -> None:
        if sys.stdin is None or sys.stdin.isatty():
            raise AudioError("stdin: nothing is piped into it; run  fakemamba detect - < clip.wav")
        self._digest = hashlib.sha256()

    def seekable(self) -> bool:
        return False

    def read(self, count: int = -1) -> bytes:
        data = sys.stdin.buffer.read(count)
        self._digest.update(data)
        return data

    def sha256(self) -> str:
        """Of the bytes read so far."""
        return self._digest.hexdigest()
