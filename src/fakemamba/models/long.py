"""A PN-BiMamba layer over hours of frames, chunk by chunk: memory beside input and output doesn't grow with them.

First from the end to the start, the backward direction alone, keeping the states with which it enters each chunk from
the right; then from the start to the end, both directions, the forward one carrying its states. A chunk sees as many
frames beside itself as the convolution reaches.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.models.mamba import Mamba, convolve_both, fused_mix
from fakemamba.models.products import through
from fakemamba.scan import fuses, selective_scan

if TYPE_CHECKING:
    from fakemamba.models.blocks import PnBiMamba

CHUNK = 4096  # frames
Ways = tuple[int, int]


def over_chunks(layer: "PnBiMamba", x: Tensor, size: int = CHUNK) -> Tensor:
    """As layer(x) in evaluation mode for x (B, T, D) without padding, `size` >= 1 frames at a time; no gradients."""
    with torch.no_grad():
        mixer, frames = layer.mamba, x.shape[1]
        starts, out = range(0, frames, size), torch.empty_like(x)
        zero = x.new_zeros(x.shape[0], *mixer.A_log.shape, dtype=torch.promote_types(x.dtype, torch.float32))
        entering, state = {starts[-1]: zero}, zero
        if layer.bidirectional:
            for start in reversed(starts[1:]):
                state = _mix(layer, x, start, size, (1, 2), state)[1]
                entering[start - size] = state
        state = zero
        for start in starts:
            own = torch.cat([state, entering[start]]) if layer.bidirectional else state
            y, states = _mix(layer, x, start, size, (0, 2 if layer.bidirectional else 1), own)
            state = states[: x.shape[0]]
            part = slice(start, start + size)
            out[:, part] = layer.finish(through(mixer.out_proj, y), x[:, part])
        return out


def _mix(layer: "PnBiMamba", x: Tensor, start: int, size: int, ways: Ways, states: Tensor) -> tuple[Tensor, Tensor]:
    """The mixer's inside for frames [start, start + size): gated y (B, frames, E) and the last states."""
    mixer, reach = layer.mamba, layer.mamba.conv1d.kernel_size[0] - 1
    low, stop = max(0, start - reach), min(start + size, x.shape[1])
    high = min(stop + reach, x.shape[1])
    halo = start - low, high - stop
    xz = through(mixer.in_proj, layer.norm1(x[:, low:high]))
    if fuses(xz, mixer.D.shape[0]):
        return fused_mix(mixer, xz, halo=halo, ways=ways, states=states)
    return _mix_by_torch(mixer, xz, halo, ways, states)


def _mix_by_torch(mixer: Mamba, xz: Tensor, halo: tuple[int, int], ways: Ways, states: Tensor) -> tuple[Tensor, Tensor]:
    """As `fakemamba.scan.fused.mix`, by single scans of any form on any device."""
    own = slice(halo[0], xz.shape[1] - halo[1])
    wide, z = xz.transpose(1, 2).chunk(2, dim=1)
    both = F.silu(convolve_both(wide, mixer.conv1d))[..., own]
    total, last = torch.zeros_like(z[..., own]), []
    for way, state in zip(range(*ways), states.chunk(ways[1] - ways[0]), strict=True):
        inputs = both[way], *mixer.select(both[way])
        u, delta, into, out = (t.flip(-1) for t in inputs) if way else inputs
        y, h = selective_scan(
            u, delta, mixer.decay(), into, out, mixer.D, None, mixer.dt_proj.bias,
            delta_softplus=True, initial_state=state, return_last_state=True,
        )  # fmt: skip
        total = total + (y.flip(-1) if way else y)
        last.append(h)
    return (total * F.silu(z[..., own])).transpose(1, 2), torch.cat(last)
