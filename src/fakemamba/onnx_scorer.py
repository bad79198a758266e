"""A `Scorer` on ONNX Runtime: the built-in model, without torch.

The graph's contract: input "waves" float32 (batch, samples), both free; output "score" float32 (batch,).
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from fakemamba.config import CepstraConfig, ModelConfig, XlsrConfig
from fakemamba.errors import CheckpointError
from fakemamba.scorer import FloatArray

_INPUT, _OUTPUT = "waves", "score"
_ERRORS_ONLY = 3
_MODULATION, _RECOGNISER = 2_160, 3_840  # `shortest` of these front-ends


class OnnxScorer:
    """Runs `model.onnx` on the CPU; see `fakemamba.scorer.Scorer`.

    Args:
        path: the ONNX file.
        window: samples that the model was trained on.
        shortest: the fewest samples that it takes.
        threads: CPU threads; None for one per core.
        precision: of the file, as its card tells, for the record.

    Raises:
        CheckpointError: the file is no ONNX model or has other inputs and outputs.
    """

    sample_rate = 16_000

    def __init__(
        self, path: Path, *, window: int, shortest: int, threads: int | None = None, precision: str = "fp32"
    ) -> None:
        self.window = window
        self.precision = precision
        self.shortest = shortest
        self._path = path
        self._session = open_session(path, threads)
        names = [node.name for node in self._session.get_inputs()], [node.name for node in self._session.get_outputs()]
        if names != ([_INPUT], [_OUTPUT]):
            raise CheckpointError(f"{path}: its inputs and outputs are {names[0]} and {names[1]}, not waves and score")

    @classmethod
    def of(
        cls, path: Path, config: ModelConfig, *, threads: int | None = None, precision: str = "fp32"
    ) -> "OnnxScorer":
        """The scorer of a graph that was exported from a system of this `config`."""
        return cls(path, window=config.window, shortest=shortest_input(config), threads=threads, precision=precision)

    def score(self, windows: FloatArray) -> FloatArray:
        """(B, N) float32 at 16 kHz -> (B,) raw scores, higher = more genuine; CheckpointError if the graph fails."""
        try:
            (scores,) = self._session.run([_OUTPUT], {_INPUT: np.ascontiguousarray(windows, dtype=np.float32)})
        except Exception as error:  # its errors have no narrower base in common
            raise CheckpointError(f"{self._path}: ONNX Runtime cannot run it: {_reason(error)}") from error
        if np.shape(scores) != (len(windows),):
            shape = np.shape(scores)
            raise CheckpointError(
                f"{self._path}: gives scores of shape {shape} for {len(windows)} windows, not one each"
            )
        return np.asarray(scores, dtype=np.float32)


def shortest_input(config: ModelConfig) -> int:
    """The fewest samples that the front-end of `config` takes: its `shortest`, without torch."""
    frontend = config.frontend
    if isinstance(frontend, XlsrConfig):
        samples = 1
        for kernel, stride in zip(reversed(frontend.conv_kernels), reversed(frontend.conv_strides), strict=True):
            samples = (samples - 1) * stride + kernel
        return samples
    if isinstance(frontend, CepstraConfig):
        least = [frontend.ffts[1] + 25 * frontend.hop]
        least += [_MODULATION] * frontend.modulation + [_RECOGNISER] * (frontend.recogniser is not None)
        return max(least)
    return frontend.fft + frontend.hop * (math.prod(frontend.time_strides) * 4 - 1)


def open_session(path: Path, threads: int | None) -> Any:
    """An ONNX Runtime session on the CPU, quiet and without spinning threads; raises CheckpointError."""
    import onnxruntime as ort  # 0.1 s, so not before a model is opened

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the core to others
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no narrower base in common
        raise CheckpointError(f"{path}: ONNX Runtime cannot open it: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of an error, without the colour codes that ONNX Runtime puts into some."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return plain.splitlines()[0] if plain else type(error).__name__
