"""`unscored.tsv`: the clips of the last run that have no score, so that a report made later misses none of them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fakemamba.audio.source import printable
from fakemamba.errors import ConfigError, DataError
from fakemamba.metrics.records import Record

UNSCORED = "unscored.tsv"
_FIELDS = ("id", "path", "label", "reason")
_LONGEST = 4096


@dataclass(frozen=True)
class Unscored(Record):
    """A clip without a score, and why in one line."""

    id: str
    path: str
    label: int
    reason: str


def write_unscored(folder: Path, clips: Sequence[Unscored]) -> None:
    """Replace the list in one step; without clips the file goes away. ConfigError if that cannot be."""
    path = folder / UNSCORED
    out = io.StringIO()
    rows = csv.writer(out, delimiter="\t", lineterminator="\n")
    rows.writerow(_FIELDS)
    for clip in clips:
        words = (printable(text, longest=_LONGEST) for text in (clip.id, clip.path))
        rows.writerow((*words, "bonafide" if clip.label else "spoof", clip.reason))
    try:
        if not clips:
            path.unlink(missing_ok=True)
            return
        partial = path.with_name(f"{UNSCORED}.partial")
        partial.write_text(out.getvalue(), encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_unscored(folder: Path) -> tuple[Unscored, ...]:
    """The list in a folder, empty where there is none; DataError if it is damaged."""
    path = folder / UNSCORED
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = list(csv.reader(lines, delimiter="\t", strict=True))
        found = [Unscored(name, place, int(label == "bonafide"), why) for name, place, label, why in rows[1:]]
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: is damaged ({error}); delete it and run the evaluation again") from error
    return tuple(found)
