"""An exported file scores as torch does, for lengths and batches that it was not traced with."""

import numpy as np
import onnxruntime
import pytest
import torch
from systems import CONFIGS, lively, small

from conftest import ROOT
from fakemamba.config import load_model_config
from fakemamba.export.onnx_file import export_onnx, largest_difference
from fakemamba.models import build


@pytest.mark.parametrize("name", ["compact", "con-bimamba"])
def test_scores_equal_torch(name: str, tmp_path) -> None:
    system = lively(small(next(p for p in CONFIGS if p.stem == name)))
    path = tmp_path / "model.onnx"
    export_onnx(system, path)
    assert str(ROOT).encode() not in path.read_bytes()  # nothing of the machine that made it
    rng = np.random.default_rng(0)
    waves = [rng.normal(0, 0.1, n).astype(np.float32) for n in (8_000, 16_160, 50_001)]
    assert largest_difference(system, path, waves) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    batch = rng.normal(0, 0.1, (3, 12_000)).astype(np.float32)
    with torch.no_grad():
        expected = system.score(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(session.run(["score"], {"waves": batch})[0], expected, atol=1e-4)


def test_statistics_equal_torch(tmp_path) -> None:
    torch.manual_seed(0)
    system = build(load_model_config(ROOT / "configs" / "compact-statistics.toml")).eval()
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.normal_(0, 0.05)
    path = tmp_path / "model.onnx"
    export_onnx(system, path)
    rng = np.random.default_rng(0)
    waves = [(rng.normal(0, 0.1, n) * np.hanning(n)).astype(np.float32) for n in (8_000, 16_160, 50_001)]
    waves.append(np.zeros(8_000, np.float32))
    waves.append(np.where(np.arange(16_000) % 4_000 < 2_000, waves[1][:16_000], 0).astype(np.float32))  # digital pauses
    # Where a frame is all but empty its phase is rounding noise, which differs; but it stays a number.
    assert largest_difference(system, path, waves) < 1e-2
