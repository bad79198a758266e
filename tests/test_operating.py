"""Operating points: the lines keep their promises, the counts are those of the verdicts, names are found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.checkpoint.folder import Calibration, Decision, OperatingPoint
from fakemamba.decision import decide, fit_decision
from fakemamba.errors import ConfigError, DataError
from fakemamba.judge import judge_of
from fakemamba.metrics import wilson
from fakemamba.operating import choose_points, count_verdicts, default_point, measured_also, point_of, share_words
from fakes import tiny_card

POINTS = tuple(
    OperatingPoint(name=name, purpose=f"for {name}", decision=decision)
    for name, decision in (
        ("screening", Decision(threshold=0.5, unsure_above=0.5)),
        ("balanced", Decision(unsure_below=1.0, unsure_above=1.0)),
        ("accuse-rarely", Decision(unsure_below=3.0, unsure_above=1.0)),
    )
)


def drawn(seed: int, genuine: int, fake: int, gap: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.r_[rng.normal(gap / 2, 1.5, genuine), rng.normal(-gap / 2, 1.5, fake)], np.repeat([1, 0], [genuine, fake])


@pytest.mark.parametrize(("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)])
def test_wilsons_interval_by_hand(count: int, total: int, low: float, high: float) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=1e-4)


def test_wilsons_interval_mirrors_and_refuses() -> None:
    low, high = wilson(3, 40)
    assert wilson(37, 40) == pytest.approx((1 - high, 1 - low))
    for count, total in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(DataError):
            wilson(count, total)


def test_lines_by_hand() -> None:
    # Ten fakes at -10..-1 and ten genuine at -4.5..4.5: 90 % of the fakes lie at -2 or below, 10 % of the genuine
    # clips at -4.5, so that the next one, -3.5, is the wary line.
    llr = np.r_[np.arange(10) - 4.5, np.arange(10) - 10.0]
    points = choose_points({"made up": (llr, np.repeat([1, 0], 10))}, Decision(unsure_below=3.0), accused=0.1)
    screening, balanced, rare = points
    assert screening.decision.threshold - screening.decision.unsure_below == pytest.approx(-2.0)
    assert rare.decision.threshold - rare.decision.unsure_below == pytest.approx(-3.5)
    assert balanced.decision == Decision(unsure_below=3.0)
    counts = screening.measured[0]
    assert (counts.on, counts.genuine, counts.fake) == ("made up", 10, 10)
    assert (counts.fakes_called_fake, counts.genuine_called_fake, counts.genuine_called_real) == (9, 3, 5)
    assert rare.measured[0].genuine_called_fake == 1
    assert "90%" in screening.purpose
    assert "10.0%" in rare.purpose


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 300), st.integers(2, 300), st.floats(-1, 6))
def test_the_promises_hold_on_every_set(seed: int, genuine: int, fake: int, gap: float) -> None:
    sets = {"a": drawn(seed, genuine, fake, gap), "b": drawn(seed + 1, fake, genuine, gap / 2)}
    own = fit_decision(*sets["a"])
    screening, balanced, rare = choose_points(sets, own)
    assert balanced.decision == own
    for counts in screening.measured:
        assert counts.fakes_called_fake >= 0.9 * counts.fake
    for counts in rare.measured:
        assert counts.genuine_called_fake <= 0.01 * counts.genuine
    for eager, middle, wary in zip(screening.measured, balanced.measured, rare.measured, strict=True):
        assert eager.fakes_called_fake >= middle.fakes_called_fake >= wary.fakes_called_fake
        assert eager.genuine_called_fake >= middle.genuine_called_fake >= wary.genuine_called_fake


def test_counts_are_those_of_the_verdicts_and_unjudged_clips_are_unsure() -> None:
    llr, labels = drawn(3, 50, 60)
    llr[0] = llr[-1] = np.nan
    decision = POINTS[1].decision
    said = [decide(x, decision) if not np.isnan(x) else "unsure" for x in llr]
    counts = count_verdicts("these", llr, labels, decision)
    assert counts.genuine == 50
    assert counts.genuine_called_fake == said[:50].count("fake")
    assert counts.fakes_called_real == said[50:].count("real")


def test_another_set_is_added_or_replaced() -> None:
    card = tiny_card(operating_points=POINTS)
    once = tiny_card(operating_points=measured_also(card, "x", [2.0, -2.0], [1, 0]))
    twice = measured_also(once, "x", [2.0, 2.0, -2.0], [1, 1, 0])
    assert [[one.genuine for one in point.measured] for point in twice] == [[2], [2], [2]]
    assert [point.decision for point in twice] == [point.decision for point in POINTS]


@pytest.mark.parametrize(
    "sets",
    [{}, {"a": ([1.0], [1])}, {"a": ([1.0, 2.0], [1])}, {"a": ([], [])}],
    ids=["none", "class", "shape", "empty"],
)
def test_bad_sets_are_refused(sets: dict) -> None:
    with pytest.raises(DataError, match="operating points"):
        choose_points(sets, Decision())


def test_a_share_in_words_keeps_its_counts() -> None:
    assert share_words(3, 317) == "0.9 % (3 of 317; 95 %: 0.3–2.7)"
    assert share_words(0, 0) == "– (no clips)"


def test_points_are_found_by_name_and_the_default_by_its_decision() -> None:
    card = tiny_card(operating_points=POINTS)  # the card's own decision is within 1 of 0: balanced
    assert point_of(card, "screening") is card.operating_points[0]
    assert default_point(card) == POINTS[1]
    assert default_point(tiny_card()) is None
    with pytest.raises(ConfigError, match="choose one of screening, balanced, accuse-rarely"):
        point_of(card, "strict")
    with pytest.raises(ConfigError, match="it has none; a threshold"):
        point_of(tiny_card(), "screening")


def test_the_judge_decides_at_the_point_asked_for() -> None:
    card = tiny_card(operating_points=POINTS)
    verdicts = {name: judge_of(card, operating_point=name).verdict(-2.0) for name in ("screening", "accuse-rarely")}
    assert verdicts == {"screening": "fake", "accuse-rarely": "unsure"}
    assert judge_of(card).operating_point == "balanced"
    assert judge_of(card, 0.0).operating_point is None  # the same line, but chosen by hand
    assert judge_of(tiny_card()).operating_point is None
    with pytest.raises(ConfigError, match="give one of them"):
        judge_of(card, 0.5, "screening")
    with pytest.raises(ConfigError, match="not calibrated"):
        judge_of(tiny_card(operating_points=POINTS, calibration=None), operating_point="screening")
    with pytest.raises(ConfigError, match="choose one of"):
        judge_of(tiny_card(operating_points=POINTS, calibration=Calibration(scale=2.0)), operating_point="")
