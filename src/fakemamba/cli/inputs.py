"""What a user names on the command line -> the recordings to judge."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakemamba.errors import AudioError

STDIN = "-"
# What a folder is searched for; a file named outright may have any ending.
AUDIO = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64 .sph .amr .awb".split()
    + ".m4a .m4b .aac .mp4 .m4v .mov .webm .mkv .mka .3gp .wma .avi".split()
)


@dataclass(frozen=True)
class Input:
    """One recording: what to call it, and the file; None for the standard input."""

    name: str
    path: Path | None


def expand(names: Sequence[str], *, recursive: bool) -> tuple[list[Input], list[tuple[str, AudioError]]]:
    """Files in the order given, folders as their audio files sorted by name; each file once.

    Returns:
        the inputs, and for each folder that gives none its name with the error.
    """
    found: dict[str, Input] = {}
    failed: list[tuple[str, AudioError]] = []
    for name in names:
        try:
            for item in _expand_one(name, recursive):
                found.setdefault(item.name, item)
        except AudioError as error:
            failed.append((name, error))
    return list(found.values()), failed


def _expand_one(name: str, recursive: bool) -> list[Input]:
    if name == STDIN:
        return [Input("stdin", None)]
    path = Path(name)
    if not path.is_dir():
        return [Input(name, path)]
    files = [Input(str(file), file) for file in _audio_files(path, recursive)]
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


@contextmanager
def opened(item: Input) -> Iterator[Path]:
    """The file to read; the standard input is first put into a temporary file, so that its length does not matter."""
    if item.path is not None:
        yield item.path
        return
    with tempfile.TemporaryDirectory(prefix="fakemamba-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if path.stat().st_size == 0:
            raise AudioError("stdin: empty; pipe an audio file into it")
        yield path
