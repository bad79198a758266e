"""The file that says "this is a generated miniature": with the counts that its splits must hold instead."""

import json
from collections.abc import Mapping
from pathlib import Path

from fakemamba.data.corpora.corpus import Counts
from fakemamba.errors import DataError

MARKER = "fakemamba-miniature.json"


def write_marker(root: Path, corpus: str, counts: Mapping[str, Counts]) -> None:
    """Mark `root`; `counts` is "split/subset" -> (bona fide, spoof)."""
    text = json.dumps({"corpus": corpus, "counts": {name: list(pair) for name, pair in counts.items()}}, indent=1)
    (root / MARKER).write_text(text + "\n", encoding="utf-8")


def read_marker(root: Path, corpus: str) -> dict[str, Counts] | None:
    """The counts of the miniature that `root` or the folder above it is; None if it is none of this corpus."""
    for folder in (root, root.absolute().parent):
        file = folder / MARKER
        if not file.is_file():
            continue
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            if said["corpus"] == corpus:
                return {name: (int(a), int(b)) for name, (a, b) in said["counts"].items()}
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise DataError(f"{file} is damaged: make the miniature again") from error
    return None
