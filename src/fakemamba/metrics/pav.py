"""Pool adjacent violators: the best monotone map from scores to probabilities, and with it the ROC convex hull.

Every block of the isotonic fit is one edge of the hull: inside a block, no threshold is ever optimal for any cost.
Source: Ayer et al. 1955; Brümmer & du Preez, "Application-independent evaluation of speaker detection" (2006).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Counts, Floats, Tally

# A vectorised pass must shrink the list by at least this share to be worth repeating.
_WORTH = 0.95


@dataclass(frozen=True)
class Blocks(Record):
    """Groups of neighbouring scores with a strictly rising share of bona fide trials.

    Attributes:
        first: (M,) index of each block's lowest unique score in the tally.
        bonafide: (M,) bona fide trials in the block.
        spoof: (M,) spoofed trials in the block.
    """

    first: Counts
    bonafide: Counts
    spoof: Counts

    @property
    def posterior(self) -> Floats:
        """(M,) share of bona fide trials, strictly rising."""
        share: Floats = self.bonafide / (self.bonafide + self.spoof)
        return share

    @property
    def llr(self) -> Floats:
        """(M,) natural log-likelihood ratio bona fide : spoof, -inf and inf where one class is absent."""
        with np.errstate(divide="ignore"):
            llr: Floats = np.log(self.bonafide / self.bonafide.sum()) - np.log(self.spoof / self.spoof.sum())
        return llr


def pav(trials: Tally) -> Blocks:
    """Pool adjacent violators over a tally; exact, by integer comparison."""
    first = np.flatnonzero(trials.bonafide + trials.spoof)
    bonafide, spoof = trials.bonafide[first], trials.spoof[first]
    before = len(first) + 1
    while len(first) < _WORTH * before:
        before = len(first)
        first, bonafide, spoof = _pool_runs(first, bonafide, spoof)
    return _pool_stack(first, bonafide, spoof)


def _pool_runs(first: Counts, bonafide: Counts, spoof: Counts) -> tuple[Counts, Counts, Counts]:
    """One vectorised pass: neighbours whose share does not rise always end in one block."""
    rises = bonafide[1:] * spoof[:-1] > bonafide[:-1] * spoof[1:]
    starts: NDArray[np.intp] = np.flatnonzero(np.r_[True, rises])
    return first[starts], np.add.reduceat(bonafide, starts), np.add.reduceat(spoof, starts)


def _pool_stack(first: Counts, bonafide: Counts, spoof: Counts) -> Blocks:
    """The classical sequential pass over what is left."""
    stack: list[tuple[int, int, int]] = []
    for start, genuine, fake in zip(first.tolist(), bonafide.tolist(), spoof.tolist(), strict=True):
        block = (start, genuine, fake)
        while stack and block[1] * stack[-1][2] <= stack[-1][1] * block[2]:
            lower = stack.pop()
            block = (lower[0], lower[1] + block[1], lower[2] + block[2])
        stack.append(block)
    columns = np.array(stack, dtype=np.int64).reshape(-1, 3).T
    return Blocks(columns[0], columns[1], columns[2])
