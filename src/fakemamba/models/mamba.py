"""The Mamba-1 mixer (arXiv 2312.00752) and its bidirectional uses; tensor names are mamba_ssm's."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import reverse, within
from fakemamba.models.products import linear, through
from fakemamba.scan import bidirectional_scan, fuses, selective_scan


class Mamba(nn.Module):
    """x -> in_proj -> causal convolution -> selective scan, gated -> out_proj.

    Args:
        width: D.
        state: S, states a channel.
        conv: taps of the causal depthwise convolution.
        expand: inner width E = expand * D.
    """

    def __init__(self, width: int, state: int = 16, conv: int = 4, expand: int = 2) -> None:
        super().__init__()
        inner, self.rank, self.state = expand * width, math.ceil(width / 16), state
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, conv, groups=inner, padding=conv - 1)
        self.x_proj = nn.Linear(inner, self.rank + 2 * state, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, state + 1).float()).repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        self._init_step()

    def _init_step(self) -> None:
        """Step sizes spread over 0.001 .. 0.1 through softplus, as the paper starts them."""
        nn.init.uniform_(self.dt_proj.weight, -(self.rank**-0.5), self.rank**-0.5)
        step = torch.exp(torch.rand(len(self.D)) * math.log(100) + math.log(0.001)).clamp(min=1e-4)
        with torch.no_grad():
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def scan_inputs(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(B, T, D) -> u, delta, z (B, E, T) and B, C (B, S, T)."""
        u, z = self.in_proj(x).transpose(1, 2).chunk(2, dim=1)
        u = F.silu(self.conv1d(u)[:, :, : x.shape[1]])
        delta, into, out = self.select(u)
        return u, delta, z, into, out

    def select(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., E, T) -> delta (..., E, T) and B, C (..., S, T): what is chosen by the input."""
        step, into, out = self.x_proj(u.transpose(-1, -2)).split([self.rank, self.state, self.state], dim=-1)
        delta = F.linear(step, self.dt_proj.weight)
        return delta.transpose(-1, -2), into.transpose(-1, -2), out.transpose(-1, -2)

    def decay(self) -> Tensor:
        """A (E, S), negative, float32."""
        return -torch.exp(self.A_log.float())

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D), each frame from itself and those before it."""
        if fuses(x, self.D.shape[0]):
            return through(self.out_proj, fused_mix(self, through(self.in_proj, x), ways=(0, 1))[0])
        u, delta, z, into, out = self.scan_inputs(x)
        y = selective_scan(u, delta, self.decay(), into, out, self.D, z, self.dt_proj.bias, delta_softplus=True)
        assert isinstance(y, Tensor)
        mixed: Tensor = self.out_proj(y.transpose(1, 2))
        return mixed


def both_ways(mixer: Mamba, x: Tensor, lengths: Tensor | None) -> Tensor:
    """M(x) + reverse(M(reverse(x))) for one shared mixer, (B, T, D) -> (B, T, D); zero behind each clip.

    What acts on single frames needs no second run: in_proj of turned frames is the turned in_proj, and out_proj of
    a sum is the sum of out_projs. A causal convolution of turned time is one that looks ahead through turned taps.
    """
    xz = through(mixer.in_proj, x)
    if fuses(xz, mixer.D.shape[0]):
        return through(mixer.out_proj, fused_mix(mixer, xz, lengths=lengths)[0])
    u, z = xz.transpose(1, 2).chunk(2, dim=1)  # (B, E, T)
    if lengths is not None:
        u = torch.where(within(lengths, x.shape[1])[:, None], u, 0.0)  # a clip's end looks ahead at nothing
    u = F.silu(convolve_both(u, mixer.conv1d))
    delta, into, out = mixer.select(u)
    y = bidirectional_scan(u, delta, mixer.decay(), into, out, mixer.D, z, mixer.dt_proj.bias, lengths=lengths)
    mixed: Tensor = mixer.out_proj(y.transpose(1, 2))
    return mixed


def convolve_both(u: Tensor, conv: nn.Conv1d) -> Tensor:
    """(B, E, T) -> (2, B, E, T): the causal convolution, and the same on turned time, turned back."""
    reach = conv.kernel_size[0] - 1
    past = F.conv1d(u, conv.weight, conv.bias, padding=reach, groups=conv.groups)
    future = F.conv1d(u, conv.weight.flip(-1), conv.bias, padding=reach, groups=conv.groups)
    return torch.stack([past[..., : u.shape[-1]], future[..., reach:]])


def fused_mix(mixer: Mamba, xz: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """`fakemamba.scan.fused.mix` with a mixer's weights; see there."""
    from fakemamba.scan.fused import Weights, mix

    assert mixer.conv1d.bias is not None
    weights = Weights(
        mixer.conv1d.weight, mixer.conv1d.bias, mixer.x_proj.weight, mixer.dt_proj.weight, mixer.dt_proj.bias,
        mixer.decay(), mixer.D,
    )  # fmt: skip
    return mix(xz, weights, product=linear, **options)


class ExternalBiMamba(nn.Module):
    """Two separate mixers, one a direction; their outputs concatenated, Linear 2D -> D."""

    def __init__(self, width: int, state: int = 16, conv: int = 4, expand: int = 2) -> None:
        super().__init__()
        self.forward_mamba = Mamba(width, state, conv, expand)
        self.backward_mamba = Mamba(width, state, conv, expand)
        self.output_proj = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D). The two scans run as one: channels side by side, B and C in two groups."""
        ways = (self.forward_mamba, x), (self.backward_mamba, reverse(x, lengths))
        parts = list(zip(*(mixer.scan_inputs(way) for mixer, way in ways), strict=True))
        u, delta, z = (torch.cat(pair, dim=1) for pair in parts[:3])
        into, out = (torch.stack(pair, dim=1) for pair in parts[3:])
        mixers = self.forward_mamba, self.backward_mamba
        decay, skip = torch.cat([m.decay() for m in mixers]), torch.cat([m.D for m in mixers])
        bias = torch.cat([m.dt_proj.bias for m in mixers])
        y = selective_scan(u, delta, decay, into, out, skip, z, bias, delta_softplus=True)
        assert isinstance(y, Tensor)
        forward, backward = y.transpose(1, 2).chunk(2, dim=2)
        backward = reverse(self.backward_mamba.out_proj(backward), lengths)
        joined: Tensor = self.output_proj(torch.cat([self.forward_mamba.out_proj(forward), backward], dim=-1))
        return joined
