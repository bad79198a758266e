"""Are the probabilities honest? Expected calibration error with its reliability diagram."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.errors import DataError
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Counts, Floats, check_trials


@dataclass(frozen=True)
class Reliability(Record):
    """How stated probabilities compare with what happened.

    Attributes:
        ece: mean |stated - observed| over the bins, weighted by their trials.
        worst: the largest |stated - observed| of a bin that holds trials.
        brier: mean squared distance between probability and label.
        edges: (bins + 1,) of the bins.
        stated: (bins,) mean probability in the bin, NaN where empty.
        observed: (bins,) share of bona fide trials in the bin, NaN where empty.
        trials: (bins,) how many.
    """

    ece: float
    worst: float
    brier: float
    edges: Floats
    stated: Floats
    observed: Floats
    trials: Counts


def reliability(probabilities: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> Reliability:
    """Compare probabilities with labels in equally wide bins.

    Args:
        probabilities: (n,) of "bona fide", in [0, 1].
        labels: (n,) 1 = bona fide, 0 = spoof.
        bins: how many.

    Raises:
        DataError: a value lies outside [0, 1], no bin, or see `check_trials`.
    """
    values, genuine = check_trials(probabilities, labels)
    if values.min() < 0 or values.max() > 1:
        raise DataError("probabilities must lie in [0, 1]: turn scores into probabilities first (a calibration)")
    if bins < 1:
        raise DataError(f"reliability needs at least one bin, not {bins}")
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    trials = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        stated = np.bincount(place, values, minlength=bins) / trials
        observed = np.bincount(place, genuine, minlength=bins) / trials
    gaps = np.nan_to_num(np.abs(stated - observed))
    return Reliability(
        ece=float(np.dot(gaps, trials) / len(values)),
        worst=float(gaps.max()),
        brier=float(np.mean((values - genuine) ** 2)),
        edges=np.linspace(0, 1, bins + 1),
        stated=stated,
        observed=observed,
        trials=trials,
    )
