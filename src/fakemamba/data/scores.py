"""Score files: one number per trial, higher = more genuine. Formats are told apart by their shape."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.keys import Text
from fakemamba.data.tables import LABELS, Table, read_table, sample
from fakemamba.errors import DataError

_ASV_CODES = {"target": 1, "nontarget": 2, "spoof": 0}


@dataclass(frozen=True)
class Scores:
    """What a score file says.

    Attributes:
        path: where it was read.
        format: its layout, in words.
        ids: (n,) trials, unique.
        scores: (n,) finite.
        labels: (n,) 1 = bona fide, 0 = spoof where the file has them (2019 format), else None.
        repeated: trials that stood there more than once (with one score) and are kept once.
    """

    path: Path
    format: str
    ids: Text
    scores: NDArray[np.float64]
    labels: NDArray[np.int64] | None
    repeated: int


@dataclass(frozen=True)
class AsvScores:
    """A verifier's scores (n,) with codes (n,) 1 = target, 2 = non-target, 0 = spoof, as `metrics.tandem` takes."""

    path: Path
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]


def read_scores(path: str | Path) -> Scores:
    """Read a score file of any known format.

    Known: ASVspoof 2021 submissions and arena boards `<id> <score>`, 2019 `<id> <attack> <label> <score>`,
    ASVspoof 5 `filename<TAB>cm-score`, `<speaker> <id> <score> <label>`, and CSV or TSV whose header names a file
    and a score column.

    Raises:
        DataError: an unknown format, a score that is no finite number, or a trial with two scores.
    """
    table = read_table(path)
    name, at = _places(table)
    values = _numbers(table, at["score"])
    ids: Text = np.array(table.column(at["id"]))
    labels = None
    if "label" in at:
        labels = np.array([LABELS.get(cell.lower(), -1) for cell in table.column(at["label"])], dtype=np.int64)
    keep = _unique(table, ids, values)
    repeated = len(ids) - len(keep)
    return Scores(table.path, name, ids[keep], values[keep], None if labels is None else labels[keep], repeated)


def read_asv_scores(path: str | Path) -> AsvScores:
    """Read the organisers' verifier scores, `<attack or bonafide> <target|nontarget|spoof> <score>` per line.

    Raises:
        DataError: another format, a kind of trial that is missing, or a score that is no finite number.
    """
    table = read_table(path)
    if table.header is not None or table.width() != 3 or table.rows[0][1] not in _ASV_CODES:
        raise DataError(f"{table.path}: not a verifier's score file; expected lines such as 'bonafide target 7.98'")
    kinds = table.column(1)
    unknown = sorted(set(kinds) - set(_ASV_CODES))
    if unknown:
        raise DataError(f"{table.path}: unknown kind of trial {unknown[0]!r}; known: {', '.join(_ASV_CODES)}")
    codes = np.array([_ASV_CODES[kind] for kind in kinds], dtype=np.int64)
    return AsvScores(table.path, _numbers(table, 2), codes)


def _places(table: Table) -> tuple[str, dict[str, int]]:
    """The layout's name and where id, score and label stand."""
    if table.header is not None:
        if "score" not in table.header:
            raise DataError(f"{table.path}: no score column among {', '.join(table.header)}; name one 'score'")
        wanted = ("id", "score", "label")
        return "table with header", {name: table.header.index(name) for name in wanted if name in table.header}
    first, width = table.rows[0], table.width()
    if width == 2 and _is_number(first[1]):
        return "id score", {"id": 0, "score": 1}
    if width == 4 and _is_number(first[3]) and first[2].lower() in LABELS:
        return "2019 format", {"id": 0, "label": 2, "score": 3}
    if width == 4 and _is_number(first[2]) and first[3].lower() in LABELS:
        return "speaker id score label", {"id": 1, "score": 2, "label": 3}
    raise DataError(
        f"{table.path}: unknown score format ({width} columns: {' '.join(first)[:80]!r}); known are '<id> <score>', "
        "'<id> <attack> <label> <score>' and CSV/TSV with a header such as filename, cm-score"
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(table: Table, index: int) -> NDArray[np.float64]:
    cells = table.column(index)
    try:
        values = np.array([float(cell) for cell in cells], dtype=np.float64)
    except ValueError as error:
        row = next(number for number, cell in enumerate(cells) if not _is_number(cell))
        raise DataError(f"{table.at(row)}: {cells[row]!r} is not a number") from error
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        row = int(bad[0])
        raise DataError(f"{table.at(row)}: score {cells[row]} ({bad.size} of {len(values)} scores are not finite)")
    return values


def _unique(table: Table, ids: Text, values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows to keep, in file order: the first of each trial."""
    _, first, where = np.unique(ids, return_index=True, return_inverse=True)
    clash = np.flatnonzero(values != values[first[where]])
    if clash.size:
        names = np.unique(ids[clash]).tolist()
        raise DataError(f"{table.path}: {len(names)} trials have two different scores: {sample(names)}")
    return np.sort(first)
