"""A layer by chunks equals the layer as a whole."""

import pytest
import torch

from fakemamba.models import long
from fakemamba.models.blocks import PnBiMamba
from fakemamba.models.long import over_chunks


@pytest.mark.parametrize("form", ["reference", "chunked", "cpu"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("frames", "size"), [(1, 4), (7, 1), (20, 20), (41, 20), (70, 33), (66, 2)])
def test_chunks_equal_the_whole(monkeypatch, form: str, bidirectional: bool, frames: int, size: int):
    if form == "cpu":
        pytest.importorskip("numba")
    monkeypatch.setenv("FAKEMAMBA_SCAN", form)
    torch.manual_seed(0)
    layer, x = PnBiMamba(16, bidirectional=bidirectional).eval(), torch.randn(2, frames, 16)
    with torch.inference_mode():
        torch.testing.assert_close(over_chunks(layer, x, size), layer(x), rtol=1e-4, atol=1e-5)


def test_long_clips_take_that_way_by_themselves(monkeypatch):
    layer, x = PnBiMamba(16).eval(), torch.randn(1, 50, 16)
    with torch.no_grad():
        whole = layer(x)
        monkeypatch.setattr(long, "CHUNK", 16)
        monkeypatch.setattr(long, "over_chunks", lambda layer, x: over_chunks(layer, x, 16))
        torch.testing.assert_close(layer(x), whole, rtol=1e-4, atol=1e-5)
