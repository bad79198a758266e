"""Stand-ins that tests share: a scorer whose answer is known, a tiny model folder, and speech that needs no file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.checkpoint.folder import Calibration, Decision, ModelCard, write_folder
from fakemamba.config import ModelConfig, SpectrumConfig

RATE = 16_000
WINDOW = 32_000  # 2 s, hop 1 s: numbers that can be checked by head

Wave = NDArray[np.float32]


def tiny_config(**changes: Any) -> ModelConfig:
    return ModelConfig(**{"frontend": SpectrumConfig(hide=1), "window": WINDOW, **changes})


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

    def __init__(self, rule: Callable[[Wave], float] = lambda wave: 5.0) -> None:
        self.rule = rule
        self.shapes: list[tuple[int, ...]] = []

    def score(self, windows: Wave) -> Wave:
        self.shapes.append(windows.shape)
        return np.array([self.rule(wave) for wave in windows], dtype=np.float32)


def speech(seconds: float, *, seed: int = 0, level: float = 0.3) -> Wave:
    """Noise and a gliding pulse train through moving formants, in syllables: enough to pass for speech."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t) + 10 * np.sin(2 * np.pi * 2.3 * t)
    phase = np.cumsum(pitch) / RATE
    formant = 700 + 400 * np.sin(2 * np.pi * 1.9 * t + seed)
    wave = np.zeros(n)
    for k in range(1, 30):
        gain = np.exp(-(((k * pitch - formant) / 350) ** 2)) + 0.4 * np.exp(-(((k * pitch - 2.4 * formant) / 500) ** 2))
        wave += (gain + 0.02) * np.sin(2 * np.pi * k * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * t) + 0.6, 0, None)
    wave = syllables * wave + 0.002 * rng.standard_normal(n)
    return (level * wave / (np.abs(wave).max() + 1e-9)).astype(np.float32)


def write_tiny_model(path: Path, *, score: str = "loudness", **card: Any) -> Path:
    """A model folder with a real ONNX file: score = 4 - 200 mean|x|, so that loud is fake; `score="nan"` breaks it."""
    write_folder(path, tiny_card(**card), {"model.onnx": _tiny_onnx(score)})
    return path


def _tiny_onnx(score: str, inputs: str = "waves") -> bytes:
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
