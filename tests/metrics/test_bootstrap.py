"""Intervals and paired comparison."""

import numpy as np
import pytest

from fakemamba.errors import DataError
from fakemamba.metrics import compare, compare_all, eer, holm, interval, intervals, min_cllr
from fakemamba.metrics.bootstrap import METRICS, _Plan, _Sorted
from fakemamba.metrics.tally import tally


def system(rng, shift, n=400):
    labels = np.r_[np.ones(n, dtype=int), np.zeros(n, dtype=int)]
    return rng.normal(size=2 * n).round(2) + shift * labels, labels


@pytest.mark.parametrize("metric", list(METRICS))
def test_a_weighted_tally_equals_repeated_trials(metric):
    rng = np.random.default_rng(1)
    scores, labels = system(rng, 1.0, 60)
    order = rng.permutation(len(scores))
    scores, labels = scores[order], labels[order]
    genuine = labels.astype(bool)
    for weights in _Plan.of(genuine, None).draw(5, rng):
        weighted = _Sorted.of(scores, genuine).weighted(weights)
        repeated = tally(np.repeat(scores, weights), np.repeat(labels, weights))
        assert METRICS[metric](weighted) == pytest.approx(METRICS[metric](repeated), abs=1e-12)


def test_interval_holds_the_value_and_narrows_with_more_trials():
    rng = np.random.default_rng(2)
    few, many = (interval(*system(rng, 1.5, n), resamples=200) for n in (100, 2500))
    for result in (few, many):
        assert result.low <= result.value <= result.high
        assert result.clusters is None
    assert many.high - many.low < (few.high - few.low) / 3


def test_interval_covers_the_truth():
    truth = 0.2266  # of two unit Gaussians 1.5 apart: Phi(-0.75)
    rng = np.random.default_rng(3)
    hits = sum(
        result.low <= truth <= result.high
        for result in (interval(*system(rng, 1.5, 150), resamples=200, level=0.9) for _ in range(60))
    )
    assert 46 <= hits <= 60  # 54 expected


def test_seed_and_generator():
    data = system(np.random.default_rng(4), 1.0)
    assert interval(*data, resamples=50, rng=7) == interval(*data, resamples=50, rng=np.random.default_rng(7))
    assert interval(*data, resamples=50, rng=7) != interval(*data, resamples=50, rng=8)


def test_speakers_are_drawn_whole_and_widen_the_interval():
    rng = np.random.default_rng(5)
    speakers = np.repeat(np.arange(20), 40)
    labels = np.tile([1, 0], 400)
    scores = rng.normal(size=800) + labels * 2 + rng.normal(size=20)[speakers] * 1.5
    plain = interval(scores, labels, resamples=200)
    clustered = interval(scores, labels, clusters=speakers.astype(str), resamples=200)
    assert clustered.clusters == 20
    assert clustered.value == plain.value
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)


def test_clusters_are_stratified_so_that_no_class_can_vanish():
    genuine = np.array([True, True, False, False, True, False])
    plan = _Plan.of(genuine, np.array(["a", "a", "b", "c", "d", "d"]))
    for weights in plan.draw(30, 0):
        assert weights[0] == weights[1] == 1  # the only speaker with bona fide trials alone
        assert weights[2] + weights[3] == 2
        assert weights[4] == weights[5] == 1


def test_paired_comparison_sees_what_separate_intervals_do_not():
    rng = np.random.default_rng(6)
    scores, labels = system(rng, 1.5)
    better = scores + 0.25 * (2 * labels - 1) + 0.05 * rng.normal(size=len(scores))
    result = compare(scores, better, labels, resamples=300)
    assert result.difference == pytest.approx(eer(scores, labels).value - eer(better, labels).value)
    assert 0 < result.low < result.difference < result.high
    assert result.p_value == pytest.approx(2 / 301)
    back = compare(better, scores, labels, resamples=300)
    assert back.difference == -result.difference
    assert back.low == pytest.approx(-result.high)


def test_equal_systems_do_not_differ():
    scores, labels = system(np.random.default_rng(7), 1.0, 100)
    result = compare(scores, 3 * scores + 1, labels, resamples=50)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_own_metrics_and_refusals():
    scores, labels = system(np.random.default_rng(8), 1.0, 50)
    assert interval(scores, labels, "min_cllr", resamples=5).value == pytest.approx(min_cllr(scores, labels))
    assert interval(scores, labels, lambda trials: trials.n_spoof / 2, resamples=5).low == 25
    with pytest.raises(DataError, match="unknown metric 'ere': choose one of eer"):
        interval(scores, labels, "ere")
    with pytest.raises(DataError, match="resamples"):
        interval(scores, labels, resamples=0)
    with pytest.raises(DataError, match="one cluster per trial"):
        interval(scores, labels, clusters=["a"])


def test_every_pair_of_three_is_the_comparison_of_two():
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], 60)
    systems = [rng.normal(2.0 * labels) + shift * labels for shift in (0.0, 0.5, 2.0)]
    pairs = compare_all(systems, labels, resamples=50)
    assert list(pairs) == [(0, 1), (0, 2), (1, 2)]
    for (i, j), pair in pairs.items():
        assert pair == compare(systems[i], systems[j], labels, resamples=50)
    with pytest.raises(DataError, match="at least two systems"):
        compare_all(systems[:1], labels)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == [0.03, 0.06, 0.06]
    assert holm([0.5]).tolist() == [0.5]
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


def test_several_metrics_share_their_resamples():
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 1], 80)
    scores = rng.normal(labels * 1.5)
    found = intervals(scores, labels, ["eer", "auc"], resamples=40, rng=3)
    assert found == tuple(interval(scores, labels, name, resamples=40, rng=3) for name in ("eer", "auc"))
