"""The file that says "this is a generated miniature": with the counts that its splits must hold instead."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from fakemamba.data.corpora.corpus import Counts
from fakemamba.errors import DataError

MARKER = "fakemamba-miniature.json"


@dataclass(frozen=True)
class Marker:
    """How a miniature was made; counts: "split/subset" -> (bona fide, spoof)."""

    corpus: str
    seed: int
    per_class: int
    counts: dict[str, Counts]


def write_marker(root: Path, marker: Marker) -> None:
    """Mark `root` as a miniature."""
    (root / MARKER).write_text(json.dumps(vars(marker), indent=1) + "\n", encoding="utf-8")


def read_marker(root: Path, corpus: str) -> Marker | None:
    """What is said of the miniature that `root` or the folder above it is; None if it is none of this corpus."""
    for folder in (root, root.absolute().parent):
        file = folder / MARKER
        if not os.path.isfile(file):  # noqa: PTH113 - unlike Path's, it never raises
            continue
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            counts = {str(name): (int(pair[0]), int(pair[1])) for name, pair in said["counts"].items()}
            marker = Marker(str(said["corpus"]), int(said["seed"]), int(said["per_class"]), counts)
        except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
            raise DataError(f"{file} is damaged: make the miniature again") from error
        if marker.corpus == corpus:
            return marker
    return None
