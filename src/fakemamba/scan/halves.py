"""Both directions by one scan of any form: they are the two halves of a batch."""

from collections.abc import Callable

import torch
from torch import Tensor

from fakemamba.scan.shapes import blanked, check_both, compute_dtype

Scan = Callable[..., "Tensor | tuple[Tensor, Tensor]"]  # a `selective_scan`


def bidirectional_scan(
    scan: Scan,
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
    """As `fakemamba.scan.reference.bidirectional_scan`, by the `selective_scan` of some form, an exporter's too."""
    check_both(u, delta, A, B, C, D, z, delta_bias, lengths)
    kind, batch = u.dtype, u.shape[1]  # not len(u[0]): an exporter would freeze it
    u, delta, B, C, z = blanked(lengths, u, delta, B, C, z)
    u, delta, B, C = (torch.cat([t[0], t[1].flip(-1)]) for t in (u.to(compute_dtype(u)), delta, B, C))
    # Each half is gated by itself: the node that an exporter meets has a gate.
    gate = torch.cat([z, z.flip(-1)])
    y = scan(u, delta, A, B, C, D, gate, delta_bias, delta_softplus=delta_softplus)
    assert isinstance(y, Tensor)
    return (y[:batch] + y[batch:].flip(-1)).to(kind)
