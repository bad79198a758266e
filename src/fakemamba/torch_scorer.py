"""A `Scorer` on torch: XLS-R systems, GPUs, and models that have no ONNX file."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from fakemamba.checkpoint.folder import ModelFolder
from fakemamba.errors import ConfigError, MissingExtraError
from fakemamba.scorer import FloatArray

if TYPE_CHECKING:
    import torch


class TorchScorer:
    """Runs a model folder's safetensors; see `fakemamba.scorer.Scorer`.

    Args:
        folder: an opened model folder with `model.safetensors`.
        device: "cpu", "cuda", "cuda:1", "mps" or "xpu"; None for CUDA if it is there, else the CPU.
        threads: CPU threads; None leaves torch's choice.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: the device is none of these, or not usable here.
        CheckpointError: the weights do not fit their card.
    """

    sample_rate = 16_000

    def __init__(self, folder: ModelFolder, *, device: str | None = None, threads: int | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError(f"running the model {folder.card.name} on torch", "torch") from error
        from fakemamba.checkpoint.torch_io import load_system

        if threads is not None:
            torch.set_num_threads(threads)
        self._device = _device(device)
        self._system = load_system(folder).eval().to(self._device)
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

        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32)).to(self._device)
            own = None if lengths is None else torch.tensor(lengths, device=self._device)
            scores: FloatArray = self._system.score(batch, own).float().cpu().numpy()
        return scores


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
