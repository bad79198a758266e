"""What a reader of a corpus answers with, and the way that most go: a key, a folder of audio, an utterance a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakemamba.data.corpora.files import AudioIndex, check_root, seek
from fakemamba.data.dataset import COLUMNS, Utterance
from fakemamba.data.keys import Key, read_key
from fakemamba.data.tables import sample
from fakemamba.errors import DataError

Counts = tuple[int, int]  # bona fide, spoof

# Our word for the words of corpora.
SPLITS = {
    **dict.fromkeys(("train", "training", "trn", "trainset"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation", "devset"), "dev"),
    **dict.fromkeys(("eval", "evaluation", "test", "testing", "evalset", "testset"), "eval"),
}


@dataclass(frozen=True)
class Listing:
    """One split as it was read, before it is judged.

    Attributes:
        utterances: all that the key names, in its order, those without audio too.
        missing: ids without audio.
        outside: audio files that the key does not name.
        notes: choices made for the reader. warnings: what is doubtful.
    """

    utterances: tuple[Utterance, ...]
    missing: frozenset[str] = frozenset()
    outside: int = 0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One split of a corpus on the disk, not read yet.

    Attributes:
        split: train, dev, eval, or "" where the corpus has none.
        load: reads it; raises DataError.
        official: subset ("" where the key has none) -> how many it must hold.
        subsets: the key's own words that may be asked for, where it has several.
    """

    split: str
    load: Callable[[], Listing]
    official: Mapping[str, Counts] = field(default_factory=dict)
    subsets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What a caller may say about a corpus besides its root.

    Attributes:
        genuine: folders of the human counterpart where it comes apart.
        words: what further label words mean: 1, 0, or None to leave the utterance out.
    """

    genuine: tuple[Path, ...] = ()
    words: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Corpus:
    """A kind of corpus that can be opened by name.

    Attributes:
        title, site, licence: for people.
        layout: what must lie in the root, in one line for messages.
        parts: (root, options) -> its splits.
        counterpart: what `genuine` is, "" where the corpus has both classes.
        open_words: whether its labels may be other words than ours.
    """

    name: str
    title: str
    site: str
    licence: str
    layout: str
    parts: Callable[[Path, Options], list[Part]]
    counterpart: str = ""
    open_words: bool = False


def require(root: Path, layout: str, *names: str, depth: int = 3) -> Path:
    """`seek` in the root or just beside it, or a DataError that says what was expected."""
    check_root(root, layout)
    found = seek(root, *names, depth=depth) or seek(root.absolute().parent, *names, depth=0)
    if found is None:
        raise DataError(f"{root}: {names[0]} is not there; expected {layout}")
    return found


def keyed(
    corpus: str,
    split: str,
    key: Path,
    folders: tuple[Path, ...],
    *,
    deep: bool = False,
    frames: Path | None = None,
    expect: str | None = None,
) -> Listing:
    """Read a key file and find its audio.

    Args:
        corpus: its name.
        split: for the utterances.
        key: a file for `read_key`.
        folders: where the audio lies, at any depth; those that do not exist hold none.
        deep: the key names paths below the folders, not bare files.
        frames: frame labels of all utterances.
        expect: the only format that the key may have, as `read_key` calls it.
    """
    table = read_key(key)
    if expect not in (None, table.format):
        raise DataError(f"{key} is a {table.format}, not a {expect}")
    index = AudioIndex((folder for folder in folders if folder.is_dir()), deep=deep)
    utterances, missing = utterances_of(table, index, corpus, split, folders[0], frames)
    warnings = repeated(table)
    if index.doubles:
        warnings += (
            f"{len(index.doubles)} names stand for two audio files, the first is taken: {sample(index.doubles)}",
        )
    outside = len(index) - (len(utterances) - len(missing))
    return Listing(utterances, missing, outside, (), warnings)


def repeated(key: Key) -> tuple[str, ...]:
    """The warning about lines that stood twice, if any did."""
    return (f"{key.repeated} repeated lines in {key.path} are counted once",) if key.repeated else ()


def utterances_of(
    key: Key, index: AudioIndex, corpus: str, split: str, folder: Path, frames: Path | None = None
) -> tuple[tuple[Utterance, ...], frozenset[str]]:
    """Every row of a key as an utterance, and the ids of those without audio (their path is where it should be)."""
    known = [name for name in COLUMNS if name in key.columns and name not in ("corpus", "split")]
    cells = [key.columns[name].tolist() for name in known]
    made, missing = [], []
    for row, (name, label) in enumerate(zip(key.ids.tolist(), key.labels.tolist(), strict=True)):
        path = index.find(name)
        if path is None:
            missing.append(name)
            path = folder / name
        values: dict[str, Any] = {column: _said(cell[row]) for column, cell in zip(known, cells, strict=True)}
        if label:
            values.pop("attack", None)  # 2021 keys write "bonafide" there, ours "human"
        made.append(Utterance(name, path, label, corpus, split, frames=frames, **values))
    return tuple(made), frozenset(missing)


def _said(cell: str) -> str:
    return "" if cell == "-" else cell
