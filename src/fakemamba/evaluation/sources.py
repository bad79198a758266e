"""What a user names as a data set -> a `Dataset`: a folder, NAME:DIR, a table, or several of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from fakemamba.config import Frozen, parse, read_toml
from fakemamba.data.corpora import CORPORA, open_corpus
from fakemamba.data.dataset import Dataset
from fakemamba.data.mix import CorpusConfig, open_mix
from fakemamba.errors import ConfigError, DataError

_PLAIN = {"folder", "tsv"}  # corpora without a name of their own


def open_dataset(
    named: str | Path, *, split: str | None = None, genuine: Sequence[str | Path] = ()
) -> tuple[Dataset, bool]:
    """Open what a user named.

    Args:
        named: `NAME:DIR` with a corpus that `open_corpus` knows; a folder with real/ and fake/; a table (.tsv, .csv)
            with the columns path and label; a TOML file whose `sources` are those of a mix (see `CorpusConfig`).
        split: train, dev, eval, a subset's own word or "all"; None takes eval where there are several.
        genuine: folders of the human counterpart, for corpora that come without (MLAAD, WaveFake).

    Returns:
        the data set, and whether it is a corpus with a published protocol.

    Raises:
        ConfigError: no such corpus or split, or nothing there.
        DataError: the corpus cannot be used as it is.
    """
    text = str(named)
    name, colon, rest = text.partition(":")
    if colon and name in CORPORA:
        if not rest:
            raise ConfigError(f"{text}: the corpus's folder is missing; write {name}:DIR")
        return _opened(name, Path(rest), split, genuine)
    path = Path(text)
    if path.is_file() and path.suffix.lower() == ".toml":
        return _mixed(path, split), True
    if path.is_dir():
        return _opened("folder", path, split, genuine)
    if path.is_file() and path.suffix.lower() in (".tsv", ".csv"):
        return _opened("tsv", path, split, genuine)
    if path.is_file():
        raise ConfigError(
            f"{text}: not a data set; give a folder with real/ and fake/, a .tsv, .csv or .toml, or NAME:DIR"
        )
    hint = f"; corpora: {', '.join(sorted(CORPORA))}" if colon else ""
    raise ConfigError(f"{text}: there is no such folder or table; or write NAME:DIR for a corpus{hint}")


class MixFile(Frozen):
    """What a TOML file of several corpora holds: `sources = [{ corpus = "…", root = "…" }, …]`, and maybe a `name`."""

    sources: tuple[CorpusConfig, ...] = Field(min_length=1)
    name: str | None = None
    leave_out: tuple[str, ...] = ()


def _mixed(path: Path, split: str | None) -> Dataset:
    mix = parse(MixFile, read_toml(path), str(path))
    opened = open_mix(mix.sources, split=split or "eval", leave_out=mix.leave_out)
    return replace(opened, name=f"{mix.name or path.stem} {split or ''}".strip())


def _opened(name: str, root: Path, split: str | None, genuine: Sequence[str | Path]) -> tuple[Dataset, bool]:
    try:
        dataset = open_corpus(name, root, split=split, genuine=genuine)
    except DataError as error:
        if name != "folder":
            raise
        raise DataError(f"{error}; for a published corpus write NAME:{root}") from error
    if name in _PLAIN:
        dataset = replace(dataset, name=f"{root.resolve().name} {split or ''}".strip())
    return dataset, name not in _PLAIN


def thinned(dataset: Dataset, each: int) -> Dataset:
    """At most `each` clips of each class, evenly spread over the data set's order; its name and notes say so."""
    kept: set[int] = set()
    for label in (0, 1):
        rows = [row for row, utterance in enumerate(dataset.utterances) if utterance.label == label]
        count = min(each, len(rows))
        kept |= {rows[k * len(rows) // count] for k in range(count)}
    if len(kept) == len(dataset):
        return dataset
    return replace(
        dataset,
        name=f"{dataset.name} limit {each}",
        utterances=tuple(u for row, u in enumerate(dataset.utterances) if row in kept),
        notes=(*dataset.notes, f"only {len(kept)} of {len(dataset)} clips were taken, as asked"),
    )
