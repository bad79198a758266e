"""Means of weights: the running one of all steps, and that of the best epochs."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Weights = Mapping[str, Tensor]


@torch.no_grad()
def follow(mean: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the running mean towards the model after step `step` (from 0); early on it forgets faster."""
    keep = min(decay, (step + 1) / (step + 10))
    for ours, theirs in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
        if ours.is_floating_point():
            ours.lerp_(theirs, 1 - keep)
        else:
            ours.copy_(theirs)


def mean_of_best(best: Sequence[Weights], kind: Literal["correct", "legacy"] = "correct") -> dict[str, Tensor]:
    """The mean of epochs' weights, best first; whole numbers (counters) are the best one's.

    "legacy" is what the released code computes of five epochs: its accumulator is the second best one's own tensors,
    so that the best is left out and the second counts twice, (2 b1 + b2 + b3 + b4) / 5.
    """
    shares = [1.0] * len(best)
    if kind == "legacy" and len(best) > 1:
        shares[:2] = 0.0, 2.0
    mean = {}
    for name, first in best[0].items():
        if not first.is_floating_point():
            mean[name] = first.clone()
            continue
        total = torch.zeros_like(first, dtype=torch.float64)
        for weights, share in zip(best, shares, strict=True):
            if share:
                total.add_(weights[name].double(), alpha=share)
        mean[name] = (total / sum(shares)).to(first.dtype)
    return mean
