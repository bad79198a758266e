"""Both directions of the scan in one call: every form against the slow twin, which is checked by hand."""

import math

import pytest
import torch
from torch import Tensor

from fakemamba.scan import bidirectional_scan, reference

FORMS = ("reference", "chunked", "cpu")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}


@pytest.fixture(params=FORMS)
def form(request, monkeypatch) -> str:
    if request.param == "cpu":
        pytest.importorskip("numba")
    monkeypatch.setenv("FAKEMAMBA_SCAN", request.param)
    return request.param


def draw(batch=2, D=6, N=5, L=13, dtype=torch.float32, seed=0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    return {
        "u": normal(2, batch, D, L), "delta": normal(2, batch, D, L) - 1, "A": -torch.exp(normal(D, N)),
        "B": normal(2, batch, N, L), "C": normal(2, batch, N, L), "D": normal(D), "z": normal(batch, D, L),
        "delta_bias": normal(D),
    }  # fmt: skip


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference in units of the largest value of `b`."""
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-30))


def test_two_steps_by_hand(form: str):
    ones = torch.ones(2, 1, 1, 2)
    y = bidirectional_scan(
        torch.tensor([[[[2.0, 3.0]]], [[[4.0, 1.0]]]]), ones, torch.tensor([[-math.log(2.0)]]), 5 * ones, ones,
        torch.tensor([10.0]), torch.tensor([[[2.0, 3.0]]]), torch.zeros(1), delta_softplus=False,
    )  # fmt: skip
    # forwards h = 2*5, 10/2 + 3*5; backwards h_2 = 1*5, h_1 = 5/2 + 4*5; skips 10 * (2 + 4), 10 * (3 + 1)
    sums = [10 + 22.5 + 60, 20 + 5 + 40]
    gates = [2 / (1 + math.exp(-2)), 3 / (1 + math.exp(-3))]
    assert y.flatten().tolist() == pytest.approx([s * g for s, g in zip(sums, gates, strict=True)])


def results(scan, inputs: dict[str, Tensor], lengths: Tensor | None) -> dict[str, Tensor]:
    inputs = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    y = scan(**inputs, lengths=lengths)
    y.double().sin().sum().backward()
    return {"y": y} | {f"grad/{key}": value.grad for key, value in inputs.items()}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_every_form_equals_the_slow_twin(form: str, dtype: torch.dtype):
    inputs, lengths = draw(batch=3, L=70, dtype=dtype), torch.tensor([70, 1, 33])
    wanted = results(reference.bidirectional_scan, inputs, lengths)
    for key, value in results(bidirectional_scan, inputs, lengths).items():
        assert value.dtype == dtype
        assert gap(value, wanted[key]) < TOLERANCE[dtype], key


def test_padding_may_hold_anything_and_stays_empty(form: str):
    inputs, lengths = draw(batch=3, L=20), torch.tensor([20, 7, 1])
    padded = torch.arange(20) >= lengths[:, None]
    for key in ("u", "delta", "B", "C", "z"):
        inputs[key].masked_fill_(padded[:, None], math.nan)
    found = results(bidirectional_scan, inputs, lengths)
    assert all(value.isfinite().all() for value in found.values())
    assert not found["y"].masked_select(padded[:, None]).any()
    for row, length in enumerate(lengths.tolist()):
        alone = {
            key: value[..., row : row + 1, :, :length] if value.dim() > 2 else value for key, value in inputs.items()
        }
        assert gap(found["y"][row : row + 1, :, :length], reference.bidirectional_scan(**alone)) < 1e-5


def test_lengths_past_the_end_or_before_the_start_reach_no_other_memory(form: str):
    inputs = draw(batch=3, L=40)
    found = results(bidirectional_scan, inputs, torch.tensor([45, 2**40, -3]))
    wanted = results(reference.bidirectional_scan, inputs, torch.tensor([40, 40, 0]))
    for key, value in wanted.items():
        assert gap(found[key], value) < TOLERANCE[torch.float32], key


@pytest.mark.parametrize(
    ("key", "shape"),
    [("delta", (2, 2, 6, 12)), ("A", (5, 5)), ("B", (2, 5, 13)), ("C", (2, 2, 4, 13)), ("D", (5,)), ("z", (2, 6, 12)),
     ("delta_bias", (6, 1)), ("lengths", (3,)), ("u", (2, 6, 13))],
)  # fmt: skip
def test_wrong_shapes_are_named(form: str, key: str, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=rf"bidirectional_scan: {key} must be"):
        bidirectional_scan(**draw() | {key: torch.zeros(shape)})
