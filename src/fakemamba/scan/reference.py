"""The selective scan, one step at a time: slow, plain, and what every other form is tested against."""

import torch
from torch import Tensor
from torch.nn import functional

from fakemamba.scan.shapes import blanked, check, check_both, compute_dtype


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
    """Mamba's recurrence (arXiv 2312.00752, section 3), differentiable, in float32 or, if `u` is, float64.

        dt_t = softplus(delta_t + delta_bias)
        h_t  = exp(dt_t A) h_{t-1} + dt_t u_t B_t
        y_t  = (C_t . h_t + D u_t) * silu(z_t)

    Args:
        u, delta, z: (batch, D, L) input, step sizes and gate; no gate without z.
        A: (D, N).
        B, C: (batch, N, L), or (batch, G, N, L): group g serves the g-th of G equal parts of the channels.
        D, delta_bias: (D,), zero if None.
        delta_softplus: whether the softplus is taken.
        initial_state: (batch, D, N) h_0, zero if None.
        return_last_state: whether h_L (batch, D, N) is returned too.

    Returns:
        y (batch, D, L) of u's type, or (y, h_L).

    Raises:
        ValueError: the shapes don't fit each other.
    """
    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    kind = compute_dtype(u)
    x, dt, A, B, C = (t.to(kind) for t in (u, delta, A, B, C))
    if delta_bias is not None:
        dt = dt + delta_bias.to(kind)[:, None]
    if delta_softplus:
        dt = functional.softplus(dt)
    B, C = by_channel(B, x.shape[1]), by_channel(C, x.shape[1])  # (batch, D or 1, N, L)
    h = x.new_zeros(x.shape[0], *A.shape) if initial_state is None else initial_state.to(kind)
    outputs = []
    steps = zip(dt.unbind(-1), x.unbind(-1), B.unbind(-1), C.unbind(-1), strict=True)
    for dt_t, x_t, B_t, C_t in steps:
        h = torch.exp(dt_t[..., None] * A) * h + (dt_t * x_t)[..., None] * B_t  # (batch, D, N)
        outputs.append((h * C_t).sum(dim=-1))
    y = finish(torch.stack(outputs, dim=2), x, D, z)
    return (y.to(u.dtype), h) if return_last_state else y.to(u.dtype)


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
    """Two scans that share A, D, delta_bias and one gate: from each clip's start, and from its end.

        y = silu(z) * (forwards(u[0], delta[0], B[0], C[0]) + backwards(u[1], delta[1], B[1], C[1]))

    where `forwards` is the recurrence of `selective_scan` with its skip D u and without a gate, and `backwards` the
    same on time turned around, its result turned back.

    Args:
        u, delta: (2, batch, D, L); [0] what the forward direction reads, [1] the backward one, both in forward time.
        A: (D, N).
        B, C: (2, batch, N, L).
        D, delta_bias: (D,).
        z: (batch, D, L).
        delta_softplus: whether the softplus is taken.
        lengths: (batch,) integers, each clip's own frames; those behind them may hold anything, NaN too. None: all.

    Returns:
        y (batch, D, L) of u's type; zero behind each clip.

    Raises:
        ValueError: the shapes don't fit each other.
    """
    check_both(u, delta, A, B, C, D, z, delta_bias, lengths)
    u, delta, B, C, z = blanked(lengths, u, delta, B, C, z)
    # Padding has no u, so that the backward direction still has no state where it enters the clip.
    total: Tensor | None = None
    for way, turn in enumerate((False, True)):
        x, dt, into, out_of = (t[way].flip(-1) if turn else t[way] for t in (u.to(compute_dtype(u)), delta, B, C))
        y = selective_scan(x, dt, A, into, out_of, D, None, delta_bias, delta_softplus=delta_softplus)
        assert isinstance(y, Tensor)
        total = y if total is None else total + y.flip(-1)
    assert total is not None
    return finish(total, total, None, z).to(u.dtype)


def by_channel(t: Tensor, channels: int) -> Tensor:
    """(batch, N, L) -> (batch, 1, N, L); (batch, G, N, L) -> (batch, D, N, L)."""
    return t[:, None] if t.dim() == 3 else t.repeat_interleave(channels // t.shape[1], dim=1)


def finish(y: Tensor, u: Tensor, D: Tensor | None, z: Tensor | None) -> Tensor:
    """Add the skip D u and apply the gate."""
    if D is not None:
        y = y + D.to(u.dtype)[:, None] * u
    return y if z is None else y * functional.silu(z.to(u.dtype))
