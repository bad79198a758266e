"""The selective scan on a GPU, in Triton: both directions in one launch, forward and backward, states in float32.

Frames are rows for it, as for the CPU form: inputs whose channels lie side by side in memory, as transposed outputs of
products do, are read where they are. Results are the same in every run. Nothing is tuned at the first call: the
block's width follows from how much there is to do.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fakemamba.scan.shapes import check, check_both, grouped
from fakemamba.scan.triton_adjoint import backward
from fakemamba.scan.triton_kernels import forward

LOG2E = 1 / math.log(2)
WIDTHS = (32, 16, 8)  # channels of a program: one a lane, or with each channel's states over two or four lanes
ADJOINT_WIDTH = 8  # a chunk's states stay in registers, so that a lane can hold four of sixteen states, not more
PROGRAMS = 8  # for each multiprocessor: two warps for each of its four schedulers


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
    """As `fakemamba.scan.reference.selective_scan`, for types of at most 32 bits."""
    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    B, C, groups = grouped(B, C)
    B, C = (t.expand(-1, groups, -1, -1) for t in (B, C))
    frames = _full(u.shape[:1], u)
    y, last = _scan(u, delta, A, B, C, D, z, delta_bias, initial_state, frames, 1, delta_softplus)
    return (y, last) if return_last_state else y


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
    """As `fakemamba.scan.reference.bidirectional_scan`, for types of at most 32 bits."""
    check_both(u, delta, A, B, C, D, z, delta_bias, lengths)
    length = u.shape[3]
    frames = _full(u.shape[1:2], u) if lengths is None else lengths.to(u.device, torch.int64).clamp(0, length)
    u, delta, B, C = (t.flatten(0, 1) for t in (u, delta, B, C))
    return _scan(u, delta, A, B[:, None], C[:, None], D, z, delta_bias, None, frames, 2, delta_softplus)[0]


def _full(batch: torch.Size, u: Tensor) -> Tensor:
    return torch.full(batch, u.shape[-1], dtype=torch.int64, device=u.device)


def _scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, state: Tensor | None, frames: Tensor, ways: int, soft: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """u, delta (R, E, T), B, C (R, G, N, T), z (batch, E, T), frames (batch,) -> y (batch, E, T), last (R, E, N)."""
    decay = A.float().t()  # (N, E)
    skip, offset = (decay.new_zeros(decay.shape[1]) if t is None else t.float() for t in (D, bias))
    start = decay.new_zeros(len(u), *decay.shape) if state is None else state.float().transpose(1, 2)
    gate = None if z is None else z.transpose(1, 2)
    sequences = (t.transpose(-1, -2) for t in (u, delta, B, C))
    given = (*sequences, decay, skip, gate, offset, start)
    # Asked here: a function of autograd is told what requires gradients even where none are taken.
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in given if t is not None)
    y: Tensor
    y, last = _Scan.apply(*given, frames, ways, soft, keep)  # type: ignore[no-untyped-call]
    return y.transpose(1, 2), last.transpose(1, 2)


class _Scan(torch.autograd.Function):
    """See triton_kernels for the shapes."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, B: Tensor, C: Tensor, A: Tensor, D: Tensor, z: Tensor | None,
        bias: Tensor, state: Tensor, frames: Tensor, ways: int, soft: bool, keep: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        u, delta, B, C, A, D, bias, state = (t.contiguous() for t in (u, delta, B, C, A * LOG2E, D, bias, state))
        gate = None if z is None else z.contiguous()
        batch, steps = len(frames), _steps(len(A))
        (rows, T, E), (G, N) = u.shape, (B.shape[1], B.shape[3])
        out, last = _room(u, batch, T, E), _room(state, *state.shape)
        # What a kernel does not touch still needs an address: those of the last states serve.
        marks = _room(A, rows, -(-T // steps), N, E) if keep else last
        sums = _room(A, batch, T, E) if ways == 2 or (keep and gate is not None) else last
        tensors = (frames, u, delta, B, C, A, D, u if gate is None else gate, bias, state, last, marks, sums, out)
        width = _width(batch * G, E // G, u)
        shape = {"N": N, "NP": _power(N), "BE": width, "STEPS": steps, "WAYS": ways}
        flags = {"SOFT": soft, "GATED": gate is not None, "KEEP": keep}
        with _on(u):
            grid = (batch * G * -(-(E // G) // width),)
            forward[grid](*tensors, batch, T, E, G, E // G, **shape, **flags, num_warps=1)
        ctx.save_for_backward(frames, u, delta, B, C, A, D, gate, bias, marks, sums)
        ctx.settings = ways, soft
        return out, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gout: Tensor, glast: Tensor) -> tuple[Tensor | None, ...]:
        frames, u, delta, B, C, A, D, z, bias, marks, sums = ctx.saved_tensors
        (ways, soft), gate = ctx.settings, u if z is None else z
        (rows, T, E), (G, N), batch = u.shape, (B.shape[1], B.shape[3]), len(frames)
        blocks = -(-(E // G) // ADJOINT_WIDTH)
        gu, gdelta, gz = (_room(t, *t.shape) for t in (u, delta, gate))
        gB, gC = (_room(A, rows, G, blocks, T, N) for _ in range(2))
        gA, gstate = (_room(A, rows, N, E) for _ in range(2))
        gD, gbias = (_room(A, rows, E) for _ in range(2))
        given = (frames, u, delta, B, C, A, D, gate, bias, marks, sums, gout.contiguous(), glast.contiguous())
        found = (gu, gdelta, gB, gC, gA, gD, gz, gbias, gstate)
        shape = {"N": N, "NP": _power(N), "BE": ADJOINT_WIDTH, "STEPS": _steps(N)}
        with _on(u):
            grid = (batch * G * blocks, ways)
            backward[grid](*given, *found, batch, T, E, G, E // G, **shape, SOFT=soft, GATED=z is not None, num_warps=1)
        gB, gC = (g.sum(2).to(t.dtype) for g, t in ((gB, B), (gC, C)))
        totals = gA.sum(0), gD.sum(0), None if z is None else gz, gbias.sum(0)
        return gu, gdelta, gB, gC, *totals, gstate, None, None, None, None


def _room(like: Tensor, *shape: int) -> Tensor:
    """Memory that a kernel is to fill; it holds anything."""
    return like.new_empty(shape)


def _on(u: Tensor) -> AbstractContextManager[object]:
    """Triton launches on the current device: make it that of the tensors."""
    return torch.cuda.device(u.device) if u.device.type == "cuda" else nullcontext()


def _power(states: int) -> int:
    return 1 << (states - 1).bit_length()


def _steps(states: int) -> int:
    """Frames between kept states: the adjoint holds two tiles for each in registers."""
    return max(1, min(8, 128 // _power(states)))


def _width(rows: int, channels: int, u: Tensor) -> int:
    """The widest blocks that still keep the whole GPU busy, else the narrowest: short clips alone have few programs."""
    if u.device.type != "cuda":
        return WIDTHS[0]
    wanted = PROGRAMS * torch.cuda.get_device_properties(u.device).multi_processor_count
    return next((width for width in WIDTHS if rows * -(-channels // width) >= wanted), WIDTHS[-1])
