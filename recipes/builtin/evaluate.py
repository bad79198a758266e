"""Equal error rates on the corpus' dev split: pooled, by source, and their plain mean."""

from dataclasses import dataclass

import numpy as np

from fakemamba.metrics.rates import eer
from recipes.builtin.manifest import Clip


@dataclass(frozen=True)
class Table:
    """Rates in per cent; `parts` by source of the fakes."""

    macro: float
    pooled: float
    parts: dict[str, float]
    counts: dict[str, tuple[int, int]]  # genuine, fake


def tabulate(clips: list[Clip], scores: np.ndarray) -> Table:
    """A page's fakes stand against the page's own genuine clips, other fakes against all human speech off pages."""
    human = np.array([clip.label == "bonafide" for clip in clips])
    source = np.array([clip.source for clip in clips])
    paged = np.array([clip.source.startswith("page-") for clip in clips])
    parts, counts = {}, {}
    for name in sorted({clip.source for clip in clips if clip.label == "spoof"}):
        own = human & ((source == name) if name.startswith("page-") else ~paged)
        genuine, fake = scores[own], scores[~human & (source == name)]
        if len(genuine) and len(fake):
            parts[name] = 100 * rate(genuine, fake)
            counts[name] = len(genuine), len(fake)
    return Table(float(np.mean(list(parts.values()))), 100 * rate(scores[human], scores[~human]), parts, counts)


def rate(genuine: np.ndarray, fake: np.ndarray) -> float:
    """The equal error rate as a fraction."""
    labels = np.r_[np.ones(len(genuine), int), np.zeros(len(fake), int)]
    return float(eer(np.r_[genuine, fake], labels).value)
