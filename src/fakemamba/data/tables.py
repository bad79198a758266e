"""Small text tables as they come: gzip or not, tabs, commas or blanks, with or without a header."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

from fakemamba.errors import DataError

# The names that a column goes by, in the header of whoever wrote the file.
ALIASES: dict[str, str] = {
    alias: name
    for name, aliases in {
        "id": ("id", "file", "filename", "file_name", "utt", "utt_id", "utterance", "utterance_id", "path", "trial"),
        "label": ("label", "key", "cm-label", "cm_label", "class", "target"),
        "score": ("score", "cm-score", "cm_score", "llr"),
        "speaker": ("speaker", "speaker_id", "spk", "spk_id"),
        "attack": ("attack", "attack_label", "system"),
        "subset": ("subset", "split", "phase", "partition"),
    }.items()
    for alias in aliases
}

# How corpora write the two classes; bare numbers are refused, since 1 means bona fide here and spoof there.
LABELS: dict[str, bool] = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona_fide", "bona fide", "genuine", "real", "human"), True),
    **dict.fromkeys(("spoof", "spoofed", "fake", "deepfake", "synthetic"), False),
}


@dataclass(frozen=True)
class Table:
    """Rows of text, all of one width.

    Attributes:
        path: where it was read.
        header: the first row where it names the columns, by our names where known; None without a header.
        rows: the cells.
        first_line: the line number of rows[0], for messages.
    """

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]
    first_line: int

    def column(self, index: int) -> list[str]:
        return [row[index] for row in self.rows]

    def width(self) -> int:
        return len(self.rows[0])

    def at(self, row: int) -> str:
        """Where a row stands, for messages: 'scores.txt, line 7'."""
        return f"{self.path}, line {row + self.first_line}"


def read_table(path: str | Path) -> Table:
    """Read a table; `.gz` content is unpacked whatever its name, blank lines and a byte-order mark are skipped.

    Raises:
        DataError: the file is missing, empty, not text, or its rows have different widths.
    """
    path = Path(path)
    lines = _lines(path)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise DataError(f"{path} is empty")
    rows = _split(lines[first:], lines[first])
    names = _names(rows[0])
    header = names if "id" in names and len(names) > 1 and _is_header(names, rows[0]) else None
    body = rows[1:] if header else rows
    if not body:
        raise DataError(f"{path} has a header but no row")
    table = Table(path, header, body, first + 1 + (header is not None))
    _check_widths(table, len(rows[0]))
    return table


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file: give a score or key file") from error
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"cannot read {path}: {reason}") from error


def _split(lines: list[str], sample: str) -> list[list[str]]:
    filled = [line for line in lines if line.strip()]
    if "\t" in sample:
        return [[cell.strip() for cell in line.split("\t")] for line in filled]
    if "," in sample:
        return [[cell.strip() for cell in row] for row in csv.reader(filled)]
    return [line.split() for line in filled]


def _names(cells: list[str]) -> tuple[str, ...]:
    """Our names of the columns; of two that mean the same, the second keeps its own name."""
    names: list[str] = []
    for cell in (cell.strip().lower() for cell in cells):
        name = ALIASES.get(cell, cell)
        names.append(cell if name in names else name)
    return tuple(names)


def _is_header(names: tuple[str, ...], cells: list[str]) -> bool:
    """A header names a second known column; a row of data that begins with an utterance called 'id' does not."""
    return any(name in ("label", "score", "attack") for name in names) and not any(c.lower() in LABELS for c in cells)


def _check_widths(table: Table, width: int) -> None:
    for number, row in enumerate(table.rows):
        if len(row) != width:
            raise DataError(f"{table.at(number)}: {len(row)} columns where the first row has {width}")


def sample(names: list[str], most: int = 3) -> str:
    """The first few names, for messages."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
