"""Systems in bfloat16 at the price of few digits: products in it, what sums up or decides in float32.

    system.narrow()                      once: the weights of XLS-R, nearly all there are, take half the memory
    with products("bf16", device): ...   torch.autocast: products in bfloat16
    inside of models, while they only answer:
        widened(x)     a residual stream goes on in float32: the many sums of a deep stack lose nothing more
        exact(f, x)    f of x in float32: power spectra, pooling with its softmax, the head and so the scores

The scan's states are float32 in any case (`fakemamba.scan`). In training all is as autocast has it: a wide stream would
take memory there.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from fakemamba.scorer import Precision

_Found = TypeVar("_Found")


def products(precision: Precision, device: str) -> torch.autocast:
    """The context in which a system computes in a precision on "cpu", "cuda", ...; for fp32 it does nothing."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")


def round_weights(part: nn.Module) -> None:
    """Keep the weights of products in bfloat16, which autocast would round them to at each call."""
    for module in part.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")  # a normalised weight: its factors stay exact
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            module.bfloat16()


def widened(x: Tensor) -> Tensor:
    """x in float32 where products are narrow, as it is elsewhere."""
    return x.float() if _narrow(x) else x


def exact(part: Callable[..., _Found], x: Tensor, *more: Any) -> _Found:
    """part(x, *more) in float32, whatever the products around it are in."""
    if not _narrow(x):
        return part(x, *more)
    with torch.autocast(x.device.type, enabled=False):
        return part(x.float(), *more)


def _narrow(x: Tensor) -> bool:
    return torch.is_autocast_enabled(x.device.type) and not torch.is_grad_enabled()
