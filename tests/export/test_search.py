"""The search for parts that bear a lower precision: what it answers was measured, and it ends in time."""

import math
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakemamba.export.graph import Part
from fakemamba.export.search import choose


def parts(drifts: dict[str, float], size: int = 100) -> tuple[list[Part], list[tuple[str, ...]], object]:
    """Parts whose drifts add like independent errors; the trials that were made; and what measures them."""
    made = [Part(name, (f"{name}.weight",), size) for name in drifts]
    trials: list[tuple[str, ...]] = []

    def measure(taken) -> float:
        trials.append(tuple(part.name for part in taken))
        return math.sqrt(sum(drifts[part.name] ** 2 for part in taken))

    return made, trials, measure


def test_what_bears_it_as_a_whole_needs_one_trial():
    made, trials, measure = parts({"a": 0.01, "b": 0.01})
    found = choose(made, measure, tolerance=0.1, seconds=60)
    assert (found.taken, found.kept, found.trials) == (("a", "b"), (), 1)
    assert trials == [("a", "b")]
    assert found.alone == {}


def test_the_sensitive_part_stays_float32_and_its_drift_is_told():
    made, _, measure = parts({"a": 0.01, "bad": 4.0, "b": 0.02})
    found = choose(made, measure, tolerance=0.03, seconds=60)
    assert found.taken == ("a", "b")
    assert found.kept == ("bad",)
    assert found.drift == pytest.approx(math.sqrt(0.0005))
    assert found.alone == {"a": 0.01, "bad": 4.0, "b": 0.02}
    assert found.complete


def test_of_equal_drift_the_larger_part_is_taken():
    small, large = Part("small", ("s",), 10), Part("large", ("l",), 1000)
    found = choose([small, large], lambda taken: 0.02 * math.sqrt(len(taken)), tolerance=0.025, seconds=60)
    assert found.taken == ("large",)


def test_scores_that_are_no_numbers_are_never_taken():
    made, _, measure = parts({"a": 0.01, "bad": math.inf})
    assert choose(made, measure, tolerance=0.03, seconds=60).taken == ("a",)


def test_when_the_time_is_over_the_rest_stays_float32():
    made, trials, measure = parts({name: 0.01 for name in "abcdefgh"} | {"bad": 9.0})
    ticks = count()
    found = choose(made, measure, tolerance=0.015, seconds=6, clock=lambda: float(next(ticks)))
    assert not found.complete
    assert len(trials) <= 6
    assert found.drift <= 0.015
    assert set(found.taken) | set(found.kept) == {part.name for part in made}


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.floats(0, 1), min_size=1, max_size=12),
    st.floats(0.001, 1),
    st.integers(0, 40),
)
def test_the_answer_was_measured_and_is_within_the_tolerance(drifts, tolerance, patience):
    made, trials, measure = parts(drifts)
    ticks = count()
    found = choose(made, measure, tolerance=tolerance, seconds=patience + 0.5, clock=lambda: float(next(ticks)))
    assert found.drift <= tolerance
    assert not found.taken or set(found.taken) in [set(trial) for trial in trials]
    assert found.trials == len(trials) <= 1 + len(made) + math.ceil(math.log2(len(made) + 1)) + 1
    assert sorted(found.taken + found.kept) == sorted(drifts)
