"""Exponential, logistic and softplus for the compiled loops, on sixteen numbers at once.

libm's functions would be called once per number and would cost more than the rest of the scan.
"""

import math
from collections.abc import Sequence
from typing import Any

from numba import types

from fakemamba.scan.compiling import compiled
from fakemamba.scan.lanes import at_least, call, constant, integers, intrinsic

LOG2E = 1 / math.log(2)
# 2^f for |f| <= 1/2, the least relative error: 7e-8 of degree 5, 5e-18 of degree 11.
EXP2 = {
    "float32": (
        1.0, 0.6931471228599548, 0.24022097885608673, 0.05550525709986687, 0.009676904417574406, 0.0013328134082257748,
    ),
    "float64": (
        1.0, 0.6931471805599453, 0.24022650695910158, 0.055504108664821625, 0.009618129107587256, 0.001333355814640647,
        0.00015403530463724353, 1.5252733841556773e-05, 1.3215432535912375e-06, 1.0178057087733941e-07,
        7.074194297288521e-09, 4.4558179083360645e-10,
    ),
}  # fmt: skip
# artanh s / s = 1 + q / 3 + q^2 / 5 + ... with q = s^2 <= 1/9: what is left out adds less than 4e-10, 1e-18.
ARTANH = {name: tuple(1 / (2 * k + 1) for k in range(terms)) for name, terms in (("float32", 8), ("float64", 18))}
# ln 2 in two parts, the first with so few bits that its product with k is exact.
LN2 = {
    "float32": (0.693145751953125, 1.428606765330187e-06),
    "float64": (0.6931471803691238, 1.9082149292705877e-10),
}


def _polynomial(builder: Any, x: Any, coefficients: Sequence[float]) -> Any:
    *rest, result = (constant(x.type, c) for c in coefficients)
    for coefficient in reversed(rest):
        result = call(builder, "fmuladd", x.type, [result, x, coefficient])
    return result


def _held(builder: Any, x: Any, low: float, high: float) -> Any:
    for sign, bound in (("<", constant(x.type, low)), (">", constant(x.type, high))):
        x = builder.select(builder.fcmp_ordered(sign, x, bound), bound, x)  # NaN passes
    return x


def _rounded(builder: Any, x: Any, bits: int) -> tuple[Any, Any]:
    """x + 1.5 * 2^bits, whose lowest bits are the integer nearest to x, and that integer as a number."""
    magic = constant(x.type, 1.5 * 2.0**bits)
    shifted = builder.fadd(x, magic)
    return shifted, builder.fsub(shifted, magic)


def _scaled(builder: Any, x: Any, shifted: Any, bits: int) -> Any:
    """x * 2^k, k as it stands in the lowest bits of `shifted`."""
    whole = integers(x.type)
    k = builder.shl(builder.bitcast(shifted, whole), constant(whole, bits))
    return builder.bitcast(builder.add(builder.bitcast(x, whole), k), x.type)


@intrinsic
def exp2(typing: Any, power: Any) -> Any:  # noqa: ARG001
    """2^x = 2^k 2^f, k the nearest integer, to 2e-7 (4e-16); held within the normal numbers."""
    bits, edge = (52, 1023.0) if power.item == types.float64 else (23, 127.0)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        x = _held(builder, values[0], 1 - edge, edge)
        shifted, k = _rounded(builder, x, bits)
        fraction = _polynomial(builder, builder.fsub(x, k), EXP2[str(power.item)])
        return _scaled(builder, fraction, shifted, bits)

    return power(power), generate


@intrinsic
def exp(typing: Any, power: Any) -> Any:  # noqa: ARG001
    """e^x, as exact at the far ends as near zero, which exp2(x log2 e) is not; held within the normal numbers."""
    bits, low, high = (52, -708.3, 709.4) if power.item == types.float64 else (23, -87.3, 88.3)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        x = _held(builder, values[0], low, high)
        log2e = constant(x.type, LOG2E)
        shifted, k = _rounded(builder, builder.fmul(x, log2e), bits)
        for part in LN2[str(power.item)]:
            x = call(builder, "fmuladd", x.type, [k, constant(x.type, -part), x])
        fraction = _polynomial(builder, builder.fmul(x, log2e), EXP2[str(power.item)])
        return _scaled(builder, fraction, shifted, bits)

    return power(power), generate


@intrinsic
def log1p(typing: Any, a: Any) -> Any:  # noqa: ARG001
    """log(1 + x) = 2 artanh(x / (2 + x)) for 0 <= x <= 1."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        (x,) = values
        two = constant(x.type, 2.0)
        s = builder.fdiv(x, builder.fadd(x, two))
        series = _polynomial(builder, builder.fmul(s, s), ARTANH[str(a.item)])
        return builder.fmul(builder.fmul(two, s), series)

    return a(a), generate


@compiled
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return 1.0 / (exp(0.0 - x) + 1.0)


@compiled
def softplus(x: Any) -> Any:
    """log(1 + e^x), without overflow."""
    return at_least(x, 0.0) + log1p(exp(0.0 - at_least(x, 0.0 - x)))
