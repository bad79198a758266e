"""`scores.tsv`: one row per scored clip, appended as the work goes on, safe to be killed at any moment.

A row is written with its line break in one piece. After a kill the file ends with whole rows and at most one broken
one, which is cut off when it is opened again. Beside it lies `scores.json`, which says what the scores were made
with; rows of another model, protocol or data set are never mixed in.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation.clips import FIELDS, META, SCORES, Origin, ScoredClip, cells, read_clips, read_origin, row

# A newer release, a folder that has grown, a name for the same thresholds.
_MAY_CHANGE = frozenset({"version", "expected", "operating_point"})
_ONCE_UNTOLD = frozenset({"precision", "calibrations"})  # older releases did not say, and had no bf16


class ScoreFile:
    """The open score file of one run; use it with `with`.

    Args:
        folder: where `scores.tsv` and `scores.json` lie or shall lie; made if absent. None keeps nothing on disk.
        origin: what the new scores are made with.

    Raises:
        DataError: the folder holds scores of another origin, a damaged file, or another run is writing to it.
        ConfigError: the folder cannot be written.
    """

    def __init__(self, folder: Path | None, origin: Origin) -> None:
        self.clips: list[ScoredClip] = []
        self._file: BinaryIO | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = cast(BinaryIO, (folder / SCORES).open("a+b", buffering=0))
            _lock(self._file, folder)
            _check_origin(folder, origin)
            _cut_broken_row(self._file)
            if self._file.tell() == 0:
                self._file.write(row(FIELDS))
            self.clips = read_clips(folder / SCORES)
        except OSError as error:
            self.close()
            raise ConfigError(f"{folder}: scores cannot be written there: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def add(self, clips: Sequence[ScoredClip]) -> None:
        """Keep new rows; they are on their way to the disk when this returns."""
        self.clips += clips
        if self._file is None or not clips:
            return
        data = b"".join(row(cells(clip)) for clip in clips)
        try:
            reason = None if self._file.write(data) == len(data) else "the disk is full"
        except OSError as error:
            reason = error.strerror or str(error)
        if reason is not None:
            raise ConfigError(f"{self._file.name}: cannot be written: {reason}; what was scored before is kept")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_origin(folder: Path, origin: Origin) -> None:
    """The scores there must have been made alike; where there are none yet, say how they will be."""
    found = read_origin(folder)
    if found is None and (folder / SCORES).stat().st_size > 0:
        raise DataError(f"{folder / SCORES}: nothing says which model made it ({META} is missing); use another --out")
    theirs, ours = (found or origin).to_dict(), origin.to_dict()
    for name in ours:
        untold = name in _ONCE_UNTOLD and not theirs[name] and ours[name] != "bf16"
        if name not in _MAY_CHANGE and not untold and not _alike(theirs[name], ours[name]):
            what = "another model" if name.startswith("model") else f"another {name.replace('_', ' ').rstrip('s')}"
            raise DataError(
                f"{folder}: its scores were made with {what} ({theirs[name]}, now {ours[name]}); use another --out"
            )
    if found != origin:
        partial = folder / f"{META}.partial"
        partial.write_text(json.dumps(ours, indent=2) + "\n", encoding="utf-8")
        partial.replace(folder / META)


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _lock(file: BinaryIO, folder: Path) -> None:
    """One writer at a time; the lock ends with the process. Where the system has none, none is taken."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError(f"{folder}: another run is writing scores there; wait for it or use another --out") from error
    except OSError:
        return  # a file system without locks


def _cut_broken_row(file: BinaryIO) -> None:
    """Cut off what follows the last line break, and stand at the end."""
    end = file.seek(0, 2)
    keep = end
    while keep > 0:
        start = max(0, keep - 65_536)
        file.seek(start)
        found = file.read(keep - start).rfind(b"\n")
        if found >= 0:
            keep = start + found + 1
            break
        keep = start
    if keep < end:
        file.truncate(keep)
    file.seek(0, 2)
