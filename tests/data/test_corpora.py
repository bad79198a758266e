"""Opening corpora: layouts, splits, and one line for whatever is wrong."""

from collections import Counter

import pytest

from conftest import shared
from fakemamba.data.corpora import CORPORA, check_corpus, open_corpus
from fakemamba.data.miniature import make_miniature
from fakemamba.errors import ConfigError, DataError


def test_the_real_training_corpus_opens_with_its_counts():
    root = shared("corpus")
    whole = open_corpus("tsv", root, split="all")
    assert Counter((u.split, u.label) for u in whole.utterances) == {
        ("train", 1): 1610,
        ("train", 0): 1607,
        ("dev", 1): 317,
        ("dev", 0): 319,
    }
    assert "6 rows labelled noise (or as asked) are left out" in whole.notes
    assert len(open_corpus("tsv", root / "corpus.tsv", split="dev")) == 636
    report = check_corpus("tsv", root)
    assert report.usable
    assert [round(split.hours * 60) for split in report.splits] == [160, 31]


def test_unknown_names_are_told():
    with pytest.raises(ConfigError, match="unknown corpus 'asv': choose one of asvspoof2019-la"):
        open_corpus("asv", ".")
    with pytest.raises(DataError, match="no such folder"):
        open_corpus("asvspoof2019-la", "/nowhere/at/all")
    assert "folder" in CORPORA


@pytest.mark.parametrize("name", CORPORA)
def test_every_corpus_opens_on_its_miniature(name, tmp_path):
    root = make_miniature(name, tmp_path / name, per_class=2)
    report = check_corpus(name, root)
    assert (report.problems, report.warnings) == ((), ())
    assert report.notes[0].endswith("is a generated miniature, not the corpus")
    for split in report.splits:
        assert (split.bonafide, split.spoof) == split.official == (2, 2)
        assert split.sample_rates == (16_000,)
    dataset = open_corpus(name, root, split="all")
    assert len(dataset) == 4 * len(report.splits)
    assert all(u.path.is_file() and u.corpus == name for u in dataset.utterances)
    assert len(set(dataset.ids.tolist())) == len(dataset)
