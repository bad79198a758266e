"""The mixer's fused inside against the same mixer by torch and the reference scan."""

import pytest
import torch

from fakemamba.models import mamba
from fakemamba.models.blocks import PnBiMamba
from fakemamba.models.mamba import Mamba, both_ways, fused_mix
from fakemamba.models.products import linear
from fakemamba.scan import fuses

pytest.importorskip("numba")
# Largest difference in units of the largest value.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


@pytest.fixture
def _compiled(monkeypatch):
    monkeypatch.setenv("FAKEMAMBA_SCAN", "cpu")


def gap(a, b) -> float:
    return float((a.double() - b.double()).abs().max() / b.double().abs().max())


def block(width: int = 16, **options) -> PnBiMamba:
    torch.manual_seed(0)
    made = PnBiMamba(width, **options).eval()
    torch.nn.init.normal_(made.mamba.A_log)
    torch.nn.init.normal_(made.mamba.D)
    return made


def slowly(monkeypatch, call):
    with monkeypatch.context() as patch, torch.inference_mode():
        patch.setenv("FAKEMAMBA_SCAN", "reference")
        return call()


@pytest.mark.usefixtures("_compiled")
@pytest.mark.parametrize("frames", [1, 2, 3, 31, 32, 33, 65, 208])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_layer_equals_the_reference(monkeypatch, frames: int, bidirectional: bool):
    layer, x = block(bidirectional=bidirectional), torch.randn(2, frames, 16)
    with torch.inference_mode():
        assert fuses(x, 32)
        found = layer(x)
    assert gap(found, slowly(monkeypatch, lambda: layer(x))) < TOLERANCE[torch.float32]


@pytest.mark.usefixtures("_compiled")
def test_bfloat16_stays_near_float32(monkeypatch):
    layer, x = block(), torch.randn(2, 70, 16)
    wanted = slowly(monkeypatch, lambda: layer(x))
    with torch.inference_mode():
        found = layer.bfloat16()(x.bfloat16())
    assert found.dtype == torch.bfloat16
    assert gap(found, wanted) < TOLERANCE[torch.bfloat16]


@pytest.mark.usefixtures("_compiled")
def test_padding_may_hold_anything(monkeypatch):
    layer, x, lengths = block(), torch.randn(3, 70, 16), torch.tensor([70, 2, 33])
    for row, length in zip(x, lengths, strict=True):
        row[length:] = float("nan")
    with torch.inference_mode():
        found = both_ways(layer.mamba, x, lengths)
    for row, own, length in zip(found, x, lengths.tolist(), strict=True):
        alone = slowly(monkeypatch, lambda own=own, n=length: both_ways(layer.mamba, own[None, :n], None)[0])
        assert gap(row[:length], alone) < 1e-5
        assert not row[length:].any()


@pytest.mark.usefixtures("_compiled")
def test_what_is_not_fused(monkeypatch):
    x = torch.randn(1, 5, 16)
    assert not fuses(x, 32)  # gradients are wanted
    with torch.no_grad():
        assert fuses(x, 32)
        assert not fuses(x, 36)
        assert not fuses(x.double(), 32)
        monkeypatch.setenv("FAKEMAMBA_SCAN", "chunked")
        assert not fuses(x, 32)


@pytest.mark.usefixtures("_compiled")
def test_states_carry_both_directions_over_cuts():
    mixer, T, cut = block().mamba, 90, 37
    reach = mixer.conv1d.kernel_size[0] - 1
    xz = torch.randn(2, T, 64)
    with torch.inference_mode():
        whole, last = fused_mix(mixer, xz)
        _, entering = fused_mix(mixer, xz[:, cut - reach :], halo=(reach, 0), ways=(1, 2))
        zero = torch.zeros_like(entering)
        left, states = fused_mix(mixer, xz[:, : cut + reach], halo=(0, reach), states=torch.cat([zero, entering]))
        forwards = torch.cat([states[:2], zero])
        right, states = fused_mix(mixer, xz[:, cut - reach :], halo=(reach, 0), states=forwards)
    assert gap(torch.cat([left, right], 1), whole) < 1e-5
    assert gap(states[:2], last[:2]) < 1e-5


@pytest.mark.usefixtures("_compiled")
def test_nothing_that_is_read_was_left_unwritten(monkeypatch):
    mixer, xz, lengths = block().mamba, torch.randn(2, 67, 64), torch.tensor([67, 40])
    with torch.inference_mode():
        wanted = fused_mix(mixer, xz, lengths=lengths)[0]
        empty = torch.Tensor.new_empty
        monkeypatch.setattr(
            torch.Tensor, "new_empty", lambda t, *size, **more: empty(t, *size, **more).fill_(torch.nan)
        )
        assert torch.equal(fused_mix(mixer, xz, lengths=lengths)[0], wanted)


def test_products_equal_torch():
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 7, 9), torch.randn(5, 9), torch.randn(5)
    with torch.no_grad():
        for offset in (None, bias):
            torch.testing.assert_close(linear(x, weight, offset), torch.nn.functional.linear(x, weight, offset))
        wanted = torch.nn.functional.gelu(torch.nn.functional.linear(x, weight, bias))
        torch.testing.assert_close(linear(x, weight, bias, "gelu"), wanted)
    assert linear(x, weight.requires_grad_(), bias).requires_grad


def test_without_numba_a_layer_works_by_torch(monkeypatch):
    monkeypatch.delenv("FAKEMAMBA_SCAN", raising=False)
    monkeypatch.setattr("fakemamba.scan._usable", lambda package: False)
    monkeypatch.setattr(mamba, "fused_mix", None)
    layer, x = block(), torch.randn(1, 20, 16)
    with torch.inference_mode():
        found = layer(x)
    assert gap(found, slowly(monkeypatch, lambda: layer(x))) < 1e-5
    assert isinstance(layer.mamba, Mamba)
