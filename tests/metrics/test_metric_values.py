"""Small cases worked out by hand."""

import json
import math

import numpy as np
import pytest

from fakemamba.errors import DataError
from fakemamba.metrics import (
    AsvRates,
    Prior,
    TandemCosts,
    act_dcf,
    asv_rates,
    by_group,
    cllr,
    confusion,
    curve,
    eer,
    eer_hull,
    min_adcf,
    min_cllr,
    min_dcf,
    min_tdcf,
    min_tdcf_2019,
    probit,
    reliability,
    summarise,
    teer,
)
from fakemamba.metrics.records import plain

SCORES = np.array([3.0, 1.0, 0.0, -1.0, 2.0, -2.0, -3.0, -4.0])
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0])  # one spoof above three bona fide trials


def test_equal_error_rate_of_one_confusion():
    result = eer(SCORES, LABELS)
    assert result.value == 0.25  # at threshold 0: one miss of 4, one false alarm of 4
    assert result.threshold == 0.0
    assert confusion(SCORES, LABELS, result.threshold).p_miss == 0.25


def test_hull_cuts_the_corner():
    # Hull through (P_fa, P_miss) = (1, 0), (0.25, 0), (0, 0.75), (0, 1): x = 0.25 - x / 3 on its middle edge.
    assert eer_hull(SCORES, LABELS).value == pytest.approx(3 / 16)


def test_a_tied_group_is_walked_along_the_straight_line():
    # Points (P_fa, P_miss): (1, 0) -> (0.5, 0.5) -> (0, 1) by two mixed groups.
    assert eer([0, 0, 1, 1], [1, 0, 1, 0]).value == 0.5
    # A hundred tied trials hold all that matters; the line from (0.8, 0) to (0, 0.2) meets the diagonal at 0.16.
    scores = np.r_[np.zeros(20), np.ones(80), np.full(20, -1.0), np.zeros(80)]
    labels = np.r_[np.ones(100), np.zeros(100)]
    assert eer(scores, labels).value == pytest.approx(0.16)


def test_costs_by_hand():
    prior = Prior(0.5, 1.0, 1.0)
    assert prior.threshold == 0.0
    best = min_dcf(SCORES, LABELS, prior=prior)
    assert (best.value, best.threshold) == (0.25, -1.0)  # one false alarm, no miss
    assert act_dcf(SCORES, LABELS, prior=prior).value == 0.5
    strict = Prior(0.9, 1.0, 10.0)  # a spoof through costs so much that only 3.0 may pass
    assert min_dcf(SCORES, LABELS, prior=strict).threshold == 3.0
    everything = min_dcf([0, 1], [1, 0], prior=Prior(0.01, 1.0, 1.0))
    assert (everything.value, everything.threshold) == (1.0, 0.0)  # accept all


def test_reject_all_has_an_infinite_threshold_and_no_json_infinity():
    cost = min_dcf([0, 1], [1, 0], prior=Prior(0.9, 1.0, 10.0))
    assert cost.threshold == math.inf
    assert json.loads(json.dumps(cost.to_dict(), allow_nan=False))["threshold"] is None


def test_cost_of_the_log_likelihood_ratio():
    assert cllr([0, 0], [1, 0]) == 1.0
    assert cllr([50, -50], [1, 0]) == pytest.approx(0, abs=1e-12)
    assert cllr([-800, 800], [1, 0]) == pytest.approx(800 / math.log(2))  # no overflow
    assert cllr([math.log(3), 0], [1, 0]) == pytest.approx((math.log2(4 / 3) + 1) / 2)
    assert min_cllr([-50, -60], [1, 0]) == 0  # well ordered, badly placed


def test_confusion_counts_and_rates():
    table = confusion(SCORES, LABELS, 0.0)
    assert (table.bonafide_accepted, table.bonafide_rejected, table.spoof_accepted, table.spoof_rejected) == (
        3,
        1,
        1,
        3,
    )
    assert table.to_dict()["accuracy"] == table.balanced_accuracy == table.macro_f1 == 0.75
    none = confusion(SCORES, LABELS, 99.0)
    assert (none.f1_bonafide, none.f1_spoof) == (0.0, 8 / 12)


