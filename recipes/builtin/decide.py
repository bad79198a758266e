"""What a finished model's scores mean, chosen on dev: calibrations, the decision, operating points.

The model's own calibration and the decision come from clean clips and the light channel, as what people have lies
between the two. What went through a telephone or noise, in whichever view, gets a calibration for itself: there the
same score is worth less.
"""

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import Condition, activity, condition
from fakemamba.checkpoint.card import Calibration
from fakemamba.decision import fit_calibration, fit_decision
from fakemamba.models.system import System
from fakemamba.operating import choose_points
from recipes.builtin import points
from recipes.builtin.bank import Bank
from recipes.builtin.manifest import Clip
from recipes.builtin.train import scores_of

WRONG = 0.06  # the share of wrong verdicts that the unsure band is chosen for, on dev
FEWEST = 30  # clips of each class that a condition must have to get a calibration
CHOSEN = 2  # views that decide: clean and light
Float64 = NDArray[np.float64]


def decided(system: System, clips: list[Clip], bank: Bank) -> dict[str, Any]:
    """Calibrations, decision and operating points as the card's fields."""
    dev = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
    labels = np.array([clips[i].target for i in dev])
    scores = np.stack([scores_of(system, bank, dev, view=view) for view in range(bank.views)])  # (views, clips)
    heard = [[condition(activity(bank.wave(i, view))) or "" for i in dev] for view in range(bank.views)]
    return chosen(scores, np.array(heard), labels)


def chosen(scores: Float64, heard: NDArray[np.str_], labels: NDArray[np.int_]) -> dict[str, Any]:
    """The same from numbers.

    Args:
        scores: (views, clips). heard: (views, clips) each one's condition, "" for none. labels: (clips,) 1 = bona fide.
    """
    all_labels = np.broadcast_to(labels, scores.shape)
    few = scores[:CHOSEN], all_labels[:CHOSEN]
    plain = heard[:CHOSEN] == ""
    own = fit_calibration(few[0][plain], few[1][plain])
    conditions: dict[Condition, Calibration] = {}
    for name in get_args(Condition):
        there = heard == name
        if min(np.bincount(all_labels[there], minlength=2)) >= FEWEST:
            conditions[name] = fit_calibration(scores[there], all_labels[there])
    llrs = own.scale * scores + own.bias
    for name, one in conditions.items():
        llrs[heard == name] = one.scale * scores[heard == name] + one.bias
    decision = fit_decision(llrs[:CHOSEN].ravel(), few[1].ravel(), WRONG)
    sets = {on: (found, labels) for on, found in zip((points.CLEAN, points.LIGHT), llrs, strict=False)}
    return {
        "calibration": own, "conditions": conditions, "decision": decision,
        "operating_points": choose_points(sets, decision),
    }  # fmt: skip
