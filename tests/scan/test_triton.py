"""The GPU's kernels against the slow twin: on a GPU where there is one, else op by op in Triton's interpreter."""

import math
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fakemamba.scan import reference

pytest.importorskip("triton")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # tests/conftest.py sets it where there is no GPU
kernels = pytest.importorskip("fakemamba.scan.triton")

TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
DEVICES = [
    pytest.param("cpu", marks=pytest.mark.skipif(not INTERPRETED, reason="kernels are compiled for the GPU here")),
    pytest.param("cuda", marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(INTERPRETED or not torch.cuda.is_available(), reason="needs a GPU, and no TRITON_INTERPRET"),
    ]),
]  # fmt: skip
HERE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"


def normal(seed: int, dtype: torch.dtype):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def two(batch=2, D=6, N=5, L=13, dtype=torch.float32, seed=0) -> dict[str, Tensor]:
    """Inputs of a `bidirectional_scan`; parameters stay in float32, as a mixer's do."""
    some, own = normal(seed, dtype), normal(seed + 1, torch.float32)
    return {
        "u": some(2, batch, D, L), "delta": some(2, batch, D, L) - 1, "A": -torch.exp(own(D, N)),
        "B": some(2, batch, N, L), "C": some(2, batch, N, L), "D": own(D), "z": some(batch, D, L),
        "delta_bias": own(D),
    }  # fmt: skip


def one(batch=2, D=6, N=5, L=13, groups=0, seed=0) -> dict[str, Tensor]:
    """Inputs of a `selective_scan`; `groups` 0 gives B and C without a group axis."""
    some, between = normal(seed, torch.float32), (batch, groups, N, L) if groups else (batch, N, L)
    return {
        "u": some(batch, D, L), "delta": some(batch, D, L) - 1, "A": -torch.exp(some(D, N)),
        "B": some(*between), "C": some(*between), "D": some(D), "z": some(batch, D, L),
        "delta_bias": some(D), "initial_state": some(batch, D, N),
    }  # fmt: skip


