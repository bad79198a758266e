"""What must hold for any scores and labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.metrics import (
    Prior,
    act_dcf,
    auc,
    cllr,
    curve,
    eer,
    eer_hull,
    eer_official,
    hull,
    min_cllr,
    min_dcf,
    tally,
)
from fakemamba.metrics.pav import pav

# Few distinct values make ties; integers keep maps exact.
ties = st.integers(-4, 4)
fine = st.integers(-(10**6), 10**6)


@st.composite
def trials(draw, values=ties, most=40):
    """Scores (n,) and labels (n,) with both classes present, in any order."""
    bonafide = draw(st.lists(values, min_size=1, max_size=most))
    spoof = draw(st.lists(values, min_size=1, max_size=most))
    scores = np.array(bonafide + spoof, dtype=float)
    labels = np.r_[np.ones(len(bonafide), dtype=int), np.zeros(len(spoof), dtype=int)]
    order = np.array(draw(st.permutations(range(len(scores)))))
    return scores[order], labels[order]


any_trials = trials(ties) | trials(fine)


@given(any_trials)
def test_rising_maps_change_no_order_metric(data):
    scores, labels = data
    mapped = np.arctan(scores / 3) * 7 - 2 if np.abs(scores).max() < 10 else scores**3 / 8 + scores
    for metric in (lambda s: eer(s, labels).value, lambda s: auc(s, labels), lambda s: min_cllr(s, labels)):
        assert metric(mapped) == metric(scores)
    assert min_dcf(mapped, labels).value == min_dcf(scores, labels).value


@given(any_trials)
def test_swapping_labels_and_sign_changes_nothing(data):
    scores, labels = data
    for metric in (lambda s, y: eer(s, y).value, lambda s, y: eer_hull(s, y).value, auc, cllr, min_cllr):
        # Cllr of wild scores is in the thousands: there the last digits of a double count, not of 1.
        assert metric(-scores, 1 - labels) == pytest.approx(metric(scores, labels), rel=1e-12, abs=1e-12)


@given(any_trials, st.integers(2, 4))
def test_repeating_every_trial_changes_nothing(data, times):
    scores, labels = data
    again = np.tile(scores, times), np.tile(labels, times)
    assert eer(*again).value == pytest.approx(eer(scores, labels).value, abs=1e-12)
    assert eer_hull(*again).value == pytest.approx(eer_hull(scores, labels).value, abs=1e-12)
    assert cllr(*again) == pytest.approx(cllr(scores, labels), rel=1e-12)
    assert min_dcf(*again).value == pytest.approx(min_dcf(scores, labels).value, abs=1e-12)


@given(any_trials, st.randoms(use_true_random=False))
def test_order_of_trials_does_not_matter(data, random):
    scores, labels = data
    order = list(range(len(scores)))
    random.shuffle(order)
    assert eer(scores[order], labels[order]) == eer(scores, labels)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(-5, 5))
def test_constant_scores_give_one_half(bonafide, spoof, constant):
    labels = np.r_[np.ones(bonafide), np.zeros(spoof)]
    scores = np.full(len(labels), constant)
    assert eer(scores, labels).value == 0.5
    assert eer_hull(scores, labels).value == 0.5
    assert auc(scores, labels) == 0.5
    assert min_cllr(scores, labels) == pytest.approx(1)
    assert min_dcf(scores, labels).value == 1


def test_the_official_algorithm_is_wrong_about_constants():
    assert eer_official(np.zeros(8), [1, 1, 1, 1, 0, 0, 0, 0]).value == 1.0


@given(trials(fine))
def test_without_ties_the_default_is_the_official_one(data):
    scores, labels = data
    scores = scores + np.arange(len(scores)) / 1000  # distinct
    ours, official = eer(scores, labels).value, eer_official(scores, labels).value
    # Of two equally close points the challenge takes the first, we their mean: half a trial apart at most.
    assert ours == pytest.approx(official, abs=0.5 / min(labels.sum(), (1 - labels).sum()) + 1e-12)
    gaps = np.abs(tally(scores, labels).p_miss - tally(scores, labels).p_fa)
    if np.count_nonzero(np.isclose(gaps, gaps.min())) == 1:
        assert ours == pytest.approx(official, abs=1e-12)


@given(any_trials)
def test_hull_never_exceeds_one_half_nor_the_curve(data):
    scores, labels = data
    edge, full = hull(*data), curve(*data, corners=False)
    assert eer_hull(scores, labels).value <= 0.5 + 1e-12
    assert (np.interp(full.p_miss, edge.p_miss, edge.p_fa) <= full.p_fa + 1e-12).all()
    slopes = np.diff(edge.p_fa) / np.maximum(np.diff(edge.p_miss), 1e-9)
    assert (np.diff(slopes) >= -1e-6).all()


@given(any_trials)
def test_pooled_shares_rise_and_keep_every_trial(data):
    blocks = pav(tally(*data))
    assert (np.diff(blocks.posterior) > 0).all()
    assert blocks.bonafide.sum() == data[1].sum()
    assert blocks.spoof.sum() == (1 - data[1]).sum()


@given(trials(ties, most=12))
def test_pooling_equals_the_definition(data):
    """Isotonic regression by its max-min formula, the slow twin."""
    counts = tally(*data)
    total = counts.bonafide + counts.spoof
    k = len(total)
    mean = lambda i, j: counts.bonafide[i : j + 1].sum() / total[i : j + 1].sum()  # noqa: E731
    expected = [max(min(mean(i, j) for j in range(at, k)) for i in range(at + 1)) for at in range(k)]
    blocks = pav(counts)
    widths = np.diff(np.append(blocks.first, k))
    np.testing.assert_allclose(np.repeat(blocks.posterior, widths), expected, atol=1e-12)


@given(any_trials, st.floats(0.01, 0.99), st.floats(0.1, 100))
def test_the_best_is_no_worse_than_the_actual(data, p_spoof, c_fa):
    prior = Prior(p_spoof, 1.0, c_fa)
    assert min_dcf(*data, prior=prior).value <= act_dcf(*data, prior=prior).value + 1e-12
    assert min_dcf(*data, prior=prior).value <= 1 + 1e-12
    assert min_cllr(*data) <= cllr(*data) + 1e-9
    assert min_cllr(*data) <= 1 + 1e-9


@given(any_trials)
def test_auc_is_the_share_of_won_pairs(data):
    scores, labels = data
    pairs = np.subtract.outer(scores[labels == 1], scores[labels == 0])
    assert auc(scores, labels) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


@given(any_trials)
@settings(max_examples=50)
def test_leaving_out_straight_points_keeps_the_line(data):
    full, corners = curve(*data, corners=False), curve(*data)
    path = full.p_miss - full.p_fa  # strictly rising along the curve
    kept = corners.p_miss - corners.p_fa
    np.testing.assert_allclose(np.interp(path, kept, corners.p_miss), full.p_miss, atol=1e-12)
    assert len(corners.p_miss) <= len(full.p_miss)
