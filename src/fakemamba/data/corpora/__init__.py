"""Readers of public corpora, a file each; every one is checked when it is opened."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fakemamba.data.corpora import (
    asvspoof5,
    asvspoof2019,
    asvspoof2021,
    codecfake,
    fake_or_real,
    folder,
    in_the_wild,
    mlaad,
    partialspoof,
    spoofceleb,
    tsv,
    wavefake,
)
from fakemamba.data.corpora.corpus import Corpus, Options
from fakemamba.data.corpora.opening import VALUED, CorpusReport, SplitFacts, open_checked
from fakemamba.data.dataset import Dataset
from fakemamba.errors import ConfigError, DataError

__all__ = ["CORPORA", "VALUED", "Corpus", "CorpusReport", "SplitFacts", "check_corpus", "open_corpus"]

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        asvspoof2019.CORPUS,
        asvspoof2021.LA,
        asvspoof2021.DF,
        asvspoof5.CORPUS,
        in_the_wild.CORPUS,
        mlaad.CORPUS,
        wavefake.CORPUS,
        fake_or_real.CORPUS,
        spoofceleb.CORPUS,
        codecfake.CORPUS,
        partialspoof.CORPUS,
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
    labels: Mapping[str, int | None] | None = None,
) -> Dataset:
    """Open a corpus, checked: everything is there, or one error says what is not.

    Args:
        name: one of CORPORA.
        root: the folder that its archives were unpacked into, or one they made (for `tsv` the table itself, too).
        split: train, dev or eval; a subset by the key's own word (progress, hidden, …); "all" mixes them.
            None takes "eval" where there are several, and the notes say so. A corpus without splits gives all it has.
        genuine: folders of the human counterpart where it comes apart (MLAAD, WaveFake).
        labels: what further words of a table's label column, or names of folders, mean: 1 = bona fide, 0 = spoof,
            None = leave out; for `tsv` and `folder`.

    Raises:
        ConfigError: no such corpus or split, or an option that this corpus has not.
        DataError: it cannot be used as it is; all that is wrong in one line.
    """
    corpus = _corpus(name)
    opened = open_checked(corpus, Path(root), split=split, options=_options(corpus, genuine, labels))
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
    labels: Mapping[str, int | None] | None = None,
) -> CorpusReport:
    """Look a corpus over without raising for what is wrong with it; None means all of its splits and subsets.

    Raises:
        ConfigError: no such corpus or split.
    """
    corpus = _corpus(name)
    return open_checked(corpus, Path(root), split=split, options=_options(corpus, genuine, labels), every=True).report


def _corpus(name: str) -> Corpus:
    if name not in CORPORA:
        raise ConfigError(f"unknown corpus {name!r}: choose one of {', '.join(CORPORA)}")
    return CORPORA[name]


def _options(
    corpus: Corpus, genuine: str | Path | Sequence[str | Path], labels: Mapping[str, int | None] | None
) -> Options:
    paths = (Path(genuine),) if isinstance(genuine, str | Path) else tuple(Path(path) for path in genuine)
    if paths and not corpus.counterpart:
        raise ConfigError(f"{corpus.name} has genuine speech of its own: leave the genuine folder out")
    if labels and not corpus.open_words:
        raise ConfigError(f"{corpus.name} has official labels: its words cannot be given another meaning")
    return Options(paths, {word.lower(): meaning for word, meaning in (labels or {}).items()})
