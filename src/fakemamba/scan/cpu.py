"""The selective scan on the CPU, compiled by Numba: forward and backward, linear in time, small in memory."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from fakemamba.scan.cpu_kernels import BLOCK, LANES, STEPS, backward, forward
from fakemamba.scan.shapes import check, compute_dtype

# Below this many states (rows * steps * N) handing work to threads costs more than it saves.
WORTH_THREADS = 200_000


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
    """As `fakemamba.scan.reference.selective_scan`; runs on `torch.get_num_threads()` threads."""
    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    kind = compute_dtype(u)
    batch, channels, length = u.shape
    rows = [t.to(kind).reshape(batch * channels, length) for t in (u, delta)]
    gate = None if z is None else z.to(kind).reshape(batch * channels, length)
    decay = _lanes(A.to(kind))  # (D, V, LANES)
    into, out_of = (_by_time(t.to(kind)) for t in (B, C))  # (batch * G, V, L, LANES)
    skip = u.new_zeros(channels, dtype=kind) if D is None else D.to(kind)
    bias = u.new_zeros(channels, dtype=kind) if delta_bias is None else delta_bias.to(kind)
    if initial_state is None:
        state = u.new_zeros((batch * channels, *decay.shape[1:]), dtype=kind)
    else:
        state = _lanes(initial_state.to(kind).flatten(0, 1))
    y: Tensor
    last: Tensor
    y, last = _Scan.apply(*rows, decay, into, out_of, skip, gate, bias, state, delta_softplus)  # type: ignore[no-untyped-call]
    y = y.view(u.shape).to(u.dtype)
    if not return_last_state:
        return y
    return y, last.flatten(1)[:, : A.shape[1]].reshape(batch, channels, A.shape[1])


def _lanes(t: Tensor) -> Tensor:
    """(R, N) -> (R, V, LANES), zeros after N."""
    return functional.pad(t, (0, -t.shape[1] % LANES)).view(t.shape[0], -1, LANES)


def _by_time(t: Tensor) -> Tensor:
    """(batch, N, L) or (batch, G, N, L) -> (batch * G, V, L, LANES), zeros after N."""
    t = t.flatten(0, -3)
    t = functional.pad(t, (0, 0, 0, -t.shape[1] % LANES))
    return t.view(t.shape[0], -1, LANES, t.shape[2]).transpose(2, 3).contiguous()


class _Scan(torch.autograd.Function):
    """Rows in, rows out; see cpu_kernels for the shapes."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor | None,
        bias: Tensor, state: Tensor, soft: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        u, delta, A, B, C, D, bias = (t.contiguous() for t in (u, delta, A, B, C, D, bias))
        gated = z is not None
        z = u if z is None else z.contiguous()
        chunks = -(-u.shape[1] // STEPS)
        last, out = state.clone(memory_format=torch.contiguous_format), torch.empty_like(u)
        marks = u.new_empty(u.shape[0], chunks, *A.shape[1:])
        span = u.shape[0] // B.shape[0]
        _run(forward, B.shape[0], span, A, (soft, gated), (u, delta, A, B, C, D, z, bias, last, marks, out))
        ctx.save_for_backward(u, delta, A, B, C, D, z, bias, marks)
        ctx.flags = soft, gated
        return out, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gout: Tensor, glast: Tensor) -> tuple[Tensor | None, ...]:
        u, delta, A, B, C, D, z, bias, marks = ctx.saved_tensors
        soft, gated = ctx.flags
        span = u.shape[0] // B.shape[0]
        blocks = -(-span // BLOCK)
        gstate = glast.clone(memory_format=torch.contiguous_format)
        gu, gdelta = torch.empty_like(u), torch.empty_like(u)
        gz = torch.empty_like(u) if gated else gu
        gA = u.new_zeros(u.shape[0], *A.shape[1:])
        gB, gC = (u.new_zeros(B.shape[0] * blocks, *B.shape[1:]) for _ in range(2))
        gD, gbias = (u.new_zeros(u.shape[0]) for _ in range(2))
        saved = (u, delta, A, B, C, D, z, bias, marks.clone(), gout.contiguous())
        _run(backward, B.shape[0], span, A, (soft, gated), (*saved, gstate, gu, gdelta, gA, gB, gC, gD, gz, gbias))
        channels = A.shape[0]
        gA, gD, gbias = (g.unflatten(0, (-1, channels)).sum(0) for g in (gA, gD, gbias))
        gB, gC = (g.unflatten(0, (-1, blocks)).sum(1) for g in (gB, gC))
        return gu, gdelta, gA, gB, gC, gD, gz if gated else None, gbias, gstate, None


def _run(
    kernel: Callable[..., None],
    groups: int,
    span: int,
    A: Tensor,
    flags: tuple[bool, bool],
    tensors: tuple[Tensor, ...],
) -> None:
    """Share the kernel's tasks among threads."""
    arrays = [t.detach().numpy() for t in tensors]
    tasks = groups * -(-span // BLOCK)
    work = tensors[0].numel() * A[0].numel()
    threads = min(torch.get_num_threads(), tasks) if work >= WORTH_THREADS else 1
    edges = [tasks * i // threads for i in range(threads + 1)]
    if threads == 1:
        kernel(0, tasks, span, *flags, *arrays)
        return
    pool = _pool(threads, os.getpid())
    parts = pairwise(edges)
    for done in [pool.submit(kernel, first, last, span, *flags, *arrays) for first, last in parts]:
        done.result()


@lru_cache(maxsize=2)
def _pool(threads: int, pid: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a forked child needs its own threads
    return ThreadPoolExecutor(threads, thread_name_prefix="fakemamba-scan")
