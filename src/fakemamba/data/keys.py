"""Key files: which trial is bona fide, and what else is known of it. Formats are told apart by their shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.tables import LABELS, Table, read_table, sample
from fakemamba.errors import DataError

Text = NDArray[np.str_]

_IGNORED = -1

# Columns by position (_ = not used), told apart by their number and by where the label stands.
_LAYOUTS = {
    "2019 protocol": "speaker id environment attack label",  # also PartialSpoof
    "2021 LA key": "speaker id codec transmission attack label trim subset",
    "2021 DF key": "speaker id codec source attack label trim subset vocoder task team gender language",
    "ASVspoof 5 protocol": "speaker id gender codec quality seed attack_tag attack label _",
    "six-column key": "speaker id _ _ _ label",  # In-the-Wild, as boards write it
    "2019 scores": "id attack label _",
    "label list": "id label _",  # Codecfake
    "two columns": "id label",
}


@dataclass(frozen=True)
class Key:
    """What a key file says.

    Attributes:
        path: where it was read.
        format: its layout, in words.
        ids: (n,) trials, unique.
        labels: (n,) 1 = bona fide, 0 = spoof.
        columns: name -> (n,) text: speaker, attack, codec, subset, … as far as the format has them.
        repeated: trials that stood there more than once (with one label) and are kept once.
        ignored: rows left out because of their label, as was asked for.
    """

    path: Path
    format: str
    ids: Text
    labels: NDArray[np.int64]
    columns: MappingProxyType[str, Text]
    repeated: int
    ignored: int = 0

    def subsets(self) -> dict[str, int]:
        """Trials per subset; empty where the key has no such column."""
        if "subset" not in self.columns:
            return {}
        names, counts = np.unique(self.columns["subset"], return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))


def read_key(path: str | Path, *, words: Mapping[str, int | None] = MappingProxyType({})) -> Key:
    """Read a key file of any known format.

    Args:
        path: the file; gzip is unpacked.
        words: what further words of the label column mean, in lower case: 1, 0, or None to leave the row out.

    Known: ASVspoof 2019 protocols, 2021 LA and DF keys, ASVspoof 5 protocols, In-the-Wild `meta.csv` and six-column
    key, PartialSpoof, SpoofCeleb, Codecfake lists, and CSV or TSV with a header that names a file and a label column.

    Raises:
        DataError: an unknown format or label, or a trial with two labels.
    """
    table = read_table(path)
    known: dict[str, int] = {**LABELS, **{w: _IGNORED if m is None else m for w, m in words.items()}}
    name, columns = _columns(table, known)
    if "label" not in columns:
        columns["label"] = ["bonafide" if attack == "a00" else "spoof" for attack in columns["attack"]]  # SpoofCeleb
    labels = _labels(table, columns.pop("label"), known)
    wanted = np.flatnonzero(labels != _IGNORED)
    ids: Text = np.array(columns.pop("id"))[wanted]
    first = _unique(table, ids, labels[wanted])
    keep = wanted[first]
    extras = {column: np.array(cells)[keep] for column, cells in columns.items() if _says_something(cells)}
    repeated, ignored = len(wanted) - len(keep), len(labels) - len(wanted)
    return Key(table.path, name, ids[first], labels[keep], MappingProxyType(extras), repeated, ignored)


def _columns(table: Table, known: Mapping[str, int]) -> tuple[str, dict[str, list[str]]]:
    """The layout's name and its columns."""
    if table.header is not None:
        if "label" not in table.header and not _is_spoofceleb(table):
            raise DataError(f"{table.path}: no label column among {', '.join(table.header)}; name one 'label'")
        return "table with header", {name: table.column(i) for i, name in enumerate(table.header) if name}
    for name, line in _LAYOUTS.items():
        layout = line.split()
        if len(layout) == table.width() and table.rows[0][layout.index("label")].lower() in known:
            return name, {column: table.column(i) for i, column in enumerate(layout) if column != "_"}
    shape = " ".join(table.rows[0])
    raise DataError(
        f"{table.path}: unknown key format ({table.width()} columns: {shape[:80]!r}); "
        "known are ASVspoof 2019, 2021 and 5 keys, In-the-Wild, or a CSV/TSV with the header file,label"
    )


def _is_spoofceleb(table: Table) -> bool:
    names = table.header or ()
    return "attack" in names and "a00" in table.column(names.index("attack"))


def _labels(table: Table, cells: list[str], known: Mapping[str, int]) -> NDArray[np.int64]:
    for row, cell in enumerate(cells):
        if cell.lower() not in known:
            hint = "numbers mean either thing, depending on the corpus" if cell.isdigit() else "unknown"
            raise DataError(f"{table.at(row)}: label {cell!r} ({hint}); write bonafide or spoof")
    return np.array([known[cell.lower()] for cell in cells], dtype=np.int64)


def _unique(table: Table, ids: Text, labels: NDArray[Any]) -> NDArray[np.intp]:
    """Rows to keep, in file order: the first of each trial."""
    _, first, where = np.unique(ids, return_index=True, return_inverse=True)
    clash = np.flatnonzero(labels != labels[first[where]])
    if clash.size:
        names = np.unique(ids[clash]).tolist()
        raise DataError(f"{table.path}: {len(names)} trials are both bona fide and spoof: {sample(names)}")
    return np.sort(first)


def _says_something(cells: list[str]) -> bool:
    return any(cell not in ("", "-") for cell in cells)
