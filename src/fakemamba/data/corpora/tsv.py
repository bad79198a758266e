"""Our own table: a TSV whose rows name audio files by paths relative to it, with what is known of each."""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

from fakemamba.data.corpora.corpus import SPLITS, Corpus, Listing, Options, Part, repeated
from fakemamba.data.corpora.files import Presence, check_root
from fakemamba.data.dataset import COLUMNS, Utterance
from fakemamba.data.keys import Key, read_key
from fakemamba.data.tables import sample
from fakemamba.errors import DataError

_LAYOUT = "a .tsv or .csv with the columns path and label (also split, system, speaker, language, source, seconds)"
_NOISE: dict[str, int | None] = {"noise": None}


def _parts(root: Path, options: Options) -> list[Part]:
    file = root if root.is_file() else _table(root)
    key = read_key(file, words={**_NOISE, **options.words})
    rows: dict[str, list[int]] = defaultdict(list)
    words = key.columns["subset"].tolist() if "subset" in key.columns else [""] * len(key.ids)
    for row, word in enumerate(words):
        rows[_split(file, word)].append(row)
    if "" in rows and len(rows) > 1:
        raise DataError(
            f"{file}: {len(rows[''])} rows have no split where others have: fill the column or leave it out"
        )
    order = ("train", "dev", "eval", "")
    return [Part(split, partial(_list, key, split, rows[split])) for split in order if split in rows]


def _table(root: Path) -> Path:
    check_root(root, _LAYOUT)
    found = sorted(path for path in root.iterdir() if path.suffix.lower() in (".tsv", ".csv"))
    named = [path for path in found if path.stem == "corpus"]
    if len(named or found) != 1:
        listed = sample([path.name for path in found]) if found else "none"
        raise DataError(f"{root}: give the table itself, or a folder with one; expected {_LAYOUT}, found {listed}")
    return (named or found)[0]


def _split(file: Path, word: str) -> str:
    if word in ("", "-"):
        return ""
    if word.lower() not in SPLITS:
        raise DataError(f"{file}: unknown split {word!r}; write train, dev or eval")
    return SPLITS[word.lower()]


def _list(key: Key, split: str, rows: list[int]) -> Listing:
    known = {name: key.columns[name].tolist() for name in COLUMNS[3:] if name in key.columns}  # from speaker on
    seconds = key.columns["seconds"].tolist() if "seconds" in key.columns else None
    names, labels, home = key.ids.tolist(), key.labels.tolist(), key.path.parent
    there = Presence()
    made, missing = [], []
    for row in rows:
        values: dict[str, Any] = {name: "" if cells[row] == "-" else cells[row] for name, cells in known.items()}
        if labels[row]:
            values.pop("attack", None)
        path = home / names[row]
        if path not in there:
            missing.append(names[row])
        length = None if seconds is None else _number(key.path, names[row], seconds[row])
        made.append(Utterance(names[row], path, labels[row], "tsv", split, seconds=length, **values))
    notes = (f"{key.ignored} rows labelled noise (or as asked) are left out",) if key.ignored else ()
    return Listing(tuple(made), frozenset(missing), 0, notes, repeated(key))


def _number(file: Path, name: str, cell: str) -> float | None:
    if cell in ("", "-"):
        return None
    try:
        return float(cell)
    except ValueError as error:
        raise DataError(f"{file}: {name}: seconds {cell!r} is no number") from error


CORPUS = Corpus(
    name="tsv",
    title="a table of your own",
    site="",
    licence="yours",
    layout=_LAYOUT,
    open_words=True,
    parts=_parts,
)
