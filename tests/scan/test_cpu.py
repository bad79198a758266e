"""The compiled scans, one and two directions, against the step-by-step ones: whatever is asked for, however it lies.

Where inputs are drawn the chunked form, which serves where nothing is compiled, must pass too.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fakemamba.scan import chunked, halves, reference, threads
from fakemamba.scan.shapes import compute_dtype

pytest.importorskip("numba")
from fakemamba.scan import cpu

# Largest difference in units of the largest value.
# In float32 a state that grows for a hundred steps loses digits in any order; in float64 the same code is exact.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-4, torch.bfloat16: 2e-2, torch.float16: 3e-3}
SUMS = ("grad/A", "grad/D", "grad/delta_bias")
OPTIONAL = ("D", "z", "delta_bias", "initial_state")


def lay(t: Tensor, layout: str) -> Tensor:
    """The same values elsewhere in memory."""
    if layout == "turned":
        return t.transpose(-1, -2).contiguous().transpose(-1, -2) if t.dim() > 1 else t
    if layout == "spread":  # every second of a longer row, not from its start
        wide = t.new_full((*t.shape[:-1], 2 * t.shape[-1] + 1), math.nan)
        wide[..., 1::2] = t
        return wide[..., 1::2]
    if layout == "repeated":  # one row that stands for all
        return t[:1].expand_as(t)
    return t


LAYOUTS = st.sampled_from(["plain", "turned", "spread", "repeated"])


def both(batch: int, D: int, N: int, L: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> dict[str, Tensor]:
    """Inputs of `bidirectional_scan`."""
    normal = normals(seed, dtype)
    return {
        "u": normal(2, batch, D, L), "delta": normal(2, batch, D, L) - 1, "A": -torch.exp(normal(D, N)),
        "B": normal(2, batch, N, L), "C": normal(2, batch, N, L), "D": normal(D), "z": normal(batch, D, L),
        "delta_bias": normal(D),
    }  # fmt: skip


def one(batch: int, D: int, N: int, L: int, groups: int, dtype: torch.dtype, seed: int) -> dict[str, Tensor]:
    """Inputs of `selective_scan`."""
    normal, between = normals(seed, dtype), (batch, groups, N, L) if groups > 1 else (batch, N, L)
    return {
        "u": normal(batch, D, L), "delta": normal(batch, D, L) - 1, "A": -torch.exp(normal(D, N)),
        "B": normal(*between), "C": normal(*between), "D": normal(D), "z": normal(batch, D, L),
        "delta_bias": normal(D), "initial_state": normal(batch, D, N),
    }  # fmt: skip


def normals(seed: int, dtype: torch.dtype):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def gap(a: Tensor, b: Tensor, floor: float = 1e-3) -> float:
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).abs().max() / b.abs().max().clamp(min=floor)) if a.numel() else 0.0


def learned(scan, inputs: dict[str, Tensor], learning: set[str], **options) -> dict[str, Tensor]:
    """What comes out, and the gradients of those that learn, for a loss that weighs every number in its own way."""
    inputs = {key: value.detach().requires_grad_(key in learning) for key, value in inputs.items()}
    out = scan(**inputs, **options)
    results = dict(zip(("y", "last"), out if isinstance(out, tuple) else (out,), strict=False))
    if learning:
        weigh = normals(1, torch.bfloat16)  # no type rounds these
        sum((weigh(*value.shape).double() * value).sum() for value in results.values()).backward()
    assert all(inputs[key].grad is None for key in inputs.keys() - learning)
    return results | {f"grad/{key}": inputs[key].grad for key in learning}


def assert_near(scan, trusted, inputs: dict[str, Tensor], learning: set[str], **options) -> None:
    """`scan` gives what `trusted` does in float64, y and the gradients in the type of what they belong to."""
    found = learned(scan, inputs, learning, **options)
    wanted = learned(trusted, {key: value.double() for key, value in inputs.items()}, learning, **options)
    assert found.keys() == wanted.keys()
    kind = inputs["u"].dtype
    for key, value in wanted.items():
        assert found[key].shape == value.shape, key
        own = inputs.get(key.removeprefix("grad/"), inputs["u"]).dtype
        assert found[key].dtype == (compute_dtype(inputs["u"]) if key == "last" else own), key
        assert found[key].isfinite().all(), key
        # Single numbers may cancel where they are sums over all frames, not all that these could have come to.
        floor = wanted["y"][:, 0].numel() ** 0.5 if key in SUMS else 1e-3
        assert gap(found[key], value, floor) < max(TOLERANCE[kind], TOLERANCE[own]), key


def by_chunks(*inputs, **options) -> Tensor:
    return halves.bidirectional_scan(chunked.selective_scan, *inputs, **options)


def lain(draw, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same somewhere else, and parameters as float32 beside sequences of any type, as a mixer's may be."""
    if draw(st.booleans(), label="parameters in float32"):
        inputs |= {key: inputs[key].float() for key in ("A", "D", "delta_bias") if key in inputs}
    return {key: lay(value, draw(LAYOUTS, label=key)) for key, value in inputs.items()}


