"""Readers of public corpora, a file each; every one is checked when it is opened."""

from collections.abc import Sequence
from pathlib import Path

from fakemamba.data.corpora import asvspoof2019, folder, tsv
from fakemamba.data.corpora.corpus import Corpus
from fakemamba.data.corpora.opening import CorpusReport, SplitFacts, open_checked
from fakemamba.data.dataset import Dataset
from fakemamba.errors import ConfigError, DataError

__all__ = ["CORPORA", "Corpus", "CorpusReport", "SplitFacts", "check_corpus", "open_corpus"]

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        asvspoof2019.CORPUS,
        folder.CORPUS,
        tsv.CORPUS,
    )
}


def open_corpus(
    name: str,
    root: str | Path,
    *,
    split: str | None = None,
    genuine: str | Path | Sequence[str | Path] = (),
) -> Dataset:
    """Open a corpus, checked: everything is there, or one error says what is not.

    Args:
        name: one of CORPORA.
        root: the folder that its archives were unpacked into, or one they made (for `tsv` the table itself, too).
        split: train, dev or eval; a subset by the key's own word (progress, hidden, …); "all" mixes them.
            None takes "eval" where there are several, and the notes say so. A corpus without splits gives all it has.
        genuine: folders of the human counterpart where it comes apart (MLAAD, WaveFake).

    Raises:
        ConfigError: no such corpus or split.
        DataError: it cannot be used as it is; all that is wrong in one line.
    """
    opened = open_checked(_corpus(name), Path(root), split=split, genuine=_paths(genuine))
    if opened.report.problems:
        first, *more = opened.report.problems
        rest = f" (and {len(more)} more: fakemamba data check {name} {root})" if more else ""
        raise DataError(f"{name}: {first}{rest}")
    return opened.dataset


def check_corpus(
    name: str,
    root: str | Path,
    *,
    split: str | None = None,
    genuine: str | Path | Sequence[str | Path] = (),
) -> CorpusReport:
    """Look a corpus over without raising for what is wrong with it; None means all of its splits and subsets.

    Raises:
        ConfigError: no such corpus or split.
    """
    return open_checked(_corpus(name), Path(root), split=split, genuine=_paths(genuine), every=True).report


def _corpus(name: str) -> Corpus:
    if name not in CORPORA:
        raise ConfigError(f"unknown corpus {name!r}: choose one of {', '.join(CORPORA)}")
    return CORPORA[name]


def _paths(genuine: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    if isinstance(genuine, str | Path):
        return (Path(genuine),)
    return tuple(Path(path) for path in genuine)
