"""Score -> LLR -> verdict, by hand-computed numbers and by what the fits promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.checkpoint.folder import Calibration, Decision
from fakemamba.decision import decide, fit_calibration, fit_decision, p_fake, to_llr
from fakemamba.errors import DataError


def test_llr_is_affine_in_the_score() -> None:
    assert to_llr(1.5, Calibration(scale=2.0, bias=-1.0)) == 2.0


def test_p_fake_is_the_mirrored_sigmoid() -> None:
    assert p_fake(0.0) == 0.5
    assert p_fake(math.log(9)) == pytest.approx(0.1)
    assert p_fake(-math.log(9)) == pytest.approx(0.9)
    assert p_fake(1e6) == 0.0
    assert p_fake(-1e6) == 1.0


@pytest.mark.parametrize(
    ("llr", "verdict"),
    [(-0.6, "fake"), (-0.5, "unsure"), (1.0, "unsure"), (3.0, "unsure"), (3.1, "real")],
)
def test_decide_is_unsure_within_the_band_and_on_its_edges(llr: float, verdict: str) -> None:
    assert decide(llr, Decision(threshold=1.0, unsure_below=1.5, unsure_above=2.0)) == verdict


def test_calibration_recovers_the_ratio_of_two_gaussians() -> None:
    # Scores N(+1, 1) and N(-1, 1): the true LLR is 2 s. The counts are unequal on purpose.
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(1, 1, 40_000), rng.normal(-1, 1, 5_000)])
    labels = np.repeat([1, 0], [40_000, 5_000])
    fit = fit_calibration(scores, labels)
    assert fit.scale == pytest.approx(2.0, rel=0.03)
    assert fit.bias == pytest.approx(0.0, abs=0.05)


def test_calibration_undoes_any_increasing_affine_change_of_the_scores() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 1, 400)
    labels = (scores + rng.normal(0, 1, 400) > 0).astype(int)
    plain, moved = fit_calibration(scores, labels), fit_calibration(100 * scores + 7000, labels)
    assert to_llr(100 * 0.3 + 7000, moved) == pytest.approx(to_llr(0.3, plain), rel=1e-6)


def test_calibration_of_separated_classes_is_finite_and_grows_with_the_evidence() -> None:
    few = fit_calibration([-1, -1, 1, 1], [0, 0, 1, 1])
    many = fit_calibration([-1] * 50 + [1] * 50, [0] * 50 + [1] * 50)
    assert to_llr(1, few) == pytest.approx(math.log(3), rel=1e-6)  # Platt's target is 3/4 for two clips
    assert to_llr(1, many) == pytest.approx(math.log(51), rel=1e-6)


def test_band_by_hand() -> None:
    #        spoof spoof bona spoof | bona spoof bona bona
    llr = [-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0]
    labels = [0, 0, 1, 0, 1, 0, 1, 1]
    # Below -2 all are spoofed, above 2 all are genuine; one step nearer 1 of 3 would be wrong.
    assert fit_decision(llr, labels, 0.05) == Decision(threshold=0.0, unsure_below=2.0, unsure_above=2.0)
    # With a quarter allowed, all of one side (1 of 4 wrong) may be decided.
    assert fit_decision(llr, labels, 0.25) == Decision(threshold=0.0, unsure_below=0.0, unsure_above=0.0)


def test_a_verdict_that_is_never_right_is_never_given() -> None:
    llr, labels = [-3.0, -2.0, 1.0, 2.0], [1, 1, 0, 1]
    fit = fit_decision(llr, labels, 0.05)
    assert "fake" not in [decide(value, fit) for value in llr]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: len({label for _, label in rows}) == 2
    ),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_each_verdict_keeps_the_promised_error(rows: list[tuple[float, bool]], target: float) -> None:
    llr, bona = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    weight = np.where(bona, 0.5 / bona.sum(), 0.5 / (~bona).sum())
    fit = fit_decision(llr, bona.astype(int), target)
    verdicts = np.array([decide(value, fit) for value in llr])
    for verdict, wrong in (("fake", bona), ("real", ~bona)):
        given_ = verdicts == verdict
        assert weight[given_ & wrong].sum() <= target * weight[given_].sum() + 1e-9


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([1, 2], [1, 1], "both"),
        ([1, float("nan")], [1, 0], "score 1 is not a finite"),
        ([1, 2, 3], [1, 0], "3 scores but 2 labels"),
        ([1, 2], [1, 2], "labels must be"),
        ([5, 5, 5], [1, 0, 1], "all scores are equal"),
        ([1, 2, 3, 4], [1, 1, 0, 0], "swapped"),
    ],
)
def test_bad_data_is_named(scores: list[float], labels: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit_calibration(scores, labels)


def test_bad_target_is_named() -> None:
    with pytest.raises(DataError, match="target_error"):
        fit_decision([1, 2], [1, 0], 0.9)
