"""The vectors that the compiled loops are written with, and their functions, against NumPy."""

import numpy as np
import pytest
import torch

numba = pytest.importorskip("numba")

from fakemamba.scan.cpu_maths import exp, exp2, log1p, sigmoid, softplus  # noqa: E402
from fakemamba.scan.lanes import LANES, at_least, fill, fma, load, store, total  # noqa: E402

# Largest relative error.
TOLERANCE = {np.float32: 5e-7, np.float64: 1e-15}


@numba.njit(error_model="numpy", fastmath={"contract", "nsz"})
def functions(x, y):
    for i in range(0, x.size, LANES):
        v = load(x, i)
        store(y[0], i, exp(v))
        store(y[1], i, log1p(at_least(v, 0.0 - v) / 800.0))
        store(y[2], i, sigmoid(v))
        store(y[3], i, softplus(v))
        store(y[4], i, exp2(v))


@pytest.mark.parametrize(("kind", "reach"), [(np.float32, 87), (np.float64, 708)])
def test_functions_are_accurate_over_their_range(kind, reach):
    x = np.linspace(-reach, reach, LANES * 501).astype(kind)
    found = np.full((5, x.size), np.nan, kind)
    functions(x, found)
    exact = x.astype(np.longdouble)
    wanted = [
        np.exp(exact), np.log1p(np.abs(exact) / 800), 1 / (1 + np.exp(-exact)), np.logaddexp(0, exact), np.exp2(exact)
    ]  # fmt: skip
    for name, values, right in zip(("exp", "log1p", "sigmoid", "softplus", "exp2"), found, wanted, strict=True):
        assert np.abs(values / right - 1).max() < TOLERANCE[kind], name


def test_functions_pass_nan_and_hold_at_the_ends():
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0, 1, -1] * 2, np.float32)
    y = np.zeros((5, LANES), np.float32)
    functions(x, y)
    assert np.isnan(y[:, 0]).all()
    assert y[0, 1] > 1e38
    assert 0 <= y[0, 2] < 2e-38
    assert y[2, 1:5].tolist() == pytest.approx([1, 0, 1, 0], abs=1e-37)
    assert y[3, 1:5].tolist() == [np.inf, pytest.approx(0, abs=2e-38), np.float32(1e30), pytest.approx(0, abs=2e-38)]


@numba.njit
def arithmetic(x, y):
    a, b = load(x, 0), load(x, LANES)
    for row, v in enumerate((a + b, a - b, a * b, a / b, fma(a, b, 1.0), at_least(a, b), fill(x, 7), 2.0 - a)):
        store(y[row], 0, v)
    return total(a)


@pytest.mark.parametrize("kind", TOLERANCE)
def test_arithmetic_is_by_lanes(kind):
    x = np.random.default_rng(0).normal(size=2 * LANES).astype(kind)
    y = np.full((8, LANES), np.nan, kind)
    summed = arithmetic(x, y)
    a, b = x[:LANES], x[LANES:]
    wanted = [a + b, a - b, a * b, a / b, a * b + 1, np.maximum(a, b), np.full(LANES, 7), 2 - a]
    np.testing.assert_allclose(y, wanted, rtol=1e-5 if kind == np.float32 else 1e-13)
    assert summed == pytest.approx(a.sum(), rel=1e-5)


@numba.njit
def copy(x, y):
    for i in range(0, x.size, LANES):
        store(y, i, load(x, i))


def test_bfloat16_is_read_and_written_as_torch_does():
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(-(2**31), 2**31 - 1, (64 * LANES,), generator=generator, dtype=torch.int32)
    whole = torch.cat([bits.view(torch.float32), torch.tensor([float("nan"), float("inf"), -0.0, 3.4e38] * 4)])
    half = np.zeros(whole.shape, np.uint16)
    copy(whole.numpy(), half)
    wanted, found = whole.bfloat16(), torch.from_numpy(half).view(torch.bfloat16)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)
    back = np.zeros(whole.shape, np.float32)
    copy(half, back)
    torch.testing.assert_close(torch.from_numpy(back), found.float(), rtol=0, atol=0, equal_nan=True)
