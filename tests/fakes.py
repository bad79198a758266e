"""Stand-ins that tests share: a scorer whose answer is known, a tiny model folder, and speech."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from conftest import ROOT
from fakemamba.checkpoint.folder import Calibration, Decision, ModelCard, write_folder
from fakemamba.config import ModelConfig, SpectrumConfig

RATE = 16_000
WINDOW = 32_000  # 2 s, hop 1 s: numbers that can be checked by head

Wave = NDArray[np.float32]


def tiny_config(**changes: Any) -> ModelConfig:
    return ModelConfig(**{"frontend": SpectrumConfig(), "window": WINDOW, **changes})


def tiny_card(**changes: Any) -> ModelCard:
    """Scores are LLRs already; within 1 of zero the model is unsure."""
    defaults: dict[str, Any] = {
        "name": "tiny",
        "model": tiny_config(),
        "calibration": Calibration(),
        "decision": Decision(unsure_below=1.0, unsure_above=1.0),
        "licence": "Apache-2.0",
        "origin": "made by the tests",
    }
    return ModelCard(**{**defaults, **changes})


class FakeScorer:
    """Scores by a function of the wave and remembers the shapes that it was given."""

    sample_rate = RATE
    window = WINDOW
    shortest = 400
    precision = "fp32"

    def __init__(self, rule: Callable[[Wave], float] = lambda wave: 5.0) -> None:
        self.rule = rule
        self.shapes: list[tuple[int, ...]] = []

    def score(self, windows: Wave) -> Wave:
        self.shapes.append(windows.shape)
        return np.array([self.rule(wave) for wave in windows], dtype=np.float32)


@cache
def _voice() -> Wave:
    """Three seconds of a reader without a pause, the level evened out to a peak of 1."""
    wave, rate = soundfile.read(ROOT / "tests" / "fixtures" / "voice.flac", dtype="float32")
    assert rate == RATE
    return (wave / np.abs(wave).max()).astype(np.float32)


def speech(seconds: float, *, seed: int = 0, level: float = 0.3) -> Wave:
    """A real voice that talks without a pause, by looping three seconds; `seed` shifts where it begins."""
    shifted = np.roll(_voice(), -6000 * seed)
    return level * np.resize(shifted, round(seconds * RATE)).astype(np.float32)


def write_tiny_model(path: Path, *, score: str = "loudness", **card: Any) -> Path:
    """A model folder with a real ONNX file: score = 4 - 200 mean|x|, so that loud is fake; `score="nan"` breaks it."""
    write_folder(path, tiny_card(**card), {"model.onnx": tiny_onnx(score)})
    return path


def tiny_onnx(score: str = "loudness", inputs: str = "waves") -> bytes:
    """The graph's contract: (batch, samples) float32 -> (batch,), both free."""
    import onnx
    from onnx import TensorProto, helper

    scale, bias = {"loudness": (-200.0, 4.0), "nan": (float("nan"), 0.0)}[score]
    nodes = [
        helper.make_node("Abs", [inputs], ["magnitude"]),
        helper.make_node("ReduceMean", ["magnitude"], ["loudness"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["loudness", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["score"]),
    ]
    constants = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("bias", TensorProto.FLOAT, [], [bias]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
