"""The selective scan, and both directions of one: one signature each, several forms, the fastest that is at hand.

reference (step by step) | chunked (torch only) | cpu (Numba) | triton (on a GPU) | mamba_ssm's CUDA kernel. On a GPU
Triton comes before mamba_ssm: it runs both directions in one launch, reads padded clips and channels that lie side by
side as they are, and goes on from a state; mamba_ssm does none of these.
The environment variable FAKEMAMBA_SCAN = auto | reference | chunked | cpu | triton | mamba_ssm overrides the choice.
"""

import importlib
import importlib.util
import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Literal

from fakemamba.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

Backend = Literal["reference", "chunked", "cpu", "triton", "mamba_ssm"]
logger = logging.getLogger(__name__)

CHOICES = ("auto", "reference", "chunked", "cpu", "triton", "mamba_ssm")


def backend(device: str = "cpu") -> Backend:
    """The form that `selective_scan` would use for tensors on `device` ("cpu", "cuda", ...).

    Raises:
        ConfigError: FAKEMAMBA_SCAN holds an unknown word, or a form that cannot run on this machine.
        MissingExtraError: it asks for the compiled form and Numba is absent or broken.
    """
    wish = os.environ.get("FAKEMAMBA_SCAN", "auto") or "auto"
    if wish == "reference":
        return "reference"
    if wish == "chunked":
        return "chunked"
    if wish == "cpu":
        if not _usable("numba"):
            raise MissingExtraError("FAKEMAMBA_SCAN=cpu", "torch")
        return "cpu" if device == "cpu" else "chunked"
    if wish == "triton":
        return _on_gpu("triton", device)
    if wish == "mamba_ssm":
        return _on_gpu("mamba_ssm", device)
    if wish != "auto":
        raise ConfigError(f"FAKEMAMBA_SCAN={wish}: choose one of {', '.join(CHOICES)}")
    if device == "cuda":
        return "triton" if _usable("triton") else "mamba_ssm" if _usable("mamba_ssm") else "chunked"
    return "cpu" if device == "cpu" and _usable("numba") else "chunked"


def _on_gpu(wish: Backend, device: str) -> Backend:
    """A GPU's form that was asked for; other devices are left to chunks. Triton's interpreter runs on any."""
    if not _usable(wish):
        raise ConfigError(f"FAKEMAMBA_SCAN={wish}: it is not installed: pip install {wish.replace('_', '-')}")
    if device == "cuda" or (wish == "triton" and _interpreted()):
        return wish
    import torch

    if not torch.cuda.is_available():
        slowly = ", or TRITON_INTERPRET=1 to try it without, very slowly" if wish == "triton" else ""
        raise ConfigError(f"FAKEMAMBA_SCAN={wish}: it needs a GPU that torch can use (fakemamba doctor){slowly}")
    return "chunked"


def _interpreted() -> bool:
    """Whether Triton's kernels run on the CPU, op by op: for tests. Triton reads the same where it is imported."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "yes", "on", "y")


def selective_scan(
    u: "Tensor",
    delta: "Tensor",
    A: "Tensor",
    B: "Tensor",
    C: "Tensor",
    D: "Tensor | None" = None,
    z: "Tensor | None" = None,
    delta_bias: "Tensor | None" = None,
    *,
    delta_softplus: bool = False,
    initial_state: "Tensor | None" = None,
    return_last_state: bool = False,
) -> "Tensor | tuple[Tensor, Tensor]":
    """As `fakemamba.scan.reference.selective_scan` (shapes there), by the form that `backend` names."""
    if D is not None and z is not None and delta_bias is not None and _exporting():
        from fakemamba.scan.export import selective_scan as scan_for_export

        return scan_for_export(u, delta, A, B, C, D, z, delta_bias)
    chosen = backend(u.device.type)
    if chosen == "cpu":
        from fakemamba.scan.cpu import selective_scan as scan
    elif chosen == "reference":
        from fakemamba.scan.reference import selective_scan as scan
    elif chosen == "triton" and u.dtype.itemsize <= 4:
        from fakemamba.scan.triton import selective_scan as scan
    elif chosen == "mamba_ssm" and initial_state is None and u.dtype.itemsize <= 4:
        from fakemamba.scan.cuda import selective_scan as scan
    else:
        from fakemamba.scan.chunked import selective_scan as scan
    return scan(
        u, delta, A, B, C, D, z, delta_bias,
        delta_softplus=delta_softplus, initial_state=initial_state, return_last_state=return_last_state,
    )  # fmt: skip


def bidirectional_scan(
    u: "Tensor",
    delta: "Tensor",
    A: "Tensor",
    B: "Tensor",
    C: "Tensor",
    D: "Tensor",
    z: "Tensor",
    delta_bias: "Tensor",
    *,
    delta_softplus: bool = True,
    lengths: "Tensor | None" = None,
) -> "Tensor":
    """As `fakemamba.scan.reference.bidirectional_scan` (shapes there), by the form that `backend` names."""
    inputs = u, delta, A, B, C, D, z, delta_bias
    chosen = "export" if _exporting() else backend(u.device.type)
    if chosen == "reference":
        from fakemamba.scan.reference import bidirectional_scan as both
    elif chosen == "cpu":
        from fakemamba.scan.cpu import bidirectional_scan as both
    elif chosen == "triton" and u.dtype.itemsize <= 4:
        from fakemamba.scan.triton import bidirectional_scan as both
    else:  # forms without a kernel of their own for it scan once, the directions side by side
        from fakemamba.scan.halves import bidirectional_scan as by_halves

        return by_halves(selective_scan, *inputs, delta_softplus=delta_softplus, lengths=lengths)
    return both(*inputs, delta_softplus=delta_softplus, lengths=lengths)


def fuses(like: "Tensor", channels: int) -> bool:
    """Whether `fakemamba.scan.fused.mix` serves here: inference on the CPU, compiled, in a type that it takes."""
    import torch

    if torch.is_grad_enabled() or torch.compiler.is_compiling() or _exporting() or like.device.type != "cpu":
        return False
    if backend("cpu") != "cpu":
        return False
    from fakemamba.scan.fused import suits

    return suits(like.dtype, channels)


def _exporting() -> bool:
    import torch

    # Older versions of torch know neither the word nor our way of exporting.
    return hasattr(torch.compiler, "is_exporting") and torch.compiler.is_exporting()


@cache
def _usable(package: str) -> bool:
    """Whether it is there and can be imported. A broken one is done without, silently: `fakemamba doctor` names it."""
    if importlib.util.find_spec(package) is None:
        return False
    try:
        importlib.import_module(package)
        if package == "numba":  # too old or too new a one fails only where its parts are used
            importlib.import_module("fakemamba.scan.cpu")
    except Exception as error:  # noqa: BLE001 - ImportError, OSError of a missing library, AttributeError of halves
        logger.info("%s is installed but cannot be imported, so the scan does without: %s", package, error)
        return False
    return True
