"""Stacks of blocks: features (B, T, D) and frame counts in, features and frame counts out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.mamba import Mamba
from fakemamba.models.masking import reverse


class Stack(nn.Module):
    """`depth` equal blocks, one after the other; with a class token in front where `token` says so."""

    def __init__(self, block: Callable[[], nn.Module], depth: int, width: int, *, token: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList(block() for _ in range(depth))
        self.out_width = width
        if token:
            self.class_token = nn.Parameter(torch.randn(1, width) * 0.02)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, D) -> (B, T, D), or (B, 1 + T, D) behind a class token, and the frame counts that now hold."""
        if hasattr(self, "class_token"):
            x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], dim=1)
            lengths = None if lengths is None else lengths + 1
        for layer in self.layers:
            x = layer(x, lengths)
        return x, lengths


class RmsNorm(nn.Module):
    """x / rms(x) * weight, over the last axis."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class DualLayer(nn.Module):
    """A mixer behind its norm."""

    def __init__(self, width: int, state: int, conv: int, expand: int) -> None:
        super().__init__()
        self.mixer = Mamba(width, state, conv, expand)
        self.norm = RmsNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        mixed: Tensor = self.mixer(self.norm(x))
        return mixed


class DualMamba(nn.Module):
    """XLSR-Mamba (arXiv 2411.10027): one column of mixers reads forwards, another backwards.

    `depth` counts the mixers of both columns together. As in the released code, the last norm adds the
    encoder's INPUT, not the last mixer's output, to the last residual; and in the backward column that input
    still runs forwards in time while the residual runs backwards. Checkpoints were trained so.
    """

    def __init__(self, width: int, depth: int, state: int = 16, conv: int = 4, expand: int = 2) -> None:
        super().__init__()
        self.forward_layers = nn.ModuleList(DualLayer(width, state, conv, expand) for _ in range(depth // 2))
        self.backward_layers = nn.ModuleList(DualLayer(width, state, conv, expand) for _ in range(depth // 2))
        self.norm_f = RmsNorm(width)
        self.out_width = 2 * width

    def _residual(self, x: Tensor, layers: nn.ModuleList) -> Tensor:
        hidden, residual = x, torch.zeros_like(x)
        for layer in layers:
            residual = residual + hidden
            hidden = layer(residual)
        return residual

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, D) -> (B, T, 2D): the forward column, and the backward one in its own, reversed time."""
        forward = self._residual(x, self.forward_layers)
        backward = self._residual(reverse(x, lengths), self.backward_layers)
        return torch.cat([self.norm_f(x + forward), self.norm_f(x + backward)], dim=-1), lengths
