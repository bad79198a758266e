"""What a user may name as a data set."""

import pytest
from evaluation_makers import detector, write_clips

from fakemamba.data.miniature import make_miniature
from fakemamba.errors import ConfigError
from fakemamba.evaluation import evaluate
from fakemamba.evaluation.sources import open_dataset, thinned


def test_a_folder_a_table_and_a_corpus(tmp_path):
    root = write_clips(tmp_path / "my clips")
    folder, published = open_dataset(root)
    assert (folder.name, len(folder), published) == ("my clips", 6, False)
    table = tmp_path / "list.tsv"
    table.write_text(
        "path\tlabel\n" + "".join(f"{u.path}\t{'real' if u.label else 'fake'}\n" for u in folder.utterances)
    )
    listed, published = open_dataset(table)
    assert (listed.name, len(listed), published) == ("list.tsv", 6, False)
    named, published = open_dataset(f"folder:{root}")
    assert (len(named), published) == (6, False)


def test_a_corpus_keeps_its_columns_and_its_eval_subset(tmp_path):
    make_miniature("asvspoof2021-la", tmp_path)
    found = evaluate(detector(), f"asvspoof2021-la:{tmp_path}", resamples=0)
    assert found.origin.protocol == "fixed"
    assert {"attack", "codec"} <= set(found.groups)
    assert set(found.judged.columns["subset"].tolist()) == {"eval"}
    assert any("subset 'eval' chosen" in text for text in found.notes)


def test_several_corpora_by_toml_are_told_apart(tmp_path):
    make_miniature("asvspoof2019-la", tmp_path / "la")
    write_clips(tmp_path / "mine")
    mix = tmp_path / "both.toml"
    mix.write_text(
        f'name = "both"\nsources = [{{ corpus = "asvspoof2019-la", root = "{tmp_path}/la" }}, '
        f'{{ corpus = "folder", root = "{tmp_path}/mine" }}]\n'
    )
    found = evaluate(detector(), mix, resamples=0)
    assert found.origin.dataset == "both"
    assert [row.name for row in found.groups["corpus"]] == ["asvspoof2019-la", "folder"]
    mix.write_text("sources = []\n")
    with pytest.raises(ConfigError, match=r"both\.toml: sources"):
        open_dataset(mix)


def test_a_first_look_takes_some_of_each_class(tmp_path):
    whole, _ = open_dataset(write_clips(tmp_path / "x", real=7, fake=3))
    few = thinned(whole, 3)
    assert few.labels.tolist().count(1) == few.labels.tolist().count(0) == 3
    assert few.name == "x limit 3"
    assert "only 6 of 10 clips were taken, as asked" in few.notes
    assert thinned(whole, 100) is whole


def test_a_broken_file_among_good_ones_is_counted_not_fatal(tmp_path):
    root = write_clips(tmp_path)
    (root / "real" / "r0.wav").write_bytes(b"no sound")
    found = evaluate(detector(), root, resamples=0)
    assert (found.expected, found.scored) == (6, 5)
    assert [clip.id for clip in found.unscored] == ["real/r0.wav"]
