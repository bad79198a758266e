"""The selective scan as one node that an ONNX exporter can see.

Traced step by step, a scan would freeze one length into the graph. So the exporter meets the node
`fakemamba.SelectiveScan`, and the file carries a function of that name (export/scan_function.py), built
from ONNX's own `Scan`: any length, constant memory.
"""

import torch
from torch import Tensor

DOMAIN = "fakemamba"
NAME = "SelectiveScan"


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor, bias: Tensor
) -> Tensor:
    """A node with the inputs of `fakemamba.scan.reference`, softplus on; B and C always as (B, G, S, T)."""
    if B.ndim == 3:
        B, C = B[:, None], C[:, None]
    node: Tensor = torch.onnx.ops.symbolic(
        f"{DOMAIN}::{NAME}", (u, delta, A, B, C, D, z, bias), dtype=u.dtype, shape=u.shape, version=1
    )
    return node
