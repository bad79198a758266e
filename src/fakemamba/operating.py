"""Operating points: the same evidence, decided for other ends; how they are chosen, counted, and found by name.

    point            fake below                                             real above
    screening        the line that finds 90 % of the fakes                  as balanced, or that line
    balanced         the model's own decision (`fit_decision`)              the same
    accuse-rarely    the line below which 1 % of the genuine clips lie      as balanced

Rates that a line was chosen for are too good on the clips that chose it: each point keeps its counts by set of clips.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.checkpoint.card import Counts, Decision, ModelCard, OperatingPoint
from fakemamba.decision import decide
from fakemamba.errors import ConfigError, DataError
from fakemamba.metrics.proportion import wilson

FOUND = 0.90  # of the fakes, what screening must find
ACCUSED = 0.01  # of the genuine clips, what accuse-rarely may call fake
_NUDGE = 1e-9  # of an LLR: keeps a line clear of the clip that it was drawn at

Float64 = NDArray[np.float64]


def choose_points(
    sets: Mapping[str, tuple[ArrayLike, ArrayLike]],
    balanced: Decision,
    *,
    found: float = FOUND,
    accused: float = ACCUSED,
) -> tuple[OperatingPoint, ...]:
    """The three named points of a model, with what each does on every set.

    Both lines hold on each set alone, so that none hides behind an easier one.

    Args:
        sets: what they are, in words -> (n,) LLRs and (n,) labels, 1 = bona fide, 0 = spoof.
        balanced: the model's own decision.
        found: share of the fakes that screening calls fake, at least.
        accused: share of the genuine clips that accuse-rarely calls fake, at most.

    Raises:
        DataError: a set lacks a class, or there is no set.
    """
    split = {on: _split(on, *pair) for on, pair in sets.items()}
    if not split:
        raise DataError("operating points: no clips to choose them on")
    eager = max(balanced.low, *(_above(fake, found) for _, fake in split.values()))
    wary = min(balanced.low, *(_below(genuine, accused) for genuine, _ in split.values()))
    decisions = {
        "screening": (
            f"chosen to find at least {found:.0%} of the fakes; accuses more real voices",
            _edges(eager, balanced.high),
        ),
        "balanced": ("the default: both mistakes weigh alike", balanced),
        "accuse-rarely": (
            f"chosen to call at most {accused:.1%} of real voices fake; misses more fakes",
            _edges(wary, balanced.high),
        ),
    }
    return tuple(
        OperatingPoint(
            name=name,
            purpose=purpose,
            decision=decision,
            measured=tuple(_counts(on, *pair, decision) for on, pair in split.items()),
        )
        for name, (purpose, decision) in decisions.items()
    )


def count_verdicts(on: str, llr: ArrayLike, labels: ArrayLike, decision: Decision) -> Counts:
    """What a decision says of clips of known truth; NaN stands for a clip that was not judged, and is unsure.

    Args:
        on: which clips, in words.
        llr, labels: (n,) each, as in `choose_points`.

    Raises:
        DataError: the shapes differ, or a class is missing.
    """
    return _counts(on, *_split(on, llr, labels), decision)


def measured_also(card: ModelCard, on: str, llr: ArrayLike, labels: ArrayLike) -> tuple[OperatingPoint, ...]:
    """The card's points with one more set of clips; a set of that name is replaced. Errors as `count_verdicts`."""
    return tuple(
        point.model_copy(
            update={
                "measured": (
                    *(one for one in point.measured if one.on != on),
                    count_verdicts(on, llr, labels, point.decision),
                )
            }
        )
        for point in card.operating_points
    )


def point_of(card: ModelCard, name: str) -> OperatingPoint:
    """The card's point of that name; ConfigError with the valid ones."""
    for point in card.operating_points:
        if point.name == name:
            return point
    names = ", ".join(point.name for point in card.operating_points)
    choice = f"choose one of {names}" if names else "it has none; a threshold moves its line instead"
    raise ConfigError(f"operating point {name!r}: the model {card.name} does not know it; {choice}")


def default_point(card: ModelCard) -> OperatingPoint | None:
    """The point that decides when none is asked for; None where the card names none that equals its decision."""
    return next((point for point in card.operating_points if point.decision == card.decision), None)


def share_words(count: int, total: int) -> str:
    """Such as "0.9 % (3 of 317; 95 %: 0.3–2.7)"."""
    if total == 0:
        return "– (no clips)"
    low, high = wilson(count, total)
    return f"{100 * count / total:.1f} % ({count} of {total}; 95 %: {100 * low:.1f}–{100 * high:.1f})"


def _edges(low: float, high: float) -> Decision:
    """Fake below `low`, real above `high`, which is raised to `low`; the threshold is 0 or the nearest edge."""
    high = max(low, high)
    threshold = min(max(0.0, low), high)
    return Decision(threshold=threshold, unsure_below=threshold - low, unsure_above=high - threshold)


def _above(llr: Float64, share: float) -> float:
    """The lowest line with at least that share of values below it."""
    return float(np.sort(llr)[max(0, math.ceil(share * len(llr) - 1e-9) - 1)]) + _NUDGE


def _below(llr: Float64, share: float) -> float:
    """The highest line with at most that share of values below it."""
    return float(np.sort(llr)[min(len(llr) - 1, int(share * len(llr) + 1e-9))]) - _NUDGE


def _counts(on: str, genuine: Float64, fake: Float64, decision: Decision) -> Counts:
    said = [[decide(value, decision) for value in llr.tolist() if not math.isnan(value)] for llr in (genuine, fake)]
    return Counts(
        on=on,
        genuine=len(genuine),
        genuine_called_fake=said[0].count("fake"),
        genuine_called_real=said[0].count("real"),
        fake=len(fake),
        fakes_called_fake=said[1].count("fake"),
        fakes_called_real=said[1].count("real"),
    )


def _split(on: str, llr: ArrayLike, labels: ArrayLike) -> tuple[Float64, Float64]:
    """The LLRs of the genuine clips, and of the fakes."""
    x, y = np.asarray(llr, np.float64).ravel(), np.asarray(labels).ravel()
    if x.shape != y.shape or not (y == 1).any() or not (y == 0).any():
        raise DataError(f"operating points: {on}: give one label a clip, and clips of both classes")
    return x[y == 1], x[y == 0]