def test_curve_ends_and_normal_axis():
    line = curve(SCORES, LABELS)
    assert (line.p_miss[0], line.p_fa[0], line.p_miss[-1], line.p_fa[-1]) == (0, 1, 1, 0)
    assert line.thresholds[-1] == math.inf
    np.testing.assert_allclose(probit([0.5, 0.025, 0.975]), [0, -1.959964, 1.959964], atol=1e-6)
    assert probit([0, 1]).tolist() == [-math.inf, math.inf]


def test_reliability_by_hand():
    honest = reliability([0.25, 0.25, 0.25, 0.25, 1.0], [1, 0, 0, 0, 1], bins=4)
    assert honest.ece == 0
    assert honest.trials.tolist() == [0, 4, 0, 1]
    boast = reliability([0.9, 0.9], [1, 0], bins=10)
    assert boast.ece == pytest.approx(0.4)
    assert boast.worst == pytest.approx(0.4)
    assert boast.brier == pytest.approx((0.01 + 0.81) / 2)
    assert boast.to_dict()["stated"][0] is None
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        reliability(SCORES, LABELS)


def test_tandem_costs_by_hand():
    asv = AsvRates(p_miss=0.1, p_fa=0.2, p_fa_spoof=0.5)
    costs = TandemCosts(0.8, 0.1, 0.1, 1.0, 1.0, 10.0)
    scores, labels = [1, 3, 2, 0], [1, 1, 0, 0]  # least: accept from 1 (P_fa 0.5) or from 3 (P_miss 0.5)
    # 2021: C0 0.08 + 0.02 = 0.1, C1 0.7, C2 0.5; 2019: C1 0.72 - 0.02 = 0.7.
    assert min_tdcf(scores, labels, asv, costs=costs).value == pytest.approx((0.1 + 0.5 * 0.5) / (0.1 + 0.5))
    result = min_tdcf_2019(scores, labels, asv, costs=costs)
    assert (result.value, result.threshold, result.form) == (pytest.approx(0.5), 1.0, "t-DCF 2019")
    with pytest.raises(DataError, match="undefined"):
        min_tdcf(scores, labels, AsvRates(1.0, 0.5, 0.5))


def test_perfect_tandem_and_verifier_rates():
    labels = np.array([1, 1, 2, 2, 0, 0])
    asv = np.array([5.0, 4.0, -4.0, -5.0, 4.5, 4.2])
    cm = np.array([2.0, 1.0, 2.0, 1.0, -1.0, -2.0])
    assert teer(cm, asv, labels).value == 0
    assert min_adcf([5, 4, 1, 0, 1, 0], labels).value == 0
    rates = asv_rates(asv, labels, threshold=0.0)
    assert (rates.p_miss, rates.p_fa, rates.p_fa_spoof) == (0, 0, 1)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1, np.nan], [1, 0], "not finite"),
        ([1, 2], [1, 1], "no spoofed trial"),
        ([1, 2], [0, 0], "no bona fide trial"),
        ([1, 2, 3], [0, 1], "one label per score"),
        ([1, 2], [1, 2], "must be 1"),
        ([1, 2], ["bonafide", "spoof"], "must be 1"),
        ([[1], [2]], [[1], [0]], "shape"),
        (["a", "b"], [1, 0], "must be numbers"),
    ],
)
def test_bad_input_is_explained(scores, labels, message):
    with pytest.raises(DataError, match=message):
        eer(scores, labels)


def test_groups_of_attacks_and_of_codecs():
    attacks = by_group(SCORES, LABELS, ["-"] * 4 + ["A1", "A2", "A2", "A2"])
    assert [(g.name, g.n_bonafide, g.n_spoof, g.eer) for g in attacks] == [("A1", 4, 1, 0.875), ("A2", 4, 3, 0.0)]
    codecs = by_group(SCORES, LABELS, ["a", "a", "b", "b", "a", "a", "c", "c"])
    assert [(g.name, g.n_bonafide, g.n_spoof) for g in codecs] == [("a", 2, 2), ("b", 2, 0), ("c", 0, 2)]
    assert codecs[0].eer is not None
    assert codecs[1].eer is None


def test_summary_agrees_with_its_parts():
    summary = summarise(SCORES, LABELS)
    assert summary.eer == eer(SCORES, LABELS).value
    assert summary.cllr == cllr(SCORES, LABELS)
    assert plain({"a": [np.float32(1.5), np.nan, (np.int64(2),)]}) == {"a": [1.5, None, [2]]}
