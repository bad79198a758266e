"""What lies between a mixer's first and last product, on the CPU by compiled loops, without gradients.

    xz -> convolution, silu (both ways) -> one product for step sizes, B and C -> scans, skip, sum, gate

Step sizes of low rank are spread over the channels inside of the scan; everything is read and written as frames by
channels, so that nothing is turned around.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.scan.cpu_convolution import TILE, convolve
from fakemamba.scan.cpu_kernels import forward
from fakemamba.scan.lanes import LANES
from fakemamba.scan.threads import run

KINDS = (torch.float32, torch.bfloat16)


class Weights(NamedTuple):
    """A mixer's own, E channels, N states, in any of KINDS.

    taps (E, 1, k) and bias (E,) of the convolution; select (rank + 2 N, E); step (E, rank) and step_bias (E,);
    A (E, N), negative; D (E,).
    """

    taps: Tensor
    bias: Tensor
    select: Tensor
    step: Tensor
    step_bias: Tensor
    A: Tensor
    D: Tensor


def suits(kind: torch.dtype, channels: int) -> bool:
    """Whether `mix` takes this type and so many channels, which must fill whole blocks."""
    return kind in KINDS and channels % LANES == 0


def mix(
    xz: Tensor,
    weights: Weights,
    *,
    lengths: Tensor | None = None,
    halo: tuple[int, int] = (0, 0),
    ways: tuple[int, int] = (0, 2),
    states: Tensor | None = None,
    product: Callable[[Tensor, Tensor], Tensor] = F.linear,
) -> tuple[Tensor, Tensor]:
    """The mixer's inside.

    Args:
        xz: (batch, left + T + right, 2 E), what is convolved beside the gate, which (1, 2) does without; T >= 1.
        lengths: (batch,) own frames from the first of T on, none or more than T too, or None: all.
        halo: left, right: frames that only the convolution sees.
        ways: (0, 1) forwards, (0, 2) both, (1, 2) backwards: states alone.
        states: (ways * batch, E, N) those that the directions start from, zero if None.
        product: of (..., E) and (n, E) to (..., n).

    Returns:
        y (batch, T, E) of xz's type, zero behind each clip, empty for (1, 2); the last states (ways * batch, E, N).
    """
    xz = xz.contiguous()
    batch, E, (left, right) = xz.shape[0], weights.D.shape[0], halo
    T, count = xz.shape[1] - left - right, ways[1] - ways[0]
    own = torch.full((batch,), T + right) if lengths is None else lengths.long()
    frames, valid = own.clamp(0, T), (own + left).clamp(0, xz.shape[1])
    parts = weights.step_bias, weights.A, weights.D, weights.bias
    offset, A, D, bias = (t.float().contiguous() for t in parts)
    taps, step = weights.taps[:, 0].t().float().contiguous(), weights.step.t().float().contiguous()
    u = xz.new_empty(count * batch, T, E)
    work = u.numel()
    run(convolve, batch * -(-T // TILE), 2 * work, (*ways, left), (frames, valid, xz, taps, bias, u))
    p = product(u, weights.select).float()
    shape = (count * batch, E // LANES, LANES, A.shape[1])
    state = A.new_zeros(shape[0], shape[1], shape[3], LANES)
    if states is not None:
        state.copy_(states.view(shape).transpose(2, 3))
    none, empty = A.new_empty(1, 0, E), xz.new_empty(1, 0, E)
    z = xz[:, left : left + T].contiguous() if ways[0] == 0 else empty
    out = xz.new_empty(batch, T, E) if ways[0] == 0 else empty
    tensors = (frames, u, empty, step, p, A, D, z, offset, state, state[:1, None, :0], none, out)
    run(forward, batch * shape[1], work * A.shape[1], (*ways, True, False, E), tensors)
    return out, state.transpose(2, 3).reshape(shape[0], E, -1)
