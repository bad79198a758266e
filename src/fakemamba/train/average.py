"""Means of weights: the running one of all steps, and that of the best epochs."""

from collections.abc import Iterable, Mapping
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


def mean_of_best(best: Iterable[Weights], kind: Literal["correct", "legacy"] = "correct") -> dict[str, Tensor]:
    """The mean of epochs' weights, best first; whole numbers (counters) are the best one's. One is held at a time.

    "legacy" is what the released code computes of five epochs: its accumulator is the second best one's own tensors,
    so that the best is left out and the second counts twice, (2 b1 + b2 + b3 + b4) / 5.
    """
    total: dict[str, Tensor] = {}
    first: Weights = {}
    shares = 0.0
    for place, weights in enumerate(best):
        first = first or weights
        share = (0.0, 2.0)[place] if kind == "legacy" and place < 2 else 1.0
        shares += share
        for name, value in weights.items():
            if share and value.is_floating_point():
                total[name] = value.double() * share + total.get(name, 0.0)
    return {name: (total[name] / shares).to(v.dtype) if name in total else v.clone() for name, v in first.items()}
