"""What padding needs: masks, reversal by length, and a BatchNorm that doesn't count padded frames."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def within(lengths: Tensor, size: int) -> Tensor:
    """(B, size) bool: True before each length."""
    return torch.arange(size, device=lengths.device)[None] < lengths[:, None]


def alone(x: Tensor, lengths: Tensor) -> Iterator[Tensor]:
    """Each row of (B, N, ...) without its padding, as a batch of one."""
    return (x[k : k + 1, :length] for k, length in enumerate(lengths.tolist()))


def inferring(module: nn.Module) -> bool:
    """Whether a module only has to answer: it neither trains, nor takes part in gradients, nor is traced."""
    return not (torch.is_grad_enabled() or module.training or torch.compiler.is_compiling())


def frame_mask(lengths: Tensor | None, frames: int) -> Tensor | None:
    """(B,) -> (B, T) bool, True within a clip; None stays None: nothing is padded."""
    return None if lengths is None else within(lengths, frames)


def blank(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, ...) with zeros in the padding."""
    if mask is None:
        return x
    return torch.where(mask.view(*mask.shape, *[1] * (x.ndim - 2)), x, 0.0)


def reverse(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Turn each clip of (B, T, D) around in time; its padding stays at the end."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)[None]
    index = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x.gather(1, index[:, :, None].expand_as(x))


class FrameNorm(nn.BatchNorm1d):
    """BatchNorm over frames: x (..., features); in training the padded frames are left out of the statistics.

    With one feature and (B, T, D, 1) it is the paper's BatchNorm2d(1) over (B, 1, T, D).
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, ..., features) -> the same; `mask` (B, T) matters in training alone."""
        if mask is None or not self.training:
            return super().forward(x.reshape(-1, self.num_features)).view(x.shape)
        own = x[mask]
        out = torch.zeros_like(x)
        out[mask] = super().forward(own.reshape(-1, self.num_features)).view(own.shape).to(out.dtype)
        return out


class MapNorm(nn.BatchNorm2d):
    """BatchNorm of (B, C, T, F); in training the padded frames are left out of the statistics."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T, F) -> the same; `mask` (B, T) matters in training alone."""
        if mask is None or not self.training:
            return super().forward(x)
        last = x.movedim(1, -1)
        own = last[mask]  # (n, F, C)
        out = torch.zeros_like(last)
        out[mask] = super().forward(own.reshape(-1, self.num_features, 1, 1)).view(own.shape).to(out.dtype)
        return out.movedim(-1, 1)


def attend(weights: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax over time of (B, T, 1), nothing for the padding."""
    if mask is not None:
        weights = weights.masked_fill(~mask[:, :, None], float("-inf"))
    return F.softmax(weights, dim=1)
