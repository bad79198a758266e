"""Score files that challenges and boards take, read back."""

from dataclasses import replace

import pytest
from evaluation_makers import judged

from fakemamba.data.scores import read_scores
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation.formats import FORMATS, render_scores

TRIALS = judged([("LA_1", 1, -4.21), ("LA_2", 0, 1 / 3, {"attack": "A11"}), ("LA_3", 0, 2.5, {"attack": "two words"})])


def test_the_lines_are_those_of_the_challenges():
    assert render_scores(TRIALS, "2021") == "LA_1 -4.21\nLA_2 0.333333333\nLA_3 2.5\n"
    assert render_scores(TRIALS, "board") == render_scores(TRIALS, "2021")
    assert render_scores(TRIALS, "2019").splitlines() == [
        "LA_1 - bonafide -4.21",
        "LA_2 A11 spoof 0.333333333",
        "LA_3 two-words spoof 2.5",
    ]
    assert render_scores(TRIALS, "asvspoof5").splitlines()[:2] == ["filename\tcm-score", "LA_1\t-4.21"]


@pytest.mark.parametrize("name", FORMATS)
def test_our_own_reader_takes_them(tmp_path, name):
    path = tmp_path / "scores.txt"
    path.write_text(render_scores(TRIALS, name))
    read = read_scores(path)
    assert read.ids.tolist() == ["LA_1", "LA_2", "LA_3"]
    assert read.scores.tolist() == [-4.21, 0.333333333, 2.5]


def test_ids_that_do_not_fit_are_named():
    blank = judged([("my clip.wav", 1, 1.0), ("x", 0, 0.0)])
    with pytest.raises(DataError, match=r"cannot hold ids with blanks: my clip\.wav"):
        render_scores(blank, "2021")
    assert "my clip.wav\t1" in render_scores(blank, "asvspoof5")
    with pytest.raises(DataError, match="more than one corpus"):
        render_scores(replace(TRIALS, ids=TRIALS.ids[[0, 0, 1]]), "2021")
    with pytest.raises(ConfigError, match="unknown score format '2020': choose one of 2021, 2019"):
        render_scores(TRIALS, "2020")
