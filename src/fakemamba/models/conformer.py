"""The self-attention twins: Transformer and Conformer blocks with relative positions (arXiv 2005.08100)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import FrameNorm, blank, frame_mask

FARTHEST = 512  # frames; what is farther apart shares one embedding


class HalfStep(nn.Module):
    """LayerNorm, Linear D -> mD, Swish, Linear mD -> D; the caller adds it, in a Conformer by half."""

    def __init__(self, width: int, mult: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, mult * width)
        self.down = nn.Linear(mult * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        y: Tensor = self.dropout(self.down(self.dropout(F.silu(self.up(self.norm(x))))))
        return y


class RelativeAttention(nn.Module):
    """Self-attention whose logits add q . r(i - j), r a learned embedding of the clipped distance.

    Args:
        width: D.
        heads: how many.
        head_width: of queries, keys and values in each.
    """

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * head_width, bias=False)
        self.to_kv = nn.Linear(width, 2 * heads * head_width, bias=False)
        self.to_out = nn.Linear(heads * head_width, width)
        self.rel_pos_emb = nn.Embedding(2 * FARTHEST + 1, head_width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D); keys outside `mask` (B, T) are not seen."""
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (self.to_q(x), *self.to_kv(x).chunk(2, dim=-1))
        )  # (B, heads, T, head_width)
        steps = torch.arange(x.shape[1], device=x.device)
        distance = (steps[:, None] - steps[None]).clamp(-FARTHEST, FARTHEST) + FARTHEST
        # One product with every embedding, then the one of each pair is picked: T x 1025 instead of T x T x width.
        towards = q @ self.rel_pos_emb.weight.T  # (B, heads, T, 1025)
        bias = towards.gather(3, distance.expand(*towards.shape[:2], -1, -1)) * q.shape[-1] ** -0.5
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None], float("-inf"))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        out: Tensor = self.to_out(y.transpose(1, 2).flatten(2))
        return out


class ConvModule(nn.Module):
    """LayerNorm, pointwise with GLU, depthwise over time, BatchNorm, Swish, pointwise.

    Args:
        width: D.
        inner: channels of the depthwise convolution.
        kernel: its taps; an even one looks one frame further back than ahead.
        bias: of the depthwise convolution.
    """

    def __init__(self, width: int, inner: int, kernel: int, *, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.pointwise1 = nn.Linear(width, 2 * inner)
        self.depthwise = nn.Conv1d(inner, inner, kernel, groups=inner, bias=bias)
        self.batch_norm = FrameNorm(inner)
        self.pointwise2 = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)
        self.pads = kernel // 2, kernel // 2 - (kernel + 1) % 2

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = blank(F.glu(self.pointwise1(self.norm(x)), dim=-1), mask)
        x = self.depthwise(F.pad(x.transpose(1, 2), self.pads)).transpose(1, 2)
        y: Tensor = self.dropout(self.pointwise2(F.silu(self.batch_norm(x, mask))))
        return y


class Transformer(nn.Module):
    """x = x + attention(LN(x)); x = x + FFN(LN(x)); LN(x): the twin of Fake-Mamba's study."""

    def __init__(self, width: int, heads: int, head_width: int, *, ffn_mult: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, heads, head_width)
        self.ffn = HalfStep(width, ffn_mult, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), frame_mask(lengths, x.shape[1]))
        y: Tensor = self.norm(x + self.ffn(x))
        return y


class Conformer(nn.Module):
    """Half FFN, attention, convolution, half FFN, LayerNorm."""

    def __init__(
        self, width: int, heads: int, head_width: int, *,
        ffn_mult: int = 4, conv_expand: int = 2, kernel: int = 31, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ffn1 = HalfStep(width, ffn_mult, dropout)
        self.norm1 = nn.LayerNorm(width)
        self.attention = RelativeAttention(width, heads, head_width)
        self.conv = ConvModule(width, conv_expand * width, kernel, dropout=dropout)
        self.ffn2 = HalfStep(width, ffn_mult, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        mask = frame_mask(lengths, x.shape[1])
        x = x + 0.5 * self.ffn1(x)
        x = x + self.attention(self.norm1(x), mask)
        x = x + self.conv(x, mask)
        y: Tensor = self.norm(x + 0.5 * self.ffn2(x))
        return y
