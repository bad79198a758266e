"""mamba_ssm's CUDA kernel behind our signature; used where that package is installed, never required."""

from typing import cast

from torch import Tensor

from fakemamba.scan.shapes import check


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
    """As `fakemamba.scan.reference.selective_scan`, without `initial_state`: the kernel always starts at zero."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    check(u, delta, A, B, C, D, z, delta_bias, initial_state)
    if initial_state is not None:
        raise ValueError("mamba_ssm's selective scan takes no initial_state")
    # The kernel wants one half or single type for the sequences and float32 for the parameters.
    delta, B, C = (t.to(u.dtype) for t in (delta, B, C))
    z = None if z is None else z.to(u.dtype)
    skip, bias = (None if t is None else t.float() for t in (D, delta_bias))
    result = selective_scan_fn(u, delta, A.float(), B, C, skip, z, bias, delta_softplus, return_last_state)
    return cast("Tensor | tuple[Tensor, Tensor]", result)
