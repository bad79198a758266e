"""bfloat16 beside float32: the same clips, models and encoders, and where there is none, why it is left out."""

from pathlib import Path

import pytest
import torch

from fakemamba.bench import backends
from fakemamba.bench.job import Job
from fakemamba.bench.tasks import task
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.config import EncoderConfig, ModelConfig, XlsrConfig
from fakemamba.errors import ConfigError
from fakemamba.models import build
from fakemamba.torch_scorer import check_bf16

CONFIG = ModelConfig(
    frontend=XlsrConfig(width=32, layers=2, heads=4, ffn=64, conv_channels=(16,) * 7, positional_kernel=8),
    width=16,
    encoder=EncoderConfig(depth=1),
)


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def _bf16():
    try:
        check_bf16(torch.device("cpu"))
    except ConfigError as error:
        pytest.skip(str(error))


def scores(place: Path, backend: str, **job) -> list[float]:
    found = Job(backend=backend, device="cpu", threads=1, batch=2, **job)
    return task(found, place).prepare(1.0)()


@pytest.mark.usefixtures("_bf16")
def test_a_model_in_bf16_is_near_float32_and_not_the_same(tmp_path):
    torch.manual_seed(0)
    save_system(tmp_path / "model", build(CONFIG).eval(), CONFIG)
    model = {"model": str(tmp_path / "model"), "how": "pass"}
    plain, found = (scores(tmp_path, name, **model) for name in ("torch", "torch-bf16"))
    assert found == pytest.approx(plain, abs=2e-2)
    assert found != plain


@pytest.mark.usefixtures("_bf16")
@pytest.mark.parametrize("whole", [False, True])
def test_an_encoder_in_bf16_too(tmp_path, whole):
    job = {"config": CONFIG, "how": "encoder", "whole": whole}
    plain, found = (scores(tmp_path, name, **job) for name in ("torch", "torch-bf16"))
    assert found == pytest.approx(plain, abs=2e-2)
    assert found != plain


def test_where_there_is_none_it_is_left_out(monkeypatch):
    monkeypatch.setattr(backends, "features", lambda: {"bf16": False})
    reasons = {
        name: backends.lacking(backends.backend(name), scans=True, device="cpu") for name in ("torch", "torch-bf16")
    }
    assert reasons == {"torch": None, "torch-bf16": "this processor has no bf16: it would only be slower"}
