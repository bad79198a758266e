"""The selective scan, one step at a time: slow, plain, and what every other form is tested against."""

import torch
from torch import Tensor
from torch.nn import functional

from fakemamba.scan.shapes import check, compute_dtype


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


def by_channel(t: Tensor, channels: int) -> Tensor:
    """(batch, N, L) -> (batch, 1, N, L); (batch, G, N, L) -> (batch, D, N, L)."""
    return t[:, None] if t.dim() == 3 else t.repeat_interleave(channels // t.shape[1], dim=1)


def finish(y: Tensor, u: Tensor, D: Tensor | None, z: Tensor | None) -> Tensor:
    """Add the skip D u and apply the gate."""
    if D is not None:
        y = y + D.to(u.dtype)[:, None] * u
    return y if z is None else y * functional.silu(z.to(u.dtype))
