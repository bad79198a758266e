"""The selective scan on the CPU, compiled by Numba: forward and backward, linear in time, small in memory.

It runs on `torch.get_num_threads()` threads. Frames are rows for it: inputs whose channels lie side by side in memory,
as transposed outputs of products do, are read where they are.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from fakemamba.scan.cpu_adjoint import SPAN, backward
from fakemamba.scan.cpu_kernels import STEPS, forward
from fakemamba.scan.lanes import LANES
from fakemamba.scan.shapes import check, check_both, compute_dtype, grouped
from fakemamba.scan.threads import run


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
    """As `fakemamba.scan.reference.selective_scan`."""
    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    B, C, groups = grouped(B, C)
    batch, channels, length = u.shape
    frames = torch.full((batch,), length)
    state = None if initial_state is None else _blocked(initial_state, groups)
    y, last = _scan(u, delta, A, B, C, D, z, delta_bias, state, frames, (0, 1), groups, delta_softplus)
    if not return_last_state:
        return y
    return y, _narrow(last.transpose(2, 3).reshape(batch, -1, A.shape[1]), channels, groups, dim=1)


def bidirectional_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    *,
    delta_softplus: bool = True,
    lengths: Tensor | None = None,
) -> Tensor:
    """As `fakemamba.scan.reference.bidirectional_scan`."""
    check_both(u, delta, A, B, C, D, z, delta_bias, lengths)
    # The loops trust these: no clip may reach behind what there is.
    frames = torch.full(u.shape[1:2], u.shape[3]) if lengths is None else lengths.long().clamp(0, u.shape[3])
    u, delta, B, C = (t.flatten(0, 1) for t in (u, delta, B, C))
    into, out_of = B[:, None], C[:, None]
    return _scan(u, delta, A, into, out_of, D, z, delta_bias, None, frames, (0, 2), 1, delta_softplus)[0]


def _scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, state: Tensor | None, frames: Tensor, ways: tuple[int, int], groups: int, soft: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """u, delta (R, E, T), B, C (R, G or 1, N, T), z (batch, E, T), frames (batch,) -> y (batch, E, T), last states."""
    kind, channels = compute_dtype(u), u.shape[1]
    plain = torch.is_grad_enabled() or {t.dtype for t in (u, delta, *([] if z is None else [z]))} != {torch.bfloat16}
    store = kind if plain else torch.bfloat16
    wide = [_widen(t.to(store).transpose(1, 2), groups, dim=2) for t in (u, delta)]
    gate = None if z is None else _widen(z.to(store).transpose(1, 2), groups, dim=2)
    into = [t.to(kind).expand(-1, groups, -1, -1).flatten(0, 1).transpose(1, 2) for t in (B, C)]
    decay = _widen(A.to(kind), groups, dim=0)
    skip, offset = (decay.new_zeros(len(decay)) if t is None else _widen(t.to(kind), groups, dim=0) for t in (D, bias))
    if state is None:
        state = decay.new_zeros(u.shape[0], len(decay) // LANES, A.shape[1], LANES)
    inputs = *wide, torch.cat(into, -1), decay, skip, gate, offset, state.to(kind)
    # Asked here: inside of the function gradients are off, and what it is told of its inputs holds without them too.
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)
    y: Tensor
    y, last = _Scan.apply(*inputs, frames, ways, soft, keep)  # type: ignore[no-untyped-call]
    return _narrow(y, channels, groups, dim=2).transpose(1, 2).to(u.dtype), last


def _widen(t: Tensor, groups: int, *, dim: int) -> Tensor:
    """Zeros behind each group's channels up to whole blocks."""
    missing = -(t.shape[dim] // groups) % LANES
    if not missing:
        return t
    t = t.reshape(*t.shape[:dim], groups, -1, *t.shape[dim + 1 :])
    return functional.pad(t, (*[0, 0] * (t.dim() - dim - 2), 0, missing)).flatten(dim, dim + 1)


def _narrow(t: Tensor, channels: int, groups: int, *, dim: int) -> Tensor:
    """The way back from `_widen`."""
    if t.shape[dim] == channels:
        return t
    t = t.reshape(*t.shape[:dim], groups, -1, *t.shape[dim + 1 :])
    return t.narrow(dim + 1, 0, channels // groups).flatten(dim, dim + 1)


def _blocked(state: Tensor, groups: int) -> Tensor:
    """(batch, E, N) -> (batch, blocks, N, LANES)."""
    wide = _widen(state, groups, dim=1)
    return wide.view(len(wide), -1, LANES, wide.shape[2]).transpose(2, 3)


class _Scan(torch.autograd.Function):
    """See cpu_kernels for the shapes; the step sizes are whole, not of low rank."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, p: Tensor, A: Tensor, D: Tensor, z: Tensor | None, bias: Tensor,
        state: Tensor, frames: Tensor, ways: tuple[int, int], soft: bool, keep: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        u, delta, p, A, D, bias = (t.contiguous() for t in (u, delta, p, A, D, bias))
        empty = u[:1, :0]
        gate = empty if z is None else z.contiguous()
        batch, T, E = len(frames), *u.shape[1:]
        last = state.clone(memory_format=torch.contiguous_format)
        marks = last.new_empty(*last.shape[:2], -(-T // STEPS), *last.shape[2:]) if keep else last[:1, None, :0]
        sums = A.new_empty(batch, T, E) if keep else A.new_empty(1, 0, E)
        out = u.new_empty(batch, T, E)
        weight = A.new_empty(0, E)
        tensors = (frames, u, delta, weight, p, A, D, gate, bias, last, marks, sums, out)
        run(forward, batch * (E // LANES), u.numel() * A.shape[1], (*ways, soft, keep, 0), tensors)
        if keep:
            ctx.save_for_backward(frames, u, delta, p, A, D, gate, bias, marks, sums)
            ctx.settings = ways[0], soft
        return out, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gout: Tensor, glast: Tensor) -> tuple[Tensor | None, ...]:
        frames, u, delta, p, A, D, gate, bias, marks, sums = ctx.saved_tensors
        groups, blocks = len(p) // max(1, len(u)) or 1, u.shape[2] // LANES
        parts = -(-blocks // groups // SPAN)
        gstate = glast.clone(memory_format=torch.contiguous_format)
        gu, gdelta, gz = torch.empty_like(u), torch.empty_like(delta), torch.empty_like(gate)
        gp = p.new_empty(len(p) * parts, *p.shape[1:])
        gA = torch.zeros_like(gstate)
        gD, gbias = (u.new_zeros(len(u), u.shape[2]) for _ in range(2))
        saved = (frames, u, delta, p, A, D, gate, bias, marks.clone(), sums, gout.contiguous())
        found = (gstate, gu, gdelta, gp, gA, gD, gz, gbias)
        run(backward, len(gp), u.numel() * A.shape[1], (*ctx.settings, parts, groups), (*saved, *found))
        gA = gA.sum(0).transpose(1, 2).reshape(A.shape)
        gp = gp.view(-1, parts, *gp.shape[1:]).sum(1)
        return gu, gdelta, gp, gA, gD.sum(0), gz if gate.shape[1] else None, gbias.sum(0), gstate, *[None] * 4
