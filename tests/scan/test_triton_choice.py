"""When Triton's kernels are chosen, what is said where they cannot be, and that nothing is missed without Triton."""

import logging
import os
import sys

import pytest
import torch

import fakemamba.scan
from fakemamba.errors import ConfigError
from fakemamba.models.mamba import Mamba, both_ways
from fakemamba.scan import backend, bidirectional_scan, reference, selective_scan

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@pytest.fixture
def without_triton(monkeypatch):
    fakemamba.scan._usable.cache_clear()
    monkeypatch.setitem(sys.modules, "triton", None)  # as if it were not installed
    monkeypatch.delenv("FAKEMAMBA_SCAN", raising=False)
    yield
    fakemamba.scan._usable.cache_clear()


def inputs(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    return {
        "u": normal(2, 1, 3, 7), "delta": normal(2, 1, 3, 7), "A": -torch.exp(normal(3, 4)), "B": normal(2, 1, 4, 7),
        "C": normal(2, 1, 4, 7), "D": normal(3), "z": normal(1, 3, 7), "delta_bias": normal(3),
    }  # fmt: skip


def test_on_a_gpu_triton_comes_first_then_mamba_ssm_then_chunks(monkeypatch):
    monkeypatch.delenv("FAKEMAMBA_SCAN", raising=False)
    installed = {"triton", "mamba_ssm"}
    monkeypatch.setattr("fakemamba.scan._usable", installed.__contains__)
    assert backend("cuda") == "triton"
    assert backend("cpu") == backend("mps") == "chunked"
    installed.remove("triton")
    assert backend("cuda") == "mamba_ssm"
    monkeypatch.setenv("FAKEMAMBA_SCAN", "mamba_ssm")
    assert backend("cuda") == "mamba_ssm"
    monkeypatch.delenv("FAKEMAMBA_SCAN")
    installed.clear()
    assert backend("cuda") == "chunked"


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("word", ["triton", "mamba_ssm"])
def test_a_gpus_form_that_is_asked_for_by_name(word: str, gpu: bool, monkeypatch):
    monkeypatch.setattr("fakemamba.scan._usable", lambda package: True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("FAKEMAMBA_SCAN", word)
    assert backend("cuda") == word
    if gpu:
        assert backend("cpu") == "chunked"
    else:
        with pytest.raises(ConfigError, match=rf"FAKEMAMBA_SCAN={word}: it needs a GPU"):
            backend("cpu")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    if word == "triton":
        assert backend("cpu") == "triton"


def test_without_triton_everything_works_and_nothing_is_said(without_triton, caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    assert backend("cuda") in ("mamba_ssm", "chunked")
    assert fakemamba.scan._usable("triton") is False
    assert torch.allclose(bidirectional_scan(**inputs()), reference.bidirectional_scan(**inputs()), atol=1e-5)
    assert [record for record in caplog.records if "triton" in record.getMessage()] == []
    assert [warning for warning in recwarn if "triton" in str(warning.message)] == []


def test_without_triton_its_word_says_how_to_get_it(without_triton, monkeypatch):
    monkeypatch.setenv("FAKEMAMBA_SCAN", "triton")
    with pytest.raises(ConfigError, match=r"FAKEMAMBA_SCAN=triton: it is not installed: pip install triton"):
        backend("cuda")


def test_a_mixer_runs_on_the_kernels(monkeypatch):
    pytest.importorskip("triton")
    if not INTERPRETED:
        pytest.skip("kernels are compiled for the GPU here, and this runs on the CPU")
    torch.manual_seed(0)
    mixer, x, lengths = Mamba(16, state=4), torch.randn(2, 5, 16), torch.tensor([5, 3])
    found = {}
    for form in ("triton", "reference"):
        monkeypatch.setenv("FAKEMAMBA_SCAN", form)
        mixer.zero_grad()
        y = both_ways(mixer, x, lengths)
        (y.square().sum() + mixer(x).square().sum()).backward()
        found[form] = [y, *(weight.grad for weight in mixer.parameters())]
    for a, b in zip(*found.values(), strict=True):
        assert (a - b).abs().max() < 1e-5 * b.abs().max().clamp(min=1)


def test_double_precision_is_left_to_chunks(monkeypatch):
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv("FAKEMAMBA_SCAN", "triton")
    values = inputs(torch.float64)
    y = bidirectional_scan(**values)
    assert y.dtype == torch.float64
    assert torch.allclose(y, reference.bidirectional_scan(**values), rtol=1e-12)
    one = {key: value[0] if value.dim() == 4 else value for key, value in values.items()}
    assert torch.allclose(selective_scan(**one), reference.selective_scan(**one), rtol=1e-12)
