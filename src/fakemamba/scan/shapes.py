"""What all forms of the scan agree on: the shapes they accept, the precision they compute in, what padding is."""

import torch
from torch import Tensor


def compute_dtype(u: Tensor) -> torch.dtype:
    """float64 stays; everything else, half precisions too, is computed in float32."""
    return torch.float64 if u.dtype == torch.float64 else torch.float32


def check(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    initial_state: Tensor | None,
) -> None:
    """Raise ValueError, in one line, at the first shape that doesn't fit the others."""
    if u.dim() != 3 or u.shape[2] < 1:
        raise ValueError(f"selective_scan: u must be (batch, D, L) with L >= 1, not {tuple(u.shape)}")
    batch, channels, length = u.shape
    if A.dim() != 2:
        raise ValueError(f"selective_scan: A must be (D, N), not {tuple(A.shape)}")
    states = A.shape[1]
    expected = {
        "delta": (delta, (batch, channels, length)),
        "A": (A, (channels, states)),
        "D": (D, (channels,)),
        "z": (z, (batch, channels, length)),
        "delta_bias": (delta_bias, (channels,)),
        "initial_state": (initial_state, (batch, channels, states)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"selective_scan: {name} must be {shape} to fit u and A, not {tuple(tensor.shape)}")
    for name, tensor in (("B", B), ("C", C)):
        groups = tensor.shape[1] if tensor.dim() == 4 else 1
        shape = (batch, groups, states, length) if tensor.dim() == 4 else (batch, states, length)
        if tuple(tensor.shape) != shape or channels % groups:
            raise ValueError(
                f"selective_scan: {name} must be (batch, N, L) or (batch, G, N, L), G dividing D, "
                f"with batch {batch}, D {channels}, N {states}, L {length}, not {tuple(tensor.shape)}"
            )


def check_both(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    lengths: Tensor | None,
) -> None:
    """As `check`, for the inputs of `bidirectional_scan`."""
    if u.dim() != 4 or u.shape[0] != 2 or u.shape[3] < 1:
        raise ValueError(f"bidirectional_scan: u must be (2, batch, D, L) with L >= 1, not {tuple(u.shape)}")
    _, batch, channels, length = u.shape
    if A.dim() != 2:
        raise ValueError(f"bidirectional_scan: A must be (D, N), not {tuple(A.shape)}")
    states = A.shape[1]
    expected = {
        "delta": (delta, (2, batch, channels, length)),
        "A": (A, (channels, states)),
        "B": (B, (2, batch, states, length)),
        "C": (C, (2, batch, states, length)),
        "D": (D, (channels,)),
        "z": (z, (batch, channels, length)),
        "delta_bias": (delta_bias, (channels,)),
        "lengths": (lengths, (batch,)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"bidirectional_scan: {name} must be {shape} to fit u and A, not {tuple(tensor.shape)}")


def grouped(B: Tensor, C: Tensor) -> tuple[Tensor, Tensor, int]:
    """Checked B and C, (batch, N, L) or (batch, G, N, L) each, as (batch, G or 1, N, L), and the number of groups."""
    B, C = (t[:, None] if t.dim() == 3 else t for t in (B, C))
    return B, C, max(B.shape[1], C.shape[1])


def blanked(lengths: Tensor | None, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors (..., batch, rows, L) with zeros behind each clip's own frames (batch,); None: all are its own."""
    if lengths is None:
        return tensors
    frames = torch.arange(tensors[0].shape[-1], device=lengths.device)
    own = (frames < lengths[:, None])[:, None]  # (batch, 1, L)
    return tuple(torch.where(own, t, 0.0) for t in tensors)
