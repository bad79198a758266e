"""The forms of the scan against golden tensors, against each other, and at the edges of their inputs."""

import importlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from conftest import shared
from fakemamba.errors import ConfigError, MissingExtraError
from fakemamba.scan import backend, chunked, reference, selective_scan

FORMS = ("reference", "chunked", "cpu")
# Largest difference in units of the largest value.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float64: 1e-12}
NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


def form(name: str):
    if name == "cpu":
        pytest.importorskip("numba")
    return importlib.import_module(f"fakemamba.scan.{name}").selective_scan


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference in units of the largest value of `b`."""
    a, b = a.detach(), b.detach()
    return float((a.double() - b.double()).abs().max() / b.double().abs().max().clamp(min=1e-30))


def draw(batch=2, D=6, N=5, L=13, groups=0, dtype=torch.float32, seed=0) -> dict[str, Tensor]:
    """Random inputs; `groups` 0 gives B and C without a group axis."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    between = (batch, groups, N, L) if groups else (batch, N, L)
    return {
        "u": normal(batch, D, L), "delta": normal(batch, D, L) - 1, "A": -torch.exp(normal(D, N)),
        "B": normal(*between), "C": normal(*between), "D": normal(D), "z": normal(batch, D, L),
        "delta_bias": normal(D), "initial_state": normal(batch, D, N),
    }  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("file", ["selective_scan_a.npz", "selective_scan_b.npz"])
def test_golden_values_and_gradients(file: str, name: str):
    with np.load(shared("parity") / file) as stored:
        soft = json.loads(bytes(stored["meta"]))["delta_softplus"]
        golden = {key: torch.from_numpy(stored[key]) for key in stored.files if key != "meta"}
    inputs = {key: golden[key].clone().requires_grad_() for key in NAMES}
    y, last = form(name)(**inputs, delta_softplus=soft, return_last_state=True)
    (y * golden["cotangent"]).sum().backward()
    tolerance = TOLERANCE[torch.float32]
    assert gap(y, golden["y"]) < tolerance
    assert gap(last, golden["last_state"]) < tolerance
    for key, value in inputs.items():
        assert gap(value.grad, golden[f"grad/{key}"]) < tolerance, key


@pytest.mark.parametrize("name", FORMS)
def test_golden_values_in_bfloat16(name: str):
    with np.load(shared("parity") / "selective_scan_b.npz") as stored:
        golden = {key: torch.from_numpy(stored[key]) for key in (*NAMES, "y")}
    sequences = {key: golden[key].bfloat16() for key in ("u", "delta", "B", "C", "z")}
    y = form(name)(**{key: golden[key] for key in NAMES} | sequences, delta_softplus=True)
    assert y.dtype == torch.bfloat16
    assert gap(y, golden["y"]) < TOLERANCE[torch.bfloat16]


@pytest.mark.parametrize("name", FORMS)
def test_two_steps_by_hand(name: str):
    one, state = torch.ones(1, 1, 2), torch.full((1, 1, 1), 4.0)
    u = torch.tensor([[[2.0, 3.0]]])
    y, last = form(name)(
        u, one, torch.tensor([[-math.log(2.0)]]), one * 5, one, initial_state=state, return_last_state=True
    )
    # h_1 = 4 / 2 + 1 * 2 * 5 = 12, h_2 = 12 / 2 + 1 * 3 * 5 = 21
    assert y.flatten().tolist() == pytest.approx([12.0, 21.0])
    assert last.item() == pytest.approx(21.0)


SHAPES = [
    dict(batch=1, D=1, N=1, L=1),
    dict(batch=2, D=6, N=5, L=67, groups=2),
    dict(batch=1, D=34, N=17, L=3, groups=1),
    dict(batch=3, D=4, N=16, L=64, groups=4),
    dict(batch=1, D=2, N=33, L=129),
]


@pytest.mark.parametrize("name", ["chunked", "cpu"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("plain", [False, True], ids=["everything", "u-delta-A-B-C only"])
def test_every_form_equals_the_reference(shape: dict, name: str, plain: bool):
    inputs = draw(**shape, dtype=torch.float64)
    if plain:
        inputs = {key: inputs[key].abs() if key == "delta" else inputs[key] for key in ("u", "delta", "A", "B", "C")}
    found = _outputs_and_gradients(form(name), inputs, soft=not plain)
    wanted = _outputs_and_gradients(reference.selective_scan, inputs, soft=not plain)
    for key, value in wanted.items():
        assert found[key].shape == value.shape, key
        assert gap(found[key], value) < TOLERANCE[torch.float64], key


def _outputs_and_gradients(scan, inputs: dict[str, Tensor], *, soft: bool) -> dict[str, Tensor]:
    inputs = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    y, last = scan(**inputs, delta_softplus=soft, return_last_state=True)
    (y.sin().sum() + last.cos().sum()).backward()
    return {"y": y, "last": last} | {f"grad/{key}": value.grad for key, value in inputs.items()}


@pytest.mark.parametrize("name", FORMS)
def test_gradients_by_finite_differences(name: str):
    scan = form(name)
    inputs = draw(batch=2, D=4, N=3, L=5, groups=2, dtype=torch.float64)

    def run(*values: Tensor):
        return scan(**dict(zip(inputs, values, strict=True)), delta_softplus=True, return_last_state=True)

    assert torch.autograd.gradcheck(run, [value.requires_grad_() for value in inputs.values()], fast_mode=True)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3), per_group=st.integers(1, 35), groups=st.integers(1, 3), N=st.integers(1, 18),
    L=st.integers(1, 140), cut=st.floats(0, 1), seed=st.integers(0, 99),
)  # fmt: skip
def test_carrying_the_state_over_a_cut_changes_nothing(batch, per_group, groups, N, L, cut, seed):
    inputs = draw(batch, per_group * groups, N, L, groups, seed=seed)
    whole, last = selective_scan(**inputs, delta_softplus=True, return_last_state=True)
    at = round(cut * (L - 2)) + 1 if L > 1 else 1
    state, parts = inputs.pop("initial_state"), []
    for span in (slice(0, at), slice(at, L)):
        if span.start < L:
            part = {key: value[..., span] if value.shape[-1] == L and value.dim() > 2 else value
                    for key, value in inputs.items()}  # fmt: skip
            y, state = selective_scan(**part, delta_softplus=True, initial_state=state, return_last_state=True)
            parts.append(y)
    assert gap(torch.cat(parts, dim=2), whole) < 1e-5
    assert gap(state, last) < 1e-5


