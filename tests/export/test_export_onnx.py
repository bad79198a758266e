"""An exported file scores as torch does: every configuration, lengths and batches that it was not traced with."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tiny import CONFIGS, alive, noise, tiny

from conftest import ROOT
from fakemamba.export.graph import read_graph
from fakemamba.export.onnx_file import export_onnx, largest_difference
from fakemamba.models.system import System
from fakemamba.onnx_scorer import OnnxScorer, shortest_input

# Where a frame of the statistics is all but empty its phase is rounding noise, which differs; but it stays a number.
NEAR = {"compact-statistics": 1e-2, "compact-recogniser": 1e-3}
STATISTICS = [path for path in CONFIGS if path.stem in NEAR]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[System, Path]]:
    """The small system of a configuration and its file, made once: that takes longer than anything else here."""

    @cache
    def made(path: Path) -> tuple[System, Path]:
        system, file = alive(tiny(path)), tmp_path_factory.mktemp(path.stem) / "model.onnx"
        assert export_onnx(system, file) == [file]
        return system, file

    return made


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_scores_as_torch_does(path: Path, exported) -> None:
    config, (system, file) = tiny(path), exported(path)
    assert str(ROOT).encode() not in file.read_bytes()  # nothing of the machine that made it
    scorer = OnnxScorer(file, window=config.window, shortest=shortest_input(config), threads=1)
    shapes = [(1, scorer.shortest), (1, 5_001), (3, 12_000), (2, 40_003)]
    for clips, samples in shapes:
        waves = noise(samples, clips, seed=samples)
        with torch.no_grad():
            expected = system.score(torch.from_numpy(waves)).numpy()
        np.testing.assert_allclose(scorer.score(waves), expected, atol=NEAR.get(path.stem, 1e-4))


@pytest.mark.parametrize("path", STATISTICS, ids=lambda path: path.stem)
def test_silence_and_pauses_of_the_statistics_stay_numbers(path: Path, exported) -> None:
    system, file = exported(path)
    pauses = np.where(np.arange(40_000) % 10_000 < 5_000, noise(40_000)[0], 0).astype(np.float32)
    assert largest_difference(system, file, [np.zeros(8_000, np.float32), pauses]) < 1e-2


def test_a_large_graph_keeps_its_weights_beside_it(tmp_path) -> None:
    config = tiny(ROOT / "configs" / "fake-mamba-s.toml")
    system = alive(config)
    file = tmp_path / "big.onnx"
    assert [path.name for path in export_onnx(system, file, large=10_000)] == ["big.onnx", "big.onnx.data"]
    before = (tmp_path / "big.onnx.data").stat().st_size
    assert largest_difference(system, file, [noise(9_000)[0]]) < 1e-4
    export_onnx(system, file, large=10_000)  # nothing is appended to what lies there
    assert (tmp_path / "big.onnx.data").stat().st_size == before
    read_graph(file)  # with the weights
    (tmp_path / "big.onnx.data").unlink()
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail):
        onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


def test_nodes_are_named_after_their_modules(tmp_path) -> None:
    export_onnx(alive(tiny(ROOT / "configs" / "fake-mamba-s.toml")), tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    names = {node.name.partition("/")[0] for node in graph.node if node.op_type in ("MatMul", "Conv")}
    assert {"frontend.encoder.layers.0.attention.q_proj", "encoder.layers.0.mamba.out_proj"} <= names
    assert len({node.name for node in graph.node}) == len(graph.node)
    assert not any(node.metadata_props for node in graph.node)
