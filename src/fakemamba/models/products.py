"""Products with weights by the faster of the libraries that torch carries.

On processors with AVX-512 that are not Intel's, MKL multiplies float32 with half the registers' width; oneDNN, which
torch uses for bfloat16 anyway, with all of it: twice as fast, the same sums up to rounding. Its operation for plain
tensors has no gradient and no promise of staying, so it is tried once and done without where it fails.
"""

from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["none", "gelu"]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, then: Activation = "none") -> Tensor:
    """x (..., n) weight (m, n) transposed + bias (m,), through the exact GELU if `then` says so -> (..., m)."""
    if _suits(x, weight):
        flat: Tensor = torch.ops.mkldnn._linear_pointwise(x.reshape(-1, x.shape[-1]), weight, bias, then, [], "none")
        return flat.view(*x.shape[:-1], weight.shape[0])
    y = F.linear(x, weight, bias)
    return F.gelu(y) if then == "gelu" else y


def through(layer: nn.Module, x: Tensor, then: Activation = "none") -> Tensor:
    """`layer`(x), by `linear` where the layer is a plain nn.Linear without hooks."""
    if type(layer) is nn.Linear and not (layer._forward_hooks or layer._forward_pre_hooks):
        return linear(x, layer.weight, layer.bias, then)
    y: Tensor = layer(x)
    return F.gelu(y) if then == "gelu" else y


def _suits(x: Tensor, weight: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() > 0
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and _usable()
    )


@cache
def _usable() -> bool:
    """Whether torch's oneDNN takes plain tensors here, multiplies rightly, and has AVX-512 to do it with."""
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not there or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    x, weight = torch.linspace(-1, 1, 6).view(2, 3), torch.linspace(1, 2, 12).view(4, 3)
    wanted = F.gelu(F.linear(x, weight, weight[:, 0]))
    try:
        found = torch.ops.mkldnn._linear_pointwise(x, weight, weight[:, 0].contiguous(), "gelu", [], "none")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(found, wanted, atol=1e-5)