def test_chunks_of_other_devices_equal_the_steps_of_the_cpu(monkeypatch):
    inputs = draw(D=8, N=4, L=100)
    wanted = _outputs_and_gradients(chunked.selective_scan, inputs, soft=True)
    monkeypatch.setattr(chunked, "STEPWISE", set())
    monkeypatch.setattr(chunked, "WORKING_SET", 2048)  # segments of two chunks, and a rest
    found = _outputs_and_gradients(chunked.selective_scan, inputs, soft=True)
    for key, value in wanted.items():
        assert gap(found[key], value) < 1e-5, key


@pytest.mark.parametrize("name", FORMS)
def test_extreme_steps_neither_overflow_nor_hide_nan(name: str):
    inputs = draw(L=70)
    inputs["delta"] = inputs["delta"] * 1e4
    y = form(name)(**inputs, delta_softplus=True)
    assert gap(y, reference.selective_scan(**inputs, delta_softplus=True)) < 1e-5
    inputs["u"][0, 0, 3] = math.nan
    y = form(name)(**inputs, delta_softplus=True)
    assert y[0, 0, 3:].isnan().any()
    assert not y[1].isnan().any()


def test_the_compiled_form_gives_the_same_bits_on_any_number_of_threads():
    scan = form("cpu")
    inputs = draw(batch=4, D=72, N=16, L=120)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(_outputs_and_gradients(scan, inputs, soft=True))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for key in ("y", "last", "grad/B", "grad/C"):
            assert torch.equal(results[0][key], other[key]), key


def test_backend_follows_the_environment(monkeypatch):
    for wish in ("reference", "chunked"):
        monkeypatch.setenv("FAKEMAMBA_SCAN", wish)
        assert backend() == wish
    monkeypatch.setenv("FAKEMAMBA_SCAN", "fast")
    with pytest.raises(ConfigError, match="choose one of auto, reference, chunked, cpu"):
        backend()


def test_without_numba_torch_alone_scans(monkeypatch):
    monkeypatch.setattr("fakemamba.scan._usable", lambda package: False)
    monkeypatch.delenv("FAKEMAMBA_SCAN", raising=False)
    assert backend() == "chunked"
    assert backend("cuda") == "chunked"
    inputs = draw()
    assert gap(selective_scan(**inputs), reference.selective_scan(**inputs)) < 1e-5
    monkeypatch.setenv("FAKEMAMBA_SCAN", "cpu")
    with pytest.raises(MissingExtraError, match=r"fakemamba\[torch\]"):
        backend()


def test_a_broken_numba_is_done_without(tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 2.3 or less')\n")
    code = "import logging, fakemamba.scan as s; logging.basicConfig(level='INFO'); print(s.backend(), s.backend())"
    environment = {"PYTHONPATH": str(tmp_path), "FAKEMAMBA_SCAN": "auto"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == ["chunked", "chunked"]
    assert found.stderr.count("Numba needs NumPy 2.3 or less") == 1


def test_mamba_ssm_is_used_on_cuda_only_where_it_is_installed(monkeypatch):
    monkeypatch.delenv("FAKEMAMBA_SCAN", raising=False)
    monkeypatch.setattr("fakemamba.scan._usable", lambda package: package != "triton")
    assert backend("cuda") == "mamba_ssm"
    assert backend("cpu") == "cpu"
    assert backend("mps") == "chunked"


def test_importing_the_scan_loads_neither_torch_nor_numba():
    code = "import sys, fakemamba.scan; print([m for m in ('torch', 'numba') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    ("key", "shape"),
    [("delta", (2, 6, 12)), ("A", (5, 5)), ("B", (2, 4, 13)), ("C", (2, 4, 5, 13)), ("D", (5,)), ("z", (2, 6)),
     ("initial_state", (2, 6, 4)), ("u", (2, 6))],
)  # fmt: skip
def test_wrong_shapes_are_named(name: str, key: str, shape: tuple[int, ...]):
    inputs = draw() | {key: torch.zeros(shape)}
    with pytest.raises(ValueError, match=rf"selective_scan: {key} must be"):
        form(name)(**inputs)
