"""What training minimises: a loss and a weight for every clip; a step's loss is their weighted mean.

    cross-entropy  sum_c -t_c log p_c,  t = one-hot, smoothed
    focal          (1 - p_y)^gamma * -log p_y                                     (arXiv 1708.02002)
    one-class      log(1 + exp(alpha (m_1 - s)))  for genuine clips,
                   log(1 + exp(alpha (s - m_0)))  for spoofed ones, s = cos(embedding, genuine centre)
                                                                                  (OC-Softmax, arXiv 2010.13995)

The mean runs over the step's clips on all processes and in all accumulated parts, so that neither changes the result.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.models.system import BONAFIDE

if TYPE_CHECKING:
    from fakemamba.train.settings import LossConfig

ClipLoss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """(B, 2), (B,) -> (B,)."""
    return F.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)


def focal(logits: Tensor, targets: Tensor, *, gamma: float) -> Tensor:
    """(B, 2), (B,) -> (B,)."""
    plain = F.cross_entropy(logits, targets, reduction="none")
    return (1 - torch.exp(-plain)) ** gamma * plain


def one_class(logits: Tensor, targets: Tensor, *, alpha: float, genuine: float, spoof: float) -> Tensor:
    """(B, 2), (B,) -> (B,); the bona fide logit must be a cosine, as with the model's score = "cosine"."""
    cosine = logits[:, BONAFIDE]
    return F.softplus(alpha * torch.where(targets == BONAFIDE, genuine - cosine, cosine - spoof))


class Loss:
    """The configured loss.

    Args:
        config: kind and numbers.
    """

    def __init__(self, config: "LossConfig") -> None:
        kinds: dict[str, ClipLoss] = {
            "cross_entropy": lambda x, y: cross_entropy(x, y, smoothing=config.smoothing),
            "focal": lambda x, y: focal(x, y, gamma=config.gamma),
            "one_class": lambda x, y: one_class(
                x, y, alpha=config.alpha, genuine=config.genuine_margin, spoof=config.spoof_margin
            ),
        }
        self._each = kinds[config.kind]
        self._weights = config.weights

    def weights(self, targets: Tensor) -> Tensor:
        """(B,) 1 = bona fide -> (B,) the weight of each clip."""
        return torch.tensor(self._weights, device=targets.device)[targets]

    def total(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The weighted sum over the clips; divided by the sum of all `weights` it is the mean."""
        return (self.weights(targets) * self._each(logits.float(), targets)).sum()
