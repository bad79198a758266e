"""The selective scan in plain torch, forward and backward: for machines without Numba, and for other devices.

Time is cut in segments that fit a cache. Within one, everything but the recurrence is a single product over
(steps, batch, D, N), and the recurrence h_t = decay_t h_{t-1} + into_t is one fused operation a step on the CPU.
On other devices, where many small operations are slow, a segment is cut again in chunks that advance together:

    h_t = local_t + (prod_{s <= t} decay_s) h_start        (from the chunk's start)

Only decays are multiplied, so that nothing can overflow as it does in the form that divides by cumulated decays.
The backward pass recomputes a segment's states from the one kept at its start; the adjoint is the same
recurrence, read backwards.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from fakemamba.scan.reference import finish
from fakemamba.scan.shapes import check, compute_dtype, grouped

WORKING_SET = 2**18  # states of a segment: a few such tensors fit a cache
CHUNK = 16  # steps of a chunk, where there are chunks
STEPWISE = {"cpu"}  # devices where a small operation costs little


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    *,
    delta_softplus: bool = False,
    initial_state: Tensor | None = None,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """As `fakemamba.scan.reference.selective_scan`, on any device."""
    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    kind = compute_dtype(u)
    x, dt, A, B, C = (t.to(kind) for t in (u, delta, A, B, C))
    if delta_bias is not None:
        dt = dt + delta_bias.to(kind)[:, None]
    if delta_softplus:
        dt = functional.softplus(dt)
    batch, channels, length = x.shape
    B, C, groups = grouped(B, C)
    # Rows of memory by time: otherwise every product over states would take the inputs' order, time innermost, and a
    # step would be spread over all of it.
    into = [t.permute(2, 0, 1).contiguous().view(length, batch, groups, -1, 1) for t in (dt, dt * x)]
    by_time = [t.permute(3, 0, 1, 2).contiguous().expand(-1, -1, groups, -1)[:, :, :, None] for t in (B, C)]
    decays = A.view(groups, -1, A.shape[1])
    start = x.new_zeros(batch, *A.shape) if initial_state is None else initial_state.to(kind)
    y: Tensor
    last: Tensor
    y, last = _Scan.apply(*into, decays, *by_time, start.view(batch, *decays.shape))  # type: ignore[no-untyped-call]
    y = finish(y.view(length, batch, channels).permute(1, 2, 0), x, D, z).to(u.dtype)
    return (y, last.view(start.shape)) if return_last_state else y


class _Scan(torch.autograd.Function):
    """dt, drive (L, batch, G, P, 1); A (G, P, N); B, C (L, batch, G, 1, N); h (batch, G, P, N), P = D / G channels."""

    @staticmethod
    def forward(
        ctx: Any, dt: Tensor, drive: Tensor, A: Tensor, B: Tensor, C: Tensor, h: Tensor
    ) -> tuple[Tensor, Tensor]:
        size = _segment(h)
        marks, outputs = [], []
        for step, into, b, c in zip(*(torch.split(t, size) for t in (dt, drive, B, C)), strict=True):
            marks.append(h)
            states = _states(step, into, b, A, h)[1]
            h = states[-1].clone()
            outputs.append((states * c).sum(-1))
        ctx.save_for_backward(dt, drive, A, B, C, torch.stack(marks))
        return torch.cat(outputs), h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor, g: Tensor) -> tuple[Tensor, ...]:
        dt, drive, A, B, C, marks = ctx.saved_tensors
        size, gy = _segment(g), gy.contiguous()
        pieces: list[tuple[Tensor, ...]] = []
        gA = torch.zeros_like(A)
        segments = list(zip(*(torch.split(t, size) for t in (dt, drive, B, C, gy[..., None])), marks, strict=True))
        for dt, drive, B, C, gy, h in reversed(segments):
            decay, states = _states(dt, drive, B, A, h)
            here = _retreat(decay, gy * C, g)  # `g` comes from the segment after
            g = decay[0] * here[0]
            before = torch.cat([h[None], states[:-1]])
            through = before.mul_(here).mul_(decay)  # dLoss / d(dt A)
            gA += (through * dt).sum((0, 1))
            sums = (through * A).sum(-1, keepdim=True), (here * B).sum(-1, keepdim=True)
            pieces.append((*sums, (here * drive).sum(3, keepdim=True), (states * gy).sum(3, keepdim=True)))
        gdt, gdrive, gB, gC = (torch.cat(part) for part in zip(*reversed(pieces), strict=True))
        return gdt, gdrive, gA, gB, gC, g


def _segment(h: Tensor) -> int:
    """Steps of a segment; a multiple of CHUNK."""
    return max(1, WORKING_SET // h.numel() // CHUNK) * CHUNK


def _states(dt: Tensor, drive: Tensor, B: Tensor, A: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Decays and states (steps, batch, G, P, N) of a segment that starts from h."""
    decay = torch.exp(dt * A)
    return decay, _recur(decay, drive * B, h)


def _recur(decay: Tensor, into: Tensor, h: Tensor) -> Tensor:
    """h_t = decay_t h_{t-1} + into_t for all t, written over `into`."""
    steps = len(into)
    if into.device.type in STEPWISE or steps % CHUNK:
        for t in range(steps):
            h = torch.addcmul(into[t], decay[t], h, out=into[t])
        return into
    local, decay = (t.view(steps // CHUNK, CHUNK, *t.shape[1:]) for t in (into, decay))
    for k in range(1, CHUNK):
        local[:, k].addcmul_(decay[:, k], local[:, k - 1])
    since = decay.cumprod(1)
    for chunk, decayed in zip(local, since, strict=True):
        chunk.addcmul_(decayed, h)
        h = chunk[-1]
    return into


def _retreat(decay: Tensor, into: Tensor, g: Tensor) -> Tensor:
    """here_t = into_t + decay_{t+1} here_{t+1} for all t, the last one into_t + g, written over `into`."""
    if into.device.type not in STEPWISE:
        later = torch.cat([decay[1:], torch.ones_like(decay[:1])]).flip(0)
        return _recur(later, into.flip(0), g).flip(0)
    here = into[-1].add_(g)
    for t in range(len(into) - 2, -1, -1):
        here = torch.addcmul(into[t], decay[t + 1], here, out=into[t])
    return into
