"""From frames (B, T, D) to one embedding (B, D') a clip."""

import torch
from torch import Tensor, nn

from fakemamba.models.masking import attend, blank, frame_mask


class AttentionPool(nn.Module):
    """w = softmax_t(Linear D -> 1); e = sum_t w_t x_t."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(width, 1)
        self.out_width = width

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        weights = attend(self.weigh(x), frame_mask(lengths, x.shape[1]))
        return (weights * x).sum(dim=1)


class MeanPool(nn.Module):
    """The plain mean over a clip's own frames: Table III's twin of attention pooling."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return x.mean(dim=1)
        return blank(x, frame_mask(lengths, x.shape[1])).sum(dim=1) / lengths[:, None]


class TokenPool(nn.Module):
    """The class token's own output."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_width = width

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002 - it always stands first
        return x[:, 0]


class DualPool(nn.Module):
    """XLSR-Mamba: each column pooled by its own attention, both joined by Linear 2D -> D."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.forward_pool, self.backward_pool = AttentionPool(half), AttentionPool(half)
        self.join = nn.Linear(width, half)
        self.out_width = half

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        forward, backward = x.chunk(2, dim=-1)
        pooled = [self.forward_pool(forward, lengths), self.backward_pool(backward, lengths)]
        joined: Tensor = self.join(torch.cat(pooled, dim=-1))
        return joined