def results(scan, inputs: dict[str, Tensor], device: str, **options) -> dict[str, Tensor]:
    """What a scan returns and every gradient of a weighted sum of it."""
    leaves = {key: value.to(device, copy=True).requires_grad_() for key, value in inputs.items()}
    found = scan(**leaves, **options)
    y, *last = found if isinstance(found, tuple) else (found,)
    weights = normal(7, torch.float64)
    sum((t * weights(*t.shape).to(device)).sum() for t in (y, *last)).backward()
    states = {"last": last[0]} if last else {}
    return {"y": y} | states | {f"grad/{key}": leaf.grad for key, leaf in leaves.items()}


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference in units of the largest value of `b`."""
    a, b = a.detach().double().cpu(), b.detach().double().cpu()
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-30))


def compare(name: str, inputs: dict[str, Tensor], device: str = HERE, limit: float = 1e-5, **options) -> None:
    found = results(getattr(kernels, name), inputs, device, **options)
    wanted = results(getattr(reference, name), inputs, device, **options)
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype, key
        assert found[key].shape == value.shape, key
        assert gap(found[key], value) < limit, key


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_both_directions_equal_the_slow_twin(device: str, dtype: torch.dtype):
    lengths = torch.tensor([33, 1, 16, 0], device=device)
    inputs = two(batch=4, D=7, L=33, dtype=dtype)
    compare("bidirectional_scan", inputs, device, TOLERANCE[dtype], lengths=lengths)


SHAPES = [dict(batch=1, D=1, N=1, L=1), dict(L=2), dict(L=3, N=16), dict(L=8), dict(L=5, D=33, N=17), dict(L=16, D=16)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_directions_at_any_size(shape: dict):
    compare("bidirectional_scan", two(**shape))


@pytest.mark.parametrize("device", DEVICES)
def test_a_longer_clip(device: str):
    compare("bidirectional_scan", two(batch=1, D=3, N=16, L=150), device)


@pytest.mark.parametrize("width", [32, 16, 8])
def test_blocks_of_any_width(width: int, monkeypatch):
    monkeypatch.setattr(kernels, "WIDTHS", (width,))
    compare("bidirectional_scan", two(batch=1, D=35, N=16, L=5))


def test_step_sizes_without_the_softplus():
    inputs = two()
    inputs["delta"], inputs["delta_bias"] = inputs["delta"].abs(), inputs["delta_bias"].abs()
    compare("bidirectional_scan", inputs, delta_softplus=False)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("groups", [0, 1, 3])
def test_one_direction_with_everything(groups: int, device: str):
    inputs = one(groups=groups, L=11)
    compare("selective_scan", inputs, device, delta_softplus=True, return_last_state=True)


def test_groups_wider_than_a_block_and_not_filling_one():
    compare("selective_scan", one(batch=1, D=68, N=3, L=4, groups=2), delta_softplus=True, return_last_state=True)


def test_groups_of_one_of_B_and_C_alone():
    compare("selective_scan", one(groups=3) | {"C": one(groups=0)["C"]}, delta_softplus=True, return_last_state=True)


@pytest.mark.parametrize("left_out", ["D", "z", "delta_bias", "initial_state"])
def test_one_direction_without_one_of_what_is_optional(left_out: str):
    inputs = one(L=9)
    del inputs[left_out]
    compare("selective_scan", inputs, delta_softplus=True)


def test_one_direction_with_nothing_more_than_needed():
    inputs = one(L=40)
    inputs = {key: inputs[key].abs() if key == "delta" else inputs[key] for key in ("u", "delta", "A", "B", "C")}
    compare("selective_scan", inputs)


@settings(max_examples=5)
@given(
    batch=st.integers(1, 2), D=st.integers(1, 40), N=st.integers(1, 18), L=st.integers(1, 17), seed=st.integers(0, 99),
    data=st.data(),
)  # fmt: skip
def test_random_shapes_and_lengths(batch, D, N, L, seed, data):
    lengths = data.draw(st.none() | st.lists(st.integers(0, L), min_size=batch, max_size=batch).map(torch.tensor))
    lengths = None if lengths is None else lengths.to(HERE)
    compare("bidirectional_scan", two(batch, D, N, L, seed=seed), limit=2e-5, lengths=lengths)


@pytest.mark.parametrize("device", DEVICES)
def test_padding_may_hold_anything_and_what_was_in_memory_never_shows(device: str, monkeypatch):
    inputs, lengths = two(batch=3, L=20), torch.tensor([20, 7, 1], device=device)
    padded = torch.arange(20) >= lengths.cpu()[:, None]
    clean = {key: value.clone() for key, value in inputs.items()}
    for key in ("u", "delta", "B", "C", "z"):
        inputs[key].masked_fill_(padded[:, None], math.nan)
        clean[key].masked_fill_(padded[:, None], 0.0)
    wanted = results(reference.bidirectional_scan, clean, device, lengths=lengths)
    poison(monkeypatch)
    found = results(kernels.bidirectional_scan, inputs, device, lengths=lengths)
    assert not found["y"].cpu().masked_select(padded[:, None]).any()
    for key, value in wanted.items():
        assert gap(found[key], value) < 1e-5, key


@pytest.mark.parametrize("gated", [True, False])
def test_one_direction_in_memory_that_holds_something_else(gated: bool, monkeypatch):
    inputs = one(L=11)
    if not gated:
        del inputs["z"]
    poison(monkeypatch)
    compare("selective_scan", inputs, delta_softplus=True, return_last_state=True)


def poison(monkeypatch) -> None:
    """Memory that was not written holds NaN."""
    monkeypatch.setattr(kernels, "_room", lambda like, *shape: like.new_full(shape, math.nan))


def test_inputs_in_any_order_in_memory():
    def scattered(u, z, **rest):
        u, z = u.repeat_interleave(2, dim=-1)[..., ::2], torch.cat([z, z], dim=1)[:, :6]
        rest = {key: t.transpose(-1, -2).contiguous().transpose(-1, -2) for key, t in rest.items() if t.dim() > 1} | {
            key: torch.stack([t, t], dim=1)[:, 0] for key, t in rest.items() if t.dim() == 1
        }
        assert not any(t.is_contiguous() for t in (u, z, *rest.values()))
        return kernels.bidirectional_scan(u=u, z=z, **rest)

    inputs = two(L=9)
    wanted = results(kernels.bidirectional_scan, inputs, HERE)
    for key, value in results(scattered, inputs, HERE).items():
        assert torch.equal(value, wanted[key]), key


def test_extreme_steps_neither_overflow_nor_hide_nan():
    inputs = two()
    inputs["delta"] = inputs["delta"] * 1e4
    y = kernels.bidirectional_scan(**{key: value.to(HERE) for key, value in inputs.items()})
    assert gap(y, reference.bidirectional_scan(**inputs)) < 1e-5
    inputs["u"][0, 0, 0, 3] = math.nan
    y = kernels.bidirectional_scan(**{key: value.to(HERE) for key, value in inputs.items()})
    assert y[0, 0, 3:].isnan().any()
    assert not y[1].isnan().any()


def test_without_gradients_nothing_is_kept_for_them(monkeypatch):
    inputs = {key: value.to(HERE).requires_grad_() for key, value in two(L=9).items()}
    wanted, sizes, room = kernels.bidirectional_scan(**inputs), [], kernels._room
    monkeypatch.setattr(kernels, "_room", lambda like, *shape: sizes.append(shape) or room(like, *shape))
    with torch.no_grad():
        assert torch.equal(kernels.bidirectional_scan(**inputs), wanted)
    assert sizes == [(2, 9, 6), (4, 5, 6), (2, 9, 6)]  # result, last states, sums of the direction that comes first


@pytest.mark.parametrize(
    ("key", "shape"),
    [("delta", (2, 2, 6, 12)), ("A", (5, 5)), ("B", (2, 5, 13)), ("D", (5,)), ("z", (2, 6, 12)), ("lengths", (3,))],
)  # fmt: skip
def test_wrong_shapes_are_named(key: str, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=rf"bidirectional_scan: {key} must be"):
        kernels.bidirectional_scan(**two() | {key: torch.zeros(shape)})
