"""Systems side by side: who is better, and is it more than chance?"""

import json

import numpy as np
import pytest
from evaluation_makers import judged

from conftest import shared
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation import from_file
from fakemamba.evaluation.comparison import compare_systems
from fakemamba.evaluation.comparison_report import blocks, render
from fakemamba.metrics import compare, eer, holm

RNG = np.random.default_rng(3)
LABELS = np.repeat([1, 0], 150)
NOISE = RNG.normal(size=300)


def system(lead: float, *, name: str = "m", keep: int = 300, sign: int = 1, **origin):
    rows = [
        (f"t{k}", int(label), sign * (lead * (2 * label - 1) + noise), {"attack": "" if label else f"A{k % 2}"})
        for k, (label, noise) in enumerate(zip(LABELS.tolist(), NOISE.tolist(), strict=True))
    ]
    return judged(rows[:keep] if keep < 300 else rows, model=name, **origin)


@pytest.fixture
def three():
    return compare_systems({"bad": system(0.2), "good": system(1.5), "twin": system(1.5)}, by=["attack"], resamples=400)


def test_the_best_stands_first_with_its_numbers(three):
    assert [s.name for s in three.systems] == ["good", "twin", "bad"]
    assert three.systems[0].summary.eer == eer(three.evidence["good"], three.labels).value
    assert (three.n_bonafide, three.n_spoof) == (150, 150)


def test_pairs_are_corrected_by_holm(three):
    assert [(p.first, p.second) for p in three.pairs] == [("good", "twin"), ("good", "bad"), ("twin", "bad")]
    raw = [p.comparison.p_value for p in three.pairs]
    assert [p.p_corrected for p in three.pairs] == holm(raw).tolist()
    assert [p.significant for p in three.pairs] == [False, True, True]
    assert (three.pairs[0].comparison.difference, three.pairs[0].p_corrected) == (0.0, 1.0)
    alone = compare(three.evidence["good"], three.evidence["bad"], three.labels, resamples=400)
    assert three.pairs[1].comparison == alone


def test_groups_repeat_the_comparison_and_are_corrected_together(three):
    a0, a1 = three.groups["attack"]
    assert [(part.name, part.n_bonafide, part.n_spoof) for part in (a0, a1)] == [("A0", 150, 75), ("A1", 150, 75)]
    assert a0.values[0] == a0.values[1] < a0.values[2]
    raw = [p.comparison.p_value for part in (a0, a1) for p in part.pairs]
    assert [p.p_corrected for part in (a0, a1) for p in part.pairs] == holm(raw).tolist()


def test_only_common_trials_count_and_it_is_said():
    found = compare_systems({"all": system(1.0), "some": system(1.0, keep=200)}, resamples=20)
    assert found.n_bonafide + found.n_spoof == 200
    assert any("only the 200 trials" in text for text in found.warnings)


def test_what_cannot_be_compared_is_told():
    one, other = system(1.0), judged([("elsewhere", 1, 0.0), ("too", 0, 1.0)])
    with pytest.raises(DataError, match="a and b share no trial"):
        compare_systems({"a": one, "b": other})
    swapped = judged([("t0", 0, 1.0), ("t299", 1, 0.0)])
    with pytest.raises(DataError, match="disagree on the label of 2 trials"):
        compare_systems({"a": one, "b": swapped})
    with pytest.raises(ConfigError, match="at least two systems"):
        compare_systems({"a": one})
    with pytest.raises(ConfigError, match="compare one of eer"):
        compare_systems({"a": one, "b": one}, metric="f1")
    with pytest.raises(DataError, match="no column 'colour' to compare by: they have attack, corpus"):
        compare_systems({"a": one, "b": one}, by=["colour"], resamples=5)


def test_a_larger_auc_is_better_and_raw_scores_make_cllr_doubtful():
    found = compare_systems({"bad": system(0.2), "good": system(1.5)}, metric="auc", resamples=100)
    assert found.systems[0].name == "good"
    assert found.pairs[0].comparison.difference > 0
    raw = compare_systems({"a": system(1.0, calibrated=False), "b": system(1.0)}, metric="cllr", resamples=5)
    assert any("no log-likelihood ratios: a" in text for text in raw.warnings)


def test_too_few_resamples_for_many_tests_are_warned_of(three):
    assert not any("resamples" in text for text in three.warnings)  # 6 tests: 2 x 6 / 401 < 0.05
    few = compare_systems({"a": system(0.2), "b": system(1.5)}, by=["attack"], resamples=50)
    assert "by attack: with 50 resamples none of 2 tests can pass their correction; take 160 resamples" in few.warnings


def test_reports_name_the_winner(three):
    page = render(three)
    assert "good before bad" in page
    assert "twin before good" not in page
    assert page.count("<img") == 2
    assert json.loads(json.dumps(three.to_dict(), allow_nan=False))["pairs"][1]["significant"] is True
    assert len(list(blocks(three))) == 5


def test_published_scores_against_a_noisy_copy():
    folder = shared("scores")
    first = from_file(folder / "itw_xlsr_mamba.txt.gz", folder / "itw_key.txt.gz")
    from dataclasses import replace

    noisy = replace(first, evidence=first.evidence + np.random.default_rng(0).normal(0, 4, len(first)))
    found = compare_systems({"noisy": noisy, "published": first}, resamples=50)
    assert found.systems[0].name == "published"
    assert round(100 * found.systems[0].summary.eer, 6) == 6.709324
    assert found.pairs[0].significant