@pytest.mark.parametrize("scan", [cpu.bidirectional_scan, by_chunks], ids=["cpu", "chunked"])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_directions_equal_the_reference(scan, data):
    draw = data.draw
    dtype = draw(st.sampled_from([torch.float32, torch.float32, *TOLERANCE]))
    batch, L = draw(st.integers(1, 3)), draw(st.integers(1, 100))
    D, N = draw(st.sampled_from([1, 3, 16, 17, 32, 160])), draw(st.integers(1, 18))
    inputs = both(batch, D, N, L, dtype, draw(st.integers(0, 99)))
    learning = draw(st.sets(st.sampled_from([*inputs])))
    inputs = lain(draw, inputs)
    lengths = draw(st.none() | st.lists(st.integers(0, L + 2), min_size=batch, max_size=batch).map(torch.tensor))
    options = {"lengths": lengths, "delta_softplus": draw(st.booleans())}
    if not options["delta_softplus"]:
        inputs["delta"] = inputs["delta"].abs() / 2
        inputs["delta_bias"] = inputs["delta_bias"].abs() / 2
    assert_near(scan, reference.bidirectional_scan, inputs, learning, **options)


@pytest.mark.parametrize("scan", [cpu.selective_scan, chunked.selective_scan], ids=["cpu", "chunked"])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_direction_equals_the_reference(scan, data):
    draw = data.draw
    dtype, groups = draw(st.sampled_from([torch.float32, torch.float32, *TOLERANCE])), draw(st.integers(1, 3))
    batch, L, N = draw(st.integers(1, 3)), draw(st.integers(1, 100)), draw(st.integers(1, 18))
    D = groups * draw(st.sampled_from([1, 3, 16, 17, 32, 160]))
    inputs = one(batch, D, N, L, groups, dtype, draw(st.integers(0, 99)))
    for key in draw(st.sets(st.sampled_from(OPTIONAL))):
        del inputs[key]
    learning = draw(st.sets(st.sampled_from([*inputs])))
    inputs = lain(draw, inputs)
    options = {"delta_softplus": True, "return_last_state": draw(st.booleans())}
    assert_near(scan, reference.selective_scan, inputs, learning, **options)


