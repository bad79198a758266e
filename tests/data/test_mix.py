"""Mixing corpora: weights, caps, words, what is kept and what is left out."""

import re
import tomllib
from collections import Counter

import pytest

from conftest import ROOT
from fakemamba.config import parse
from fakemamba.data.corpora import CORPORA
from fakemamba.data.miniature import make_miniature
from fakemamba.data.mix import CorpusConfig, DataConfig, open_data, open_mix
from fakemamba.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    root = tmp_path_factory.mktemp("mix")
    return {name: str(make_miniature(name, root / name, per_class=3)) for name in ("asvspoof2019-la", "mlaad", "tsv")}


@pytest.fixture
def source(shelf):
    return lambda corpus, **more: CorpusConfig(corpus=corpus, root=shelf[corpus], **more)


def config(**data):
    return parse(DataConfig, data, "test")


def test_sources_follow_one_another_with_their_weights(source):
    mixed = open_mix([source("asvspoof2019-la"), source("mlaad", weight=0.5, name="many languages")])
    assert mixed.name == "asvspoof2019-la train + many languages train"
    assert Counter((u.corpus, u.weight, u.split) for u in mixed.utterances) == {
        ("asvspoof2019-la", 1.0, "train"): 6,
        ("many languages", 0.5, ""): 6,
    }
    assert "many languages train: mlaad has no splits: all of it is taken as train" in mixed.notes


def test_the_side_decides_the_split_unless_the_source_does(source):
    assert {u.split for u in open_mix([source("asvspoof2019-la")], split="dev").utterances} == {"dev"}
    assert {u.split for u in open_mix([source("asvspoof2019-la", split="eval")]).utterances} == {"eval"}


def test_caps_keep_the_classes_in_proportion_and_the_order(source):
    whole = open_mix([source("asvspoof2019-la")])
    capped = open_mix([source("asvspoof2019-la", cap=4)])
    assert Counter(capped.labels.tolist()) == {0: 2, 1: 2}
    assert [u.id for u in whole.utterances if u in capped.utterances] == capped.ids.tolist()
    assert capped.ids.tolist() == open_mix([source("asvspoof2019-la", cap=4)]).ids.tolist()
    draws = {tuple(open_mix([source("asvspoof2019-la", cap=4)], seed=s).ids.tolist()) for s in range(8)}
    assert len(draws) > 1
    assert len(open_mix([source("asvspoof2019-la", cap=400)])) == 6


def test_only_exclude_and_labels(source):
    german = open_mix([source("mlaad", only={"language": ("de",)})])
    assert {u.language for u in german.utterances} == {"de"}
    rest = open_mix([source("mlaad", exclude={"language": ("de", "pl")})])
    assert {u.language for u in rest.utterances} == {"en"}
    relabelled = open_mix([source("asvspoof2019-la", labels={"attack=A01": "bonafide", "attack=A02": "ignore"})])
    assert Counter(relabelled.labels.tolist()) == {1: 4, 0: 1}
    assert {u.attack for u in relabelled.utterances if u.label} == {"", "A01"}


def test_words_of_a_table_get_their_meaning(shelf, tmp_path):
    table = tmp_path / "mine.tsv"
    table.write_text(
        f"path\tlabel\n{shelf['tsv']}/audio/train/000.flac\thuman\n{shelf['tsv']}/audio/train/001.flac\ttts\n"
    )
    mixed = open_mix([CorpusConfig(corpus="tsv", root=str(table), labels={"tts": "spoof"})])
    assert mixed.labels.tolist() == [1, 0]
    with pytest.raises(DataError, match="label 'tts'"):
        open_mix([CorpusConfig(corpus="tsv", root=str(table))])


def test_values_are_left_out_of_both_sides(source):
    both = {"train": [source("asvspoof2019-la")], "dev": [source("asvspoof2019-la")]}
    train, dev = open_data(config(**both, leave_out=["attack=A02"]))
    for side in (train, dev):
        assert {u.attack for u in side.utterances} == {"", "A01", "A03"}
    with pytest.raises(ConfigError, match="leave_out 'attack=A20' is not in the training data"):
        open_data(config(**both, leave_out=["attack=A20"]))
    with pytest.raises(ConfigError, match="no column 'colour'"):
        open_data(config(**both, leave_out=["colour=red"]))


def test_a_corpus_that_is_left_out_need_not_be_there(source):
    absent = CorpusConfig(corpus="wavefake", root="/nowhere")
    train, dev = open_data(config(train=[source("asvspoof2019-la"), absent], leave_out=["wavefake"]))
    assert {u.corpus for u in train.utterances} == {"asvspoof2019-la"}
    assert dev is None
    with pytest.raises(DataError, match="nothing is left of wavefake without wavefake"):
        open_data(config(train=[absent], leave_out=["wavefake"]))


def test_a_recording_on_both_sides_is_refused(source):
    with pytest.raises(DataError, match=r"6 recordings are in train and in dev: .* give each its own split"):
        open_data(config(train=[source("mlaad")], dev=[source("mlaad")]))
    with pytest.raises(DataError, match="6 recordings are in two sources"):
        open_mix([source("mlaad"), source("mlaad", name="again")])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": 0}, "weight"),
        ({"weight": float("inf")}, "weight"),
        ({"cap": 0}, "cap"),
        ({"labels": {"x": "real"}}, "labels.x"),
        ({"only": {"colour": ["red"]}}, "no column 'colour'"),
        ({"roots": "x"}, "roots"),
    ],
)
def test_faults_of_the_table_are_told(change, words):
    with pytest.raises(ConfigError, match=words):
        config(train=[{"corpus": "tsv", "root": ".", **change}])


def test_faults_of_the_whole_are_told(source):
    with pytest.raises(ConfigError, match="train"):
        config(train=[])
    with pytest.raises(ConfigError, match="twice"):
        config(train=[source("mlaad")], balance=["class", "class"])
    with pytest.raises(ConfigError, match="balance"):
        config(train=[source("mlaad")], balance=["colour"])
    with pytest.raises(ConfigError, match="unknown corpus 'asv'"):
        open_mix([CorpusConfig(corpus="asv", root=".")])
    with pytest.raises(DataError, match="leave nothing of 6"):
        open_mix([source("mlaad", only={"language": ("xx",)})])
    with pytest.raises(ConfigError, match="at least one"):
        open_mix([])


def test_the_table_of_the_documentation_is_valid():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    tables = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (data,) = [parse(DataConfig, tomllib.loads(table)["data"], "docs/data.md") for table in tables]
    assert [source.name or source.corpus for source in data.train] == ["asvspoof2019-la", "mlaad", "mine"]


def test_every_corpus_is_documented():
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    for name, corpus in CORPORA.items():
        assert f"`{name}`" in text
        assert corpus.layout
