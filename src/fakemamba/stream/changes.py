"""Where a voice changes: the step that explains a run of overlapping windows best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GRID = 0.1  # seconds between the places that are tried
_LEAST = 0.2  # seconds of the newest window that must lie behind the change


@dataclass(frozen=True)
class Point:
    """One near window: its place in seconds and its LLR."""

    start: float
    end: float
    llr: float


def step_between(points: Sequence[Point], least: float, most: float, *, falling: bool) -> float:
    """The time between `least` and `most` where a step fits best, in least squares.

    A window that begins before the step and ends after it is taken for a mixture in the share of its length:

        llr = before + (after - before) * share        after < before if `falling`

    Neither level lies beyond what was heard, or few windows behind the step would make it a steep and late one.

    Args:
        points: one or more windows, ordered.
        least, most: seconds; `most` is the end of the newest window.
        falling: whether the LLR steps down (a fake starts) or up (it ends).

    Returns:
        Seconds; `least` if no step has the right direction.
    """
    start = np.array([point.start for point in points])
    end = np.array([point.end for point in points])
    llr = np.array([point.llr for point in points])
    best, place = np.inf, least
    for step in np.arange(least, max(least, most - _LEAST) + 1e-9, GRID):
        share = np.clip((end - step) / (end - start), 0.0, 1.0)
        design = np.stack([1.0 - share, share], axis=1)  # (points, 2)
        before, after = np.clip(np.linalg.lstsq(design, llr, rcond=None)[0], llr.min(), llr.max())
        error = float(np.sum((design @ (before, after) - llr) ** 2))
        if (after < before) == falling and error < best - 1e-9:
            best, place = error, float(step)
    return round(place, 3)
