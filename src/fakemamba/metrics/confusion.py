"""What a fixed threshold decides: confusion, accuracy, F1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import check_trials


@dataclass(frozen=True)
class Confusion(Record):
    """Trials by truth and decision; accepted means score >= threshold. Rates without a denominator are 0.

    Attributes:
        threshold: the score from which a trial is taken for bona fide.
        bonafide_accepted: bona fide trials taken for bona fide.
        bonafide_rejected: bona fide trials taken for spoofs (misses, false alarms to a listener).
        spoof_accepted: spoofs that got through.
        spoof_rejected: spoofs caught.
    """

    threshold: float
    bonafide_accepted: int
    bonafide_rejected: int
    spoof_accepted: int
    spoof_rejected: int

    @property
    def p_miss(self) -> float:
        return _share(self.bonafide_rejected, self.bonafide_rejected + self.bonafide_accepted)

    @property
    def p_fa(self) -> float:
        return _share(self.spoof_accepted, self.spoof_accepted + self.spoof_rejected)

    @property
    def accuracy(self) -> float:
        right = self.bonafide_accepted + self.spoof_rejected
        return _share(right, right + self.bonafide_rejected + self.spoof_accepted)

    @property
    def balanced_accuracy(self) -> float:
        return 1 - (self.p_miss + self.p_fa) / 2

    @property
    def f1_bonafide(self) -> float:
        return _f1(self.bonafide_accepted, self.spoof_accepted, self.bonafide_rejected)

    @property
    def f1_spoof(self) -> float:
        return _f1(self.spoof_rejected, self.bonafide_rejected, self.spoof_accepted)

    @property
    def macro_f1(self) -> float:
        return (self.f1_bonafide + self.f1_spoof) / 2

    def to_dict(self) -> dict[str, float | int]:
        """Counts and the rates that follow from them."""
        names = ("p_miss", "p_fa", "accuracy", "balanced_accuracy", "f1_bonafide", "f1_spoof", "macro_f1")
        return super().to_dict() | {name: getattr(self, name) for name in names}


def confusion(scores: ArrayLike, labels: ArrayLike, threshold: float) -> Confusion:
    """Count decisions at a threshold.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        threshold: accept as bona fide from this score on.
    """
    values, genuine = check_trials(scores, labels)
    accepted = values >= threshold
    both = np.bincount(2 * genuine + accepted, minlength=4).tolist()
    return Confusion(
        threshold, bonafide_accepted=both[3], bonafide_rejected=both[2], spoof_accepted=both[1], spoof_rejected=both[0]
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _f1(hits: int, false: int, missed: int) -> float:
    return _share(2 * hits, 2 * hits + false + missed)
