"""Where a change is placed, on numbers that can be checked by head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.stream.changes import Point, step_between


def windows(step, before, after, *, length=1.5, hop=0.5, until=8.0):
    """What windows give that mix two levels in the share of their length."""
    ends = np.arange(length, until + 1e-9, hop)
    shares = np.clip((ends - step) / length, 0, 1)
    return [
        Point(end - length, end, before + (after - before) * share) for end, share in zip(ends, shares, strict=True)
    ]


@settings(max_examples=30)
@given(st.floats(2.0, 6.0), st.floats(1.0, 4.0), st.floats(1.0, 4.0))
def test_a_mixture_gives_its_step_back(step, before, after):
    assert step_between(windows(step, before, -after), 0.0, 8.0, falling=True) == pytest.approx(step, abs=0.06)
    assert step_between(windows(step, -before, after), 0.0, 8.0, falling=False) == pytest.approx(step, abs=0.06)


def test_a_step_is_found_before_any_window_lies_behind_it_whole():
    points = windows(5.0, 2.0, -2.0, until=6.5)  # the newest reaches from 5.0 to 6.5
    assert step_between(points, 3.0, 6.5, falling=True) == pytest.approx(5.0, abs=0.1)


def test_noise_does_not_carry_it_away():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(50):
        step = rng.uniform(3, 6)
        noisy = [Point(p.start, p.end, p.llr + rng.normal(0, 0.4)) for p in windows(step, 1.5, -2.0)]
        errors.append(abs(step_between(noisy, 1.0, 8.0, falling=True) - step))
    assert np.median(errors) < 0.2
    assert np.mean(np.array(errors) <= 0.5) > 0.9


def test_without_a_step_in_that_direction_the_earliest_place_is_given():
    assert step_between(windows(4.0, -2.0, 2.0), 2.5, 3.0, falling=True) == 2.5
