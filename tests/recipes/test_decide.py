"""Which scores mean what, from made-up ones."""

import numpy as np

from fakemamba.decision import decide
from recipes.builtin.decide import FEWEST, chosen


def made(count: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that tell much in the first two views, little in a telephone (view 2), a bit shifted in noise (view 3)."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    apart = np.array([6.0, 5.0, 1.0, 3.0])[:, None]
    shift = np.array([0.0, 0.0, -4.0, 0.0])[:, None]
    scores = apart * (labels - 0.5) + shift + rng.standard_normal((4, count))
    heard = np.array([[""] * count, [""] * count, ["telephone"] * count, ["noise"] * count])
    return scores, heard, labels


def test_each_condition_gets_a_calibration_of_its_own() -> None:
    found = chosen(*made())
    own, conditions = found["calibration"], found["conditions"]
    assert set(conditions) == {"telephone", "noise"}
    assert conditions["telephone"].scale < min(conditions["noise"].scale, own.scale)
    assert abs(-conditions["telephone"].bias / conditions["telephone"].scale + 4) < 0.5  # where both are as likely
    scores, _, labels = made()
    shifted = scores[2][labels == 1]
    plainly = [decide(own.scale * score + own.bias, found["decision"]) for score in shifted]
    fairly = [
        decide(conditions["telephone"].scale * s + conditions["telephone"].bias, found["decision"]) for s in shifted
    ]
    assert plainly.count("fake") > 90
    assert fairly.count("fake") < 40


def test_a_condition_of_few_clips_gets_none() -> None:
    scores, heard, labels = made()
    heard[2, 2 * FEWEST - 2 :] = ""
    assert set(chosen(scores, heard, labels)["conditions"]) == {"noise"}


def test_the_own_calibration_is_of_clear_clips_of_the_first_two_views() -> None:
    scores, heard, labels = made()
    heard[1, :20] = "telephone"
    scores[1, :20] = 100.0
    found = chosen(scores, heard, labels)["calibration"]
    clear = chosen(scores[:2, 20:], heard[:2, 20:], labels[20:])["calibration"]
    assert np.isclose(found.scale, clear.scale, rtol=0.1)
