"""From a raw score to a verdict: score -> log-likelihood ratio (LLR) -> real, fake or unsure; and how both are fitted.

    raw score --Calibration--> LLR --sigmoid--> p_fake
                                |
      fake      |    unsure     |      real
    ------------[---------------|--------)-------------> LLR, higher = more genuine
                      unsure_below  unsure_above
                            threshold

Everything here counts both classes alike: `p_fake` holds where a real and a fake are equally likely beforehand.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.checkpoint.card import Calibration, Decision
from fakemamba.errors import DataError

Verdict = Literal["real", "fake", "unsure"]
Float64 = NDArray[np.float64]

_NEWTON_STEPS = 100


def to_llr(score: float, calibration: Calibration) -> float:
    """The natural-log likelihood ratio log p(score | real) / p(score | fake)."""
    return calibration.scale * score + calibration.bias


def p_fake(llr: float) -> float:
    """The probability of a fake, sigmoid(-llr), where real and fake are equally likely beforehand."""
    # Both forms are the same number; each is used where its exponential cannot overflow.
    if llr >= 0:
        return math.exp(-llr) / (1.0 + math.exp(-llr))
    return 1.0 / (1.0 + math.exp(llr))


def decide(llr: float, decision: Decision) -> Verdict:
    """The verdict for one LLR; on the edges of the band the answer is unsure."""
    if llr < decision.low:
        return "fake"
    if llr > decision.high:
        return "real"
    return "unsure"


def fit_calibration(scores: ArrayLike, labels: ArrayLike) -> Calibration:
    """Logistic regression from scores to LLRs, each class weighing one half, by Newton's method.

    The targets are softened as Platt did (2000, "Probabilistic outputs for SVMs"), each class by its own count,
    so that classes which do not overlap get a finite scale that grows with the evidence.

    Args:
        scores: (n,) raw scores, higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.

    Raises:
        DataError: a class is missing, a score is not finite, or higher scores mean spoof.
    """
    x, bona = _checked(scores, labels)
    if np.ptp(x) == 0:
        raise DataError("calibration: all scores are equal, so they tell nothing")
    middle, spread = float(x.mean()), float(x.std())
    design = np.stack([(x - middle) / spread, np.ones_like(x)], axis=1)  # (n, 2)
    targets = np.where(bona, 1.0 - 1.0 / (bona.sum() + 2.0), 1.0 / ((~bona).sum() + 2.0))
    slope, offset = _newton(design, targets, _weights(bona))
    if slope <= 0:
        raise DataError("calibration: higher scores are not more genuine here; are the labels or the sign swapped?")
    return Calibration(scale=slope / spread, bias=offset - slope * middle / spread)


def fit_decision(llr: ArrayLike, labels: ArrayLike, target_error: float = 0.05, *, threshold: float = 0.0) -> Decision:
    """The narrowest unsure band around `threshold` that keeps each verdict's error within `target_error`.

    Of the clips called fake at most `target_error` are genuine, and of those called real at most `target_error` are
    spoofed, both classes weighted to one half. A verdict that cannot keep this promise anywhere is never given on
    these data.

    Args:
        llr: (n,) log-likelihood ratios, higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        target_error: the largest share of wrong verdicts, in (0, 0.5].
        threshold: LLR that the band surrounds; 0 where both mistakes cost alike.

    Raises:
        DataError: a class is missing, an LLR is not finite, or `target_error` is out of range.
    """
    if not 0.0 < target_error <= 0.5:
        raise DataError(f"target_error must be above 0 and at most 0.5, not {target_error}")
    x, bona = _checked(llr, labels)
    weights = _weights(bona)
    below = _band(threshold - x, bona, weights, target_error)
    above = _band(x - threshold, ~bona, weights, target_error)
    return Decision(threshold=threshold, unsure_below=below, unsure_above=above)


def _band(distance: Float64, wrong: NDArray[np.bool_], weights: Float64, target: float) -> float:
    """The least d >= 0 such that among clips with distance > d the weighted share of wrong ones is within target."""
    cuts = np.unique(np.append(np.maximum(distance, 0.0), 0.0))  # (m,) ascending
    order = np.argsort(distance)
    first = np.searchsorted(distance[order], cuts, side="right")  # clips beyond a cut start here
    total = _tail_sums(weights[order])[first]
    errors = _tail_sums((weights * wrong)[order])[first]
    kept = errors <= target * total + 1e-12  # true at the last cut at the latest: nothing lies beyond it
    return float(cuts[np.argmax(kept)])


def _tail_sums(values: Float64) -> Float64:
    """(n + 1,): the sum of values[i:] for every i."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _newton(design: Float64, targets: Float64, weights: Float64) -> Sequence[float]:
    """Minimise the weighted cross-entropy of sigmoid(design @ theta) against `targets`."""
    theta = np.zeros(design.shape[1])
    loss = _cross_entropy(design @ theta, targets, weights)
    for _ in range(_NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (weights * (p - targets))
        hessian = (design * (weights * p * (1.0 - p))[:, None]).T @ design + 1e-12 * np.eye(len(theta))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (new := _cross_entropy(design @ (theta - size * step), targets, weights)) > loss and size > 1e-8:
            size /= 2.0
        theta = theta - size * step
        if loss - new < 1e-14:
            break
        loss = new
    return [float(value) for value in theta]


def _cross_entropy(logits: Float64, targets: Float64, weights: Float64) -> float:
    return float(np.sum(weights * (np.logaddexp(0.0, logits) - targets * logits)))


def _weights(bona: NDArray[np.bool_]) -> Float64:
    """(n,): each class sums to one half, whatever its count."""
    weights: Float64 = np.where(bona, 0.5 / bona.sum(), 0.5 / (~bona).sum())
    return weights


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Float64, NDArray[np.bool_]]:
    x = np.asarray(scores, dtype=np.float64).ravel()
    y = np.asarray(labels).ravel()
    if x.shape != y.shape:
        raise DataError(f"{x.size} scores but {y.size} labels")
    if not np.isin(y, (0, 1)).all():
        raise DataError("labels must be 1 (bona fide) or 0 (spoof)")
    bona = y.astype(bool)
    if bona.all() or not bona.any():
        raise DataError("both bona fide (1) and spoof (0) clips are needed")
    if not np.isfinite(x).all():
        raise DataError(f"score {int(np.argmin(np.isfinite(x)))} is not a finite number")
    return x, bona
