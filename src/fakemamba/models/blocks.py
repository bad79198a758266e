"""Mamba blocks: PN-BiMamba, its ablations, and the layers whose self-attention an external BiMamba replaces.

Every block maps x (B, T, D) with the clips' frame counts (B,) or None to (B, T, D).
"""

from torch import Tensor, nn

from fakemamba.models.conformer import ConvModule, HalfStep
from fakemamba.models.mamba import ExternalBiMamba, Mamba, both_ways
from fakemamba.models.masking import frame_mask, inferring
from fakemamba.models.products import through


class PnBiMamba(nn.Module):
    """u = LN1(x); m = M(u) + flip(M(flip(u))); y = FFN(LN2(m)) + x (arXiv 2508.09294, section III).

    Args:
        width: D.
        bidirectional: False is Table III's unidirectional ablation, m = M(u).
        norm: False leaves both LayerNorms out (Table III).
        ffn: False leaves the feed-forward part out (Table III), y = LN2(m) + x.
        ffn_mult: hidden width of the FFN in units of D.
        dropout: after the FFN, in training; 0 in the paper.
    """

    def __init__(
        self, width: int, state: int = 16, conv: int = 4, expand: int = 2, *,
        bidirectional: bool = True, norm: bool = True, ffn: bool = True, ffn_mult: int = 4, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.bidirectional = bidirectional
        self.mamba = Mamba(width, state, conv, expand)
        self.norm1: nn.Module = nn.LayerNorm(width) if norm else nn.Identity()
        self.norm2: nn.Module = nn.LayerNorm(width) if norm else nn.Identity()
        parts = [nn.Linear(width, ffn_mult * width), nn.GELU(), nn.Linear(ffn_mult * width, width)]
        self.feed_forward = nn.Sequential(*parts) if ffn else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """In inference, unpadded clips of more than two of `models.long`'s chunks go through by chunks."""
        if inferring(self):
            from fakemamba.models.long import CHUNK, over_chunks

            if lengths is None and x.shape[1] > 2 * CHUNK:
                return over_chunks(self, x)
        u = self.norm1(x)
        mixed = both_ways(self.mamba, u, lengths) if self.bidirectional else self.mamba(u)
        return self.finish(mixed, x)

    def finish(self, mixed: Tensor, x: Tensor) -> Tensor:
        """FFN(LN2(mixed)) + x."""
        hidden = self.norm2(mixed)
        if isinstance(self.feed_forward, nn.Sequential):
            up, _, down = self.feed_forward
            hidden = through(down, through(up, hidden, "gelu"))
        y: Tensor = self.dropout(hidden) + x
        return y


class ConBiMamba(nn.Module):
    """Conformer block with the external BiMamba: half FFN, BiMamba, convolution, half FFN, LayerNorm."""

    def __init__(
        self, width: int, state: int = 16, conv: int = 4, expand: int = 2, *,
        ffn_mult: int = 4, kernel: int = 31, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.ffn1 = HalfStep(width, ffn_mult, dropout)
        self.mixer = ExternalBiMamba(width, state, conv, expand)
        self.conv = ConvModule(width, width, kernel, bias=False, dropout=dropout)
        self.ffn2 = HalfStep(width, ffn_mult, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        x = x + 0.5 * self.ffn1(x)
        x = x + self.mixer(x, lengths)
        x = x + self.conv(x, frame_mask(lengths, x.shape[1]))
        y: Tensor = self.norm(x + 0.5 * self.ffn2(x))
        return y


class TransBiMamba(nn.Module):
    """x = x + BiMamba(LN(x)); x = x + FFN(LN(x)); LN(x). Defined in the paper by name alone; see the docs."""

    def __init__(
        self, width: int, state: int = 16, conv: int = 4, expand: int = 2, *, ffn_mult: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.mixer = ExternalBiMamba(width, state, conv, expand)
        self.ffn = HalfStep(width, ffn_mult, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        x = x + self.mixer(self.norm1(x), lengths)
        y: Tensor = self.norm(x + self.ffn(x))
        return y
