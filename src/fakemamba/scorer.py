"""The seam of the house: everything that detects, streams, serves or evaluates knows only a `Scorer`."""

from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fakemamba.config import ModelConfig

FloatArray = NDArray[np.float32]
Precision = Literal["fp32", "bf16"]  # of a torch model's products
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@runtime_checkable
class Scorer(Protocol):
    """Turns windows of speech into scores; implemented by ONNX Runtime, torch and the tests' fake.

    Attributes:
        sample_rate: Hz that `score` expects; 16 000 for every system here.
        window: the number of samples that the system was trained on and judges best.
        shortest: windows of fewer samples than this must be refused or repeated by the caller.
        precision: of its weights and products: fp32 or bf16, of an ONNX file also fp16 or int8.
    """

    @property
    def sample_rate(self) -> int: ...

    @property
    def window(self) -> int: ...

    @property
    def shortest(self) -> int: ...

    @property
    def precision(self) -> str: ...

    def score(self, windows: FloatArray) -> FloatArray:
        """Score a batch of equally long windows.

        Args:
            windows: (B, N) float32 mono in [-1, 1], `shortest` <= N.

        Returns:
            (B,) float32 raw scores, higher = more genuine; not yet calibrated.
        """
        ...


def filled(wave: FloatArray, scorer: Scorer, model: ModelConfig) -> FloatArray:
    """A short clip, end to end until it fills the model's window, or as it is where the model takes that."""
    length = model.window if model.short == "repeat" else scorer.shortest
    return wave if len(wave) >= length else np.resize(wave, length)
