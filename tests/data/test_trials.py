"""Joining scores with their key: subsets, gaps, names, direction."""

import pytest

from fakemamba.data.keys import read_key
from fakemamba.data.scores import read_scores
from fakemamba.data.trials import match
from fakemamba.errors import DataError

KEY_2021 = """\
LA_1 e1 alaw ita_tx A07 spoof notrim eval
LA_1 e2 none loc_tx bonafide bonafide notrim eval
LA_2 e3 none loc_tx A08 spoof notrim eval
LA_2 p1 alaw ita_tx A07 spoof notrim progress
LA_2 p2 alaw ita_tx bonafide bonafide notrim progress
"""


@pytest.fixture
def join(tmp_path):
    def run(scores, key, **options):
        (tmp_path / "scores.txt").write_text(scores)
        (tmp_path / "key.txt").write_text(key)
        return match(read_scores(tmp_path / "scores.txt"), read_key(tmp_path / "key.txt"), **options)

    return run


ALL_SCORES = "p2 1\ne3 -3\ne1 -1\ne2 2\np1 -5\n"


def test_order_is_the_keys_and_columns_follow(join):
    trials = join(ALL_SCORES, KEY_2021)
    assert trials.ids.tolist() == ["e1", "e2", "e3"]
    assert trials.scores.tolist() == [-1, 2, -3]
    assert trials.labels.tolist() == [0, 1, 0]
    assert trials.column("codec").tolist() == ["alaw", "none", "none"]
    with pytest.raises(DataError, match="no column 'colour': it has speaker, codec"):
        trials.column("colour")


def test_eval_is_taken_and_said_where_there_are_several(join):
    trials = join(ALL_SCORES, KEY_2021)
    assert (trials.subset, trials.expected, trials.warnings) == ("eval", 3, ())
    assert trials.notes == ("subset 'eval' chosen of eval 3, progress 2; --subset picks another",)


def test_subsets_are_mixed_only_on_request(join):
    assert join(ALL_SCORES, KEY_2021, subset="progress").ids.tolist() == ["p1", "p2"]
    mixed = join(ALL_SCORES, KEY_2021, subset="all")
    assert (mixed.subset, len(mixed.ids)) == ("all", 5)
    assert "mixed as asked" in mixed.notes[0]


def test_unclear_subsets_are_refused(join):
    with pytest.raises(DataError, match=r"has eval 3, progress 2; all mixes them\), not 'hidden'"):
        join(ALL_SCORES, KEY_2021, subset="hidden")
    with pytest.raises(DataError, match="choose a subset"):
        join(ALL_SCORES, KEY_2021.replace("eval", "hidden"))
    with pytest.raises(DataError, match="has no subsets"):
        join("a 1\nb 0\n", "a real\nb fake\n", subset="eval")
    with pytest.raises(DataError, match="no trial of the subset 'eval', only of: progress"):
        join("p1 1\np2 2\n", KEY_2021)


def test_a_single_subset_needs_no_choice(join):
    trials = join("e1 -1\ne2 2\n", "\n".join(KEY_2021.splitlines()[:2]))
    assert (trials.subset, trials.notes) == ("eval", ())


def test_missing_extra_and_repeated_trials_are_counted(join):
    trials = join("e1 -1\ne2 2\nx 4\ne2 2\n", KEY_2021 + KEY_2021.splitlines()[0])
    assert (len(trials.ids), trials.expected) == (2, 3)
    missing, extra, repeated, in_key = trials.warnings
    assert missing == "1 of 3 trials of subset 'eval' have no score: e3"
    assert extra == "1 scores belong to no trial of the key and are left out"
    assert repeated.endswith("scores.txt are counted once")
    assert in_key.endswith("key.txt are counted once")


def test_negated_scores_are_noticed(join):
    trials = join("a 1\nb 2\nc 5\nd 6\n", "a real\nb real\nc fake\nd fake\n")
    assert trials.warnings == (
        "the scores look negated: EER 100.00%, with the sign turned 0.00%; here higher means more genuine",
    )


def test_names_without_folder_and_ending(join):
    trials = join("eval/a.b.flac 1\neval/c.flac -1\n", "a.b real\nc spoof\n")
    assert trials.ids.tolist() == ["a.b", "c"]
    assert trials.notes == ("trials were matched by name without folder and audio ending",)
    with pytest.raises(DataError, match="they collide: x/a"):
        join("x/a.wav 1\ny/a.wav -1\n", "a real\nc spoof\n")


def test_nothing_in_common_and_contradicting_labels(join):
    with pytest.raises(DataError, match=r"no trial in common: .* is this the right key"):
        join("q 1\nr 2\n", "a real\nb fake\n")
    with pytest.raises(DataError, match="contradict the key for 2 trials: a, b"):
        join("a - spoof 1\nb - bonafide 2\n", "a real\nb fake\n")
    with pytest.raises(DataError, match="no spoofed trial"):
        join("a 1\n", "a real\nb fake\n")
