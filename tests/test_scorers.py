"""Both back-ends keep the seam's promise, and give the same scores for the same model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from systems import THREE_KINDS

from fakemamba.checkpoint.folder import open_folder
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.config import EncoderConfig, ModelConfig, SpectrumConfig, XlsrConfig
from fakemamba.detect import load
from fakemamba.errors import CheckpointError, ConfigError
from fakemamba.export.onnx_file import export_onnx
from fakemamba.models import build
from fakemamba.onnx_scorer import OnnxScorer, shortest_input
from fakemamba.scorer import Scorer
from fakemamba.torch_scorer import TorchScorer
from fakes import RATE, speech, tiny_onnx, write_tiny_model

SMALL = ModelConfig(
    frontend=SpectrumConfig(channels=(2, 2, 2, 2)), width=8, encoder=EncoderConfig(depth=1, state=2), window=32_000
)
SMALL_XLSR = ModelConfig(
    frontend=XlsrConfig(width=16, layers=1, heads=2, ffn=16, conv_channels=(4,) * 7, positional_kernel=4),
    width=8,
    encoder=EncoderConfig(depth=1, state=2),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One small system with random weights, as safetensors and as ONNX."""
    place = tmp_path_factory.mktemp("both")
    torch.manual_seed(0)
    system = build(SMALL).eval()
    export_onnx(system, place / "model.onnx")
    save_system(place / "small", system, SMALL, files={"model.onnx": place / "model.onnx"})
    return place / "small"


def test_torch_and_onnx_agree(folder):
    opened = open_folder(folder)
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    waves = np.stack([speech(2.0), noise, 0.3 * np.sin(np.arange(32_000) / 5).astype(np.float32)])
    fast = OnnxScorer(opened.file("model.onnx"), window=SMALL.window, shortest=shortest_input(SMALL), threads=1)
    slow = TorchScorer(opened, device="cpu")
    for scorer in (fast, slow):
        assert isinstance(scorer, Scorer)
        assert (scorer.sample_rate, scorer.window, scorer.shortest) == (RATE, 32_000, shortest_input(SMALL))
        assert scorer.score(waves).shape == (3,)
        assert scorer.score(waves).dtype == np.float32
    np.testing.assert_allclose(fast.score(waves), slow.score(waves), atol=1e-5)
    assert np.ptp(slow.score(waves)) > 1e-4  # three different answers, not a constant


def test_load_prefers_onnx_and_falls_back_to_torch(folder, tmp_path):
    assert isinstance(load(folder).scorer, OnnxScorer)
    assert isinstance(load(folder, "cpu").scorer, OnnxScorer)
    save_system(tmp_path / "torch-only", build(SMALL).eval(), SMALL)
    assert isinstance(load(tmp_path / "torch-only", "cpu").scorer, TorchScorer)


@pytest.mark.parametrize("config", [SMALL, SMALL_XLSR, THREE_KINDS], ids=["spectrum", "xlsr", "statistics"])
def test_shortest_input_is_the_front_ends(config):
    assert shortest_input(config) == build(config).frontend.shortest


@pytest.mark.parametrize(
    "left_out", [{"modulation": False}, {"recogniser": None}, {"modulation": False, "recogniser": None}]
)
@pytest.mark.parametrize("hop", [10, 80, 160])
def test_shortest_input_is_that_of_the_part_that_needs_most(hop, left_out):
    front = THREE_KINDS.frontend.model_copy(update={"hop": hop, **left_out})
    config = THREE_KINDS.model_copy(update={"frontend": front})
    assert shortest_input(config) == build(config).frontend.shortest


def test_the_shortest_input_is_really_taken(folder):
    fewest = shortest_input(SMALL)
    scorer = TorchScorer(open_folder(folder), device="cpu")
    assert np.isfinite(scorer.score(speech(1.0)[None, :fewest])).all()
    fast = OnnxScorer(folder / "model.onnx", window=32_000, shortest=fewest)
    assert np.isfinite(fast.score(speech(1.0)[None, :fewest])).all()


def test_a_single_wave_of_any_length(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_onnx())
    scorer = OnnxScorer(path, window=32_000, shortest=1)
    assert scorer.score(np.full((2, 123), 0.01, np.float32)) == pytest.approx([2.0, 2.0], abs=1e-5)


def test_what_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot open"):
        OnnxScorer(path, window=1, shortest=1)
    path.write_bytes(tiny_onnx(inputs="audio"))
    with pytest.raises(CheckpointError, match="audio"):
        OnnxScorer(path, window=1, shortest=1)


def test_the_hash_is_of_the_file_that_runs(folder):
    files = open_folder(folder).card.files
    assert load(folder).model_sha256 == files["model.onnx"]
    scorer = TorchScorer(open_folder(folder), device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fakemamba.torch_scorer.TorchScorer", lambda *_args, **_options: scorer)
        assert load(folder, "cuda").model_sha256 == files["model.safetensors"]


def test_a_graph_that_fails_or_answers_in_another_shape_is_one_plain_line(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_onnx())
    scorer = OnnxScorer(path, window=32_000, shortest=1)
    with pytest.raises(CheckpointError, match="cannot run it") as caught:
        scorer.score(np.zeros((1, 2, 3), np.float32))
    assert str(caught.value).isprintable()
    monkeypatch.setattr(scorer, "_session", type("S", (), {"run": lambda *_: [np.zeros((2, 2))]}))
    with pytest.raises(CheckpointError, match=r"shape \(2, 2\) for 2 windows"):
        scorer.score(np.zeros((2, 400), np.float32))


def test_a_device_that_is_not_there(folder):
    with pytest.raises(ConfigError, match="banana"):
        TorchScorer(open_folder(folder), device="banana")


def test_an_onnx_only_model_has_nothing_for_torch(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        TorchScorer(open_folder(write_tiny_model(tmp_path / "m")), device="cpu")
