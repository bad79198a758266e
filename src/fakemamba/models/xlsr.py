"""wav2vec 2.0 in the variant of XLS-R: layer-norm convolutions and a pre-norm Transformer.

    waves (B, N) -> 7 convolutions (B, T, 512) -> LayerNorm, Linear (B, T, C)
      -> + positional convolution -> layers x {attention, feed-forward} -> LayerNorm (B, T, C)

Sources: wav2vec 2.0 (arXiv 2006.11477), XLS-R (arXiv 2111.09296). Tensors are named as in transformers'
`Wav2Vec2Model`, so that published weights load as they are. Nothing is ever masked out at random (no
SpecAugment): a detector listens to everything.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.checkpoint import checkpoint

from fakemamba.errors import AudioError
from fakemamba.models.masking import within
from fakemamba.models.precision import exact, widened


class XLSR(nn.Module):
    """The front-end: raw speech to one feature vector per 20 ms (with XLS-R's strides).

    Args:
        width, layers, heads, ffn: of the Transformer; fewer `layers` than the weights had truncate it.
        conv_channels, conv_kernels, conv_strides: of the convolutions, one entry each.
        positional_kernel, positional_groups: of the convolution that tells positions apart.
        dropout: in training, on attention weights, inside feed-forwards and on residuals.
        layerdrop: in training, the probability of leaving a whole layer out.
        normalize_input: bring each clip to zero mean and unit variance first, as Hub models expect.
        span, context: of the windows in frames, for `fakemamba.models.windows`; `forward` knows none.

    Attributes:
        out_width: C.
        shortest: samples for one frame.
        gradient_checkpointing: set to trade time for memory in training.
    """

    gradient_checkpointing: bool = False

    def __init__(
        self,
        *,
        width: int,
        layers: int,
        heads: int,
        ffn: int,
        conv_channels: Sequence[int],
        conv_kernels: Sequence[int],
        conv_strides: Sequence[int],
        positional_kernel: int,
        positional_groups: int,
        dropout: float,
        layerdrop: float,
        normalize_input: bool,
        span: int,
        context: int,
    ) -> None:
        super().__init__()
        self.feature_extractor = _FeatureExtractor(conv_channels, conv_kernels, conv_strides)
        self.feature_projection = _FeatureProjection(conv_channels[-1], width, dropout)
        self.encoder = _Encoder(width, layers, heads, ffn, positional_kernel, positional_groups, dropout, layerdrop)
        self.normalize_input = normalize_input
        self.span, self.context = span, context
        self.out_width = width
        self.shortest = self.feature_extractor.shortest

    def frames(self, samples: int) -> int:
        """How many feature vectors `samples` samples give; floor((N - 400) / 320) + 1 with XLS-R's layout."""
        return self.feature_extractor.frames(samples)

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Describe a batch of clips.

        Args:
            waves: (B, N) mono 16 kHz in [-1, 1]; what lies beyond a clip's length is ignored.
            lengths: (B,) true lengths in samples, or None when all clips fill N.

        Returns:
            Features (B, T, C) and, if `lengths` were given, (B,) frame counts; features beyond them mean nothing.

        Raises:
            AudioError: N is too short for a single frame.
        """
        if waves.shape[1] < self.shortest:
            raise AudioError(f"a clip of {waves.shape[1]} samples is too short: {self.shortest} are needed for a frame")
        if lengths is not None:
            waves = waves.masked_fill(~within(lengths, waves.shape[1]), 0.0)
        if self.normalize_input:
            waves = _standardize(waves, lengths)
        x = exact(self.feature_projection, self.feature_extractor(waves))  # (B, T, C)
        if lengths is None:
            return self.encoder(x, None, self.gradient_checkpointing), None
        counts = self.feature_extractor.frame_lengths(lengths).clamp(min=1)
        return self.encoder(x, within(counts, x.shape[1]), self.gradient_checkpointing), counts


class _FeatureExtractor(nn.Module):
    def __init__(self, channels: Sequence[int], kernels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        layout = zip([1, *channels[:-1]], channels, kernels, strides, strict=True)
        self.conv_layers = nn.ModuleList(_ConvLayer(*numbers) for numbers in layout)
        self.layout = tuple(zip(kernels, strides, strict=True))
        self.width, self.stride = channels[-1], math.prod(strides)
        self.shortest = 1
        for kernel, stride in reversed(self.layout):
            self.shortest = (self.shortest - 1) * stride + kernel

    def frames(self, samples: int) -> int:
        for kernel, stride in self.layout:
            samples = max(0, (samples - kernel) // stride + 1)
        return samples

    def frame_lengths(self, lengths: Tensor) -> Tensor:
        for kernel, stride in self.layout:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths

    def forward(self, waves: Tensor) -> Tensor:
        x = waves[:, None]  # (B, 1, N)
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)  # (B, T, channels)


class _ConvLayer(nn.Module):
    def __init__(self, ins: int, outs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(ins, outs, kernel, stride)
        self.layer_norm = nn.LayerNorm(outs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).transpose(1, 2)  # LayerNorm wants channels last
        return F.gelu(self.layer_norm(x).transpose(1, 2))


class _FeatureProjection(nn.Module):
    def __init__(self, ins: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(ins)
        self.projection = nn.Linear(ins, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.projection(self.layer_norm(x)))
        return out


class _PositionalConv(nn.Module):
    """A wide grouped convolution over time; its weight is normalised over all but the kernel's axis."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups)
        nn.init.normal_(conv.weight, std=math.sqrt(4 / (kernel * width)))
        self.conv = weight_norm(conv, dim=2)
        self.surplus = 1 - kernel % 2  # an even kernel gives one frame too many

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x.transpose(1, 2))
        if self.surplus:
            y = y[:, :, :-1]
        return F.gelu(y).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        q, k, v = (self._split(proj(x)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        mask = None if keys is None else keys[:, None, None]  # (B, 1, 1, T): True = may be attended to
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p)
        out: Tensor = self.out_proj(y.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)  # (B, heads, T, C / heads)


class _FeedForward(nn.Module):
    def __init__(self, width: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(width, ffn)
        self.output_dense = nn.Linear(ffn, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.output_dense(self.dropout(F.gelu(self.intermediate_dense(x)))))
        return out


class _Layer(nn.Module):
    """x = x + attention(LN(x)); x = x + FFN(LN(x))."""

    def __init__(self, width: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.attention = _Attention(width, heads, dropout)
        self.layer_norm = nn.LayerNorm(width)
        self.feed_forward = _FeedForward(width, ffn, dropout)
        self.final_layer_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, keys: Tensor | None) -> Tensor:
        x = x + self.dropout(self.attention(self.layer_norm(x), keys))
        out: Tensor = x + self.feed_forward(self.final_layer_norm(x))
        return out


class _Encoder(nn.Module):
    def __init__(
        self, width: int, layers: int, heads: int, ffn: int, kernel: int, groups: int, dropout: float, layerdrop: float
    ) -> None:
        super().__init__()
        self.pos_conv_embed = _PositionalConv(width, kernel, groups)
        self.layer_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(_Layer(width, heads, ffn, dropout) for _ in range(layers))
        self.layerdrop = layerdrop

    def forward(self, x: Tensor, keys: Tensor | None, checkpointed: bool) -> Tensor:
        if keys is not None:
            x = x * keys[:, :, None]  # the positional convolution must not see the padding
        x = widened(self.dropout(x + self.pos_conv_embed(x)))
        for layer in self.layers:
            if self.training and self.layerdrop > 0 and torch.rand(()).item() < self.layerdrop:
                continue
            save_memory = self.training and checkpointed
            x = checkpoint(layer, x, keys, use_reentrant=False) if save_memory else layer(x, keys)
        out: Tensor = self.layer_norm(x)
        return out


def _standardize(waves: Tensor, lengths: Tensor | None) -> Tensor:
    """Zero mean and unit variance over each clip's own samples; what lies beyond stays zero."""
    if lengths is None:
        centred = waves - waves.mean(1, keepdim=True)
        return centred / (centred.square().mean(1, keepdim=True) + 1e-7).sqrt()
    inside = within(lengths, waves.shape[1])
    count = lengths[:, None].clamp(min=1)
    centred = (waves - waves.sum(1, keepdim=True) / count) * inside
    return centred / (centred.square().sum(1, keepdim=True) / count + 1e-7).sqrt()
