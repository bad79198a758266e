"""Exponential, logistic and softplus for the compiled loops, written so that LLVM can vectorise them.

libm's functions would be called once per state and would cost more than the rest of the scan; float64, which
only tests use, does call them.

Numba's cache watches only the file of the function that it compiled: after a change here, touch cpu_kernels.py.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.extending import overload

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

F = np.float32
ZERO, HALF, ONE, TWO = F(0.0), F(0.5), F(1.0), F(2.0)
LOG2E = F(1.4426950408889634)
LN2 = F(0.6931471805599453)
# Outside of this range the result would leave the normal float32 numbers.
LOWEST, HIGHEST = F(-87.3), F(88.3)
# Taylor coefficients of e^r for |r| <= ln(2) / 2: the first one left out adds less than 6e-9.
E2, E3, E4, E5, E6, E7 = (F(1.0 / math.factorial(k)) for k in range(2, 8))
# artanh s = s + s^3 / 3 + s^5 / 5 + ... for s <= 1/3: the first one left out adds less than 4e-10.
T3, T5, T7, T9, T11, T13, T15 = (F(1.0 / k) for k in range(3, 17, 2))


def compiled(function: FunctionT) -> FunctionT:
    """Compile at first call, without the interpreter's lock; kept on disk where some folder is writable.

    The fast-math flags allow contraction into FMA and any order of sums; NaN and infinity keep their meaning.
    """
    fast = {"contract", "reassoc", "nsz", "arcp"}
    # The NumPy error model: a check for division by zero would keep a loop from being vectorised.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fast}
    try:
        return cast(FunctionT, njit(cache=True, **options)(function))
    except RuntimeError:  # numba found no place for its cache
        return cast(FunctionT, njit(**options)(function))


def exp32(x: Any) -> Any:
    """e^x = 2^k * e^r in float32, to 4e-7 relative at the far end, 1e-7 near zero."""
    x = min(max(x, LOWEST), HIGHEST)
    k = np.floor(x * LOG2E + HALF)
    r = x - k * LN2  # one fused operation, so that k * LN2 is not rounded by itself
    tail = ((((E7 * r + E6) * r + E5) * r + E4) * r + E3) * r + E2
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    return (tail * r * r + r + ONE) * power


def log1p32(x: Any) -> Any:
    """log(1 + x) = 2 artanh(x / (2 + x)) in float32 for 0 <= x <= 1."""
    s = x / (x + TWO)
    q = s * s
    tail = ((((((T15 * q + T13) * q + T11) * q + T9) * q + T7) * q + T5) * q + T3) * q
    return TWO * (s + s * tail)


def _exp64(x: Any) -> Any:
    return math.exp(x)


def _log1p64(x: Any) -> Any:
    return math.log1p(x)


def exp(x: Any) -> Any:
    """e^x by the argument's type; in Python (outside compiled code) libm's."""
    return math.exp(x)


def log1p(x: Any) -> Any:
    """log(1 + x), 0 <= x <= 1, by the argument's type; in Python libm's."""
    return math.log1p(x)


# Numba wants the very signature, annotations too, of what an implementation stands for.
@overload(exp, inline="always")
def _exp_by_type(x: Any) -> Callable[[Any], Any]:
    return exp32 if x == types.float32 else _exp64


@overload(log1p, inline="always")
def _log1p_by_type(x: Any) -> Callable[[Any], Any]:
    return log1p32 if x == types.float32 else _log1p64


@compiled
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@compiled
def softplus(x: Any) -> Any:
    """log(1 + e^x), without overflow."""
    return max(x, ZERO) + log1p(exp(-abs(x)))
