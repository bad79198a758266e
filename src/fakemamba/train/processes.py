"""The same losses on one process and on many: sums over processes, and norms that see the whole batch.

`torch.nn.SyncBatchNorm` runs on GPUs alone and knows no masks; these run on any device and leave padding out.
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn

from fakemamba.models.masking import FrameNorm, MapNorm
from fakemamba.models.statistics import Standardise


def together(value: Tensor) -> Tensor:
    """The sum over all processes, without a gradient; the value itself where there is one process."""
    if not distributed.is_initialized():
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


class _Sum(torch.autograd.Function):
    """Sum over processes; so is the gradient, for every process' loss depends on every process' value."""

    @staticmethod
    def forward(_ctx: Any, value: Tensor) -> Tensor:
        total = value.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total


def _normalise(norm: FrameNorm | MapNorm, rows: Tensor) -> Tensor:
    """(n, features) of this process -> the same, by the mean and variance over all processes' rows."""
    x = rows.float()
    sums: Tensor = _Sum.apply(torch.cat([x.sum(0), x.new_tensor([len(x)])]))  # type: ignore[no-untyped-call]
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = x - mean
    variance: Tensor = _Sum.apply(centred.square().sum(0)) / count  # type: ignore[no-untyped-call]
    if norm.track_running_stats and norm.running_mean is not None and norm.running_var is not None:
        with torch.no_grad():
            share = norm.momentum or 0.0
            norm.running_mean.lerp_(mean, share)
            norm.running_var.lerp_(variance * (count / (count - 1).clamp(min=1)), share)
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.add_(1)
    out = centred * torch.rsqrt(variance + norm.eps)
    return (out * norm.weight + norm.bias).to(rows.dtype)


def _frames(norm: FrameNorm | MapNorm, x: Tensor, mask: Tensor | None) -> Tensor:
    """`_normalise` for (B, T, ..., features), without what lies outside `mask` (B, T)."""
    if mask is None:
        return _normalise(norm, x.reshape(-1, norm.num_features)).view(x.shape)
    own = x[mask]
    out = torch.zeros_like(x)
    out[mask] = _normalise(norm, own.reshape(-1, norm.num_features)).view(own.shape)
    return out


class WideFrameNorm(FrameNorm):
    """`FrameNorm` over the frames of all processes."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return _frames(self, x, mask) if self.training else super().forward(x, mask)


class WideMapNorm(MapNorm):
    """`MapNorm` over the maps of all processes."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return _frames(self, x.movedim(1, -1), mask).movedim(-1, 1) if self.training else super().forward(x, mask)


class WideStandardise(Standardise):
    """`Standardise` that gathers the clips of all processes."""

    def moments(self, x: Tensor) -> tuple[int, Tensor, Tensor]:
        sums = together(torch.cat([x.sum(dim=0), x.new_tensor([len(x)])]))
        mean = sums[:-1] / sums[-1]
        return int(sums[-1].item()), mean, together((x - mean).square().sum(dim=0)) / sums[-1]


def widen(module: nn.Module) -> None:
    """Let what counts over a batch inside `module` count over all processes; names and tensors of its state stay."""
    kinds: dict[type[nn.Module], type[nn.Module]] = {
        FrameNorm: WideFrameNorm,
        MapNorm: WideMapNorm,
        Standardise: WideStandardise,
    }
    for child in module.modules():
        if type(child) in kinds:
            child.__class__ = kinds[type(child)]