@pytest.mark.parametrize("length", [1, 31, 32, 33, 1000, 4097, 30_000])
def test_both_directions_over_short_and_long_clips(length: int):
    inputs = both(2, 16, 4, length)
    lengths = torch.tensor([length, length // 2 + 1])
    assert_near(cpu.bidirectional_scan, by_chunks, inputs, {*inputs}, lengths=lengths)


@pytest.mark.parametrize("length", [33, 30_000])
def test_bfloat16_is_read_and_written_as_it_is_stored(length: int, kernels):
    inputs = {key: value.bfloat16() for key, value in both(1, 16, 4, length).items()}
    with torch.no_grad():
        found = cpu.bidirectional_scan(**inputs)
        wanted = by_chunks(**{key: value.double() for key, value in inputs.items()})
    stored = [t.dtype for t in kernels[0]["tensors"]]
    assert [stored[i] for i in (1, 2, 7, 12)] == 4 * [torch.bfloat16]  # u, delta, z, out
    assert found.dtype == torch.bfloat16
    assert gap(found, wanted) < TOLERANCE[torch.bfloat16]


@pytest.fixture
def kernels(monkeypatch) -> list[dict]:
    """The compiled loops that are called, with what they are given."""
    called = []

    def run(kernel, tasks, work, settings, tensors):
        called.append({"name": kernel.__name__, "settings": settings, "tensors": tensors})
        threads.run(kernel, tasks, work, settings, tensors)

    monkeypatch.setattr(cpu, "run", run)
    return called


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_nothing_is_kept_for_gradients_that_are_not_wanted(off, kernels):
    inputs = {key: value.requires_grad_() for key, value in both(2, 16, 4, 70).items()}
    with off():
        quiet = cpu.bidirectional_scan(**inputs)
    free = cpu.bidirectional_scan(**{key: value.detach() for key, value in inputs.items()})
    loud = cpu.bidirectional_scan(**inputs)
    kept = [sum(t.numel() for t in call["tensors"][10:12]) for call in kernels]  # marks, sums
    assert kept[:2] == [0, 0]
    assert kept[2] > 0
    assert quiet.grad_fn is None
    assert free.grad_fn is None
    assert torch.equal(quiet, loud)
    assert torch.equal(free, loud)


@pytest.fixture
def poisoned(monkeypatch) -> list[str]:
    """New memory holds NaN, so that whatever is left unwritten shows."""
    made = []

    def poison(owner, name: str) -> None:
        plain = getattr(owner, name)

        def empty(*args, **options):
            made.append(name)
            return plain(*args, **options).fill_(math.nan)

        monkeypatch.setattr(owner, name, empty)

    for owner, name in ((torch, "empty"), (torch, "empty_like"), (torch.Tensor, "new_empty")):
        poison(owner, name)
    return made


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("D", [5, 32, 160])
@pytest.mark.parametrize("L", [1, 32, 77])
def test_both_directions_write_all_that_is_read(dtype: torch.dtype, D: int, L: int, poisoned):
    inputs, lengths = both(3, D, 4, L, dtype), torch.tensor([L, L // 2, 0])
    padded = (torch.arange(L) >= lengths[:, None])[:, None]
    inputs |= {key: inputs[key].masked_fill(padded, math.nan) for key in ("u", "delta", "B", "C", "z")}
    for learning in ({*inputs}, set()):
        poisoned.clear()
        assert_near(cpu.bidirectional_scan, reference.bidirectional_scan, inputs, learning, lengths=lengths)
        assert "new_empty" in poisoned
        assert ("empty_like" in poisoned) == bool(learning)


@pytest.mark.parametrize("without", [(), OPTIONAL], ids=["everything", "u-delta-A-B-C only"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("L", [1, 77])
def test_one_direction_writes_all_that_is_read(without: tuple[str, ...], groups: int, L: int, poisoned):
    inputs = one(2, 34 * groups, 5, L, groups, torch.float32, 0)
    inputs = {key: value for key, value in inputs.items() if key not in without}
    options = {"delta_softplus": True, "return_last_state": True}
    for learning in ({*inputs}, set()):
        poisoned.clear()
        assert_near(cpu.selective_scan, reference.selective_scan, inputs, learning, **options)
        assert "new_empty" in poisoned


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    inputs, lengths = both(3, 176, 5, 90), torch.tensor([90, 41, 1])
    before, found = torch.get_num_threads(), []
    monkeypatch.setattr(threads, "WORTH_THREADS", 0)
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(learned(cpu.bidirectional_scan, inputs, {*inputs}, lengths=lengths))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        for key, value in found[0].items():
            assert torch.equal(other[key], value), key


def test_gradients_may_be_asked_for_twice():
    inputs = {key: value.requires_grad_() for key, value in both(2, 16, 4, 70).items()}
    loss = cpu.bidirectional_scan(**inputs).sin().sum()
    first = torch.autograd.grad(loss, [*inputs.values()], retain_graph=True)
    for value, again in zip(first, torch.autograd.grad(loss, [*inputs.values()]), strict=True):
        assert torch.equal(value, again)


def test_no_clips_are_no_error():
    inputs = both(0, 16, 4, 7)
    found = learned(cpu.bidirectional_scan, inputs, {*inputs})
    assert found["y"].shape == (0, 16, 7)
    assert not found["grad/A"].any()


def test_half_precisions_are_computed_in_float32():
    assert {kind: compute_dtype(torch.empty(0, dtype=kind)) for kind in TOLERANCE} == {
        torch.float64: torch.float64, torch.float32: torch.float32, torch.bfloat16: torch.float32,
        torch.float16: torch.float32,
    }  # fmt: skip
