"""What lies on the disk: parts of a corpus found by name, audio listed once per folder."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from fakemamba.audio.endings import AUDIO
from fakemamba.errors import DataError

# Folders full of audio: nothing that is sought lies below them, and listing them takes long.
_LEAVES = frozenset({"flac", "wav", "wavs", "con_wav", "con_data"})
_DEPTH = 3


def check_root(root: Path, what: str) -> None:
    """Raise DataError unless `root` is a folder that can be listed."""
    try:
        with os.scandir(root):
            return
    except NotADirectoryError as error:
        raise DataError(f"{root} is a file: give the folder that holds {what}") from error
    except FileNotFoundError as error:
        raise DataError(f"{root}: no such folder; give the one that holds {what}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{root} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def seek(root: Path, *names: str, depth: int = _DEPTH) -> Path | None:
    """The first of `names` (relative paths) in `root` or a folder below it, the nearest first; None if there is none.

    So a root may be the folder that an archive was unpacked into, or the one that it made.
    """
    waiting: deque[tuple[Path, int]] = deque([(root, 0)])
    while waiting:
        folder, level = waiting.popleft()
        for name in names:
            if os.path.exists(folder / name):  # noqa: PTH110 - unlike Path's, it never raises
                return folder / name
        if level < depth:
            waiting.extend((below, level + 1) for below in folders(folder) if below.name.lower() not in _LEAVES)
    return None


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, links included, hidden ones not; [] where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []


def audio_below(folder: Path) -> list[str]:
    """Audio files at any depth by their ending, as sorted paths relative to `folder` with /; hidden ones left out.

    Links to folders are followed, each folder once. Raises DataError where a folder cannot be listed.
    """
    return sorted(_walk(folder))


def _walk(folder: Path) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        place = folder / prefix
        try:
            state = place.stat()
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if is_audio(entry.name):
                        yield prefix + entry.name
                    elif entry.is_dir():
                        waiting.append(f"{prefix}{entry.name}/")
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error.strerror}") from error


def is_audio(name: str) -> bool:
    """Whether a file's name ends like a recording's."""
    return os.path.splitext(name)[1].lower() in AUDIO  # noqa: PTH122 - a Path for each of 600 000 names takes seconds


def without_ending(name: str) -> str:
    """A name without its audio ending, if it has one."""
    return name.rpartition(".")[0] if is_audio(name) else name


class AudioIndex:
    """Audio files of some folders by name without ending: bare (`deep=False`) or with the folders below (`deep=True`).

    Attributes:
        doubles: names that stand for two files (x.wav beside x.flac); the first by path is taken.
    """

    def __init__(self, places: Iterable[Path], *, deep: bool = False) -> None:
        self.doubles: list[str] = []
        self._files: dict[str, str] = {}
        for place in places:
            for path in audio_below(place):
                name = without_ending(path if deep else path.rpartition("/")[2])
                if name in self._files:
                    self.doubles.append(name)
                else:
                    self._files[name] = f"{place}/{path}"

    def __len__(self) -> int:
        return len(self._files)

    def find(self, name: str) -> Path | None:
        """The file of that name, given with or without ending; leading folders that lie above the root may be cut."""
        while name:
            path = self._files.get(name) or self._files.get(without_ending(name))
            if path is not None:
                return Path(path)
            name = name.partition("/")[2]
        return None


class Presence:
    """Whether files are there, by a listing of each folder that is asked for, once."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def __contains__(self, path: Path) -> bool:
        if path.parent not in self._names:
            try:
                with os.scandir(path.parent) as entries:
                    self._names[path.parent] = frozenset(entry.name for entry in entries)
            except (OSError, ValueError):
                self._names[path.parent] = frozenset()
        # A file system that ignores case, or a name such as "..", is asked itself before a file is called missing.
        return path.name in self._names[path.parent] or os.path.isfile(path)  # noqa: PTH113 - see `seek`
