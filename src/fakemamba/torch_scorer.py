"""A `Scorer` on torch: XLS-R systems, GPUs, and models that have no ONNX file."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from fakemamba.checkpoint.folder import ModelFolder
from fakemamba.errors import ConfigError, MissingExtraError
from fakemamba.machine.processor import features
from fakemamba.scorer import PRECISIONS, FloatArray, Precision

if TYPE_CHECKING:
    import torch


class TorchScorer:
    """Runs a model folder's safetensors; see `fakemamba.scorer.Scorer`.

    Args:
        folder: an opened model folder with `model.safetensors`.
        device: "cpu", "cuda", "cuda:1", "mps" or "xpu"; None for CUDA if it is there, else the CPU.
        threads: CPU threads; None leaves torch's choice.
        precision: "bf16" multiplies in bfloat16, and keeps statistics, scan, pooling and scores in float32.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: the device is none of these, or not usable here; or it has no bf16.
        CheckpointError: the weights do not fit their card.
    """

    sample_rate = 16_000

    def __init__(
        self,
        folder: ModelFolder,
        *,
        device: str | None = None,
        threads: int | None = None,
        precision: Precision = "fp32",
    ) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError(f"running the model {folder.card.name} on torch", "torch") from error
        from fakemamba.checkpoint.torch_io import load_system

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = _device(device)
        self.precision = precision
        if precision == "bf16":
            check_bf16(self._device)
        self._system = load_system(folder).eval()
        if precision == "bf16":
            self._system.narrow()
        self._system.to(self._device)
        self.window = folder.card.model.window
        self.shortest = int(cast(int, self._system.frontend.shortest))

    def score(self, windows: FloatArray) -> FloatArray:
        """(B, N) float32 at 16 kHz -> (B,) raw scores, higher = more genuine."""
        return self._run(windows, None)

    def score_padded(self, waves: FloatArray, lengths: Sequence[int]) -> FloatArray:
        """(B, N) zero-padded at the end, (B,) samples of each -> (B,) raw scores, as each clip gets alone."""
        return self._run(waves, lengths)

    def _run(self, waves: FloatArray, lengths: Sequence[int] | None) -> FloatArray:
        import torch

        from fakemamba.models.precision import products

        with torch.inference_mode(), products(self.precision, self._device.type):
            batch = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32)).to(self._device)
            own = None if lengths is None else torch.tensor(lengths, device=self._device)
            scores: FloatArray = self._system.score(batch, own).float().cpu().numpy()
        return scores


def checked_precision(name: str) -> Precision:
    """The precision of a name, if it is one; ConfigError otherwise."""
    for known in PRECISIONS:
        if name == known:
            return known
    raise ConfigError(f"precision {name!r} is unknown: choose {' or '.join(PRECISIONS)}")


def check_bf16(device: "torch.device") -> None:
    """ConfigError where a device has no bf16: where bf16 would be imitated, it would be slower than float32."""
    import torch

    if device.type == "cpu":
        what, there = "processor", (features() or {}).get("bf16", True) and _bf16_on_cpu()
    elif device.type == "cuda":
        what, there = "GPU", torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        raise ConfigError(f"precision bf16 runs on cpu and cuda, not on {device.type}: leave it out")
    if not there:
        raise ConfigError(
            f"precision bf16: this {what} has no bf16 that torch can use, it would only be slower: leave it out "
            "(fakemamba doctor tells what is there)"
        )


def _bf16_on_cpu() -> bool:
    import torch

    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(there and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _device(name: str | None) -> "torch.device":
    import torch

    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,2})?|mps|xpu", name):
        raise ConfigError(f"device {name!r} is unknown: choose cpu, cuda, cuda:1 (2, …), mps or xpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"device {name!r} is not usable here: {reason}") from error
    return device
