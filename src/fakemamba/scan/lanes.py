"""Vectors for Numba: sixteen channels of one frame, as LLVM's own vector type.

Left to itself the compiler keeps the states of a scan in memory behind checks for overlap; named as vectors they stay
in registers, on whatever the processor has: one AVX-512 register, two of AVX, four of NEON.

    v = load(row, i)            row[i:i + 16] of a C-contiguous 1-D array; uint16 holds bfloat16 and becomes float32
    store(row, i, v)            the way back, rounded to even where it is bfloat16
    v + w, v - w, v * w, v / w  by lanes; either may be a number
    fma(v, w, x)                v * w + x
    at_least(v, w)              the larger, v where it is NaN
    fill(like, number)          of an array's type of computing: float64's or float32
    total(v)                    the sum of the lanes
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.extending import models, register_model

LANES = 16
intrinsic: Callable[[Any], Callable[..., Any]] = extending.intrinsic
INT32 = ir.IntType(32)


class Lanes(types.Type):
    """Sixteen numbers of type `item`, float32 or float64."""

    def __init__(self, item: Any) -> None:
        self.item = item
        super().__init__(name=f"Lanes({item})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        number = ir.DoubleType() if kind.item == types.float64 else ir.FloatType()
        super().__init__(manager, kind, ir.VectorType(number, LANES))  # type: ignore[no-untyped-call]


def computed(item: Any) -> Any:
    """What an array's items are computed in."""
    return types.float64 if item == types.float64 else types.float32


def constant(kind: ir.VectorType, value: float) -> ir.Constant:
    return ir.Constant(kind, [value] * LANES)


def integers(kind: ir.VectorType) -> ir.VectorType:
    """The integers as wide as the numbers."""
    return ir.VectorType(ir.IntType(64 if isinstance(kind.element, ir.DoubleType) else 32), LANES)


def lift(context: Any, builder: Any, kind: Any, value: Any, item: Any) -> Any:
    """A number in every lane; vectors pass."""
    if isinstance(kind, Lanes):
        return value
    number = context.cast(builder, value, kind, item)
    empty = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(INT32, 0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(INT32, LANES), [0] * LANES))


def call(builder: Any, name: str, result: Any, values: list[Any]) -> Any:
    """One of LLVM's intrinsic functions on vectors."""
    vector = values[-1].type
    suffix = f"v{LANES}f{64 if isinstance(vector.element, ir.DoubleType) else 32}"
    signature = ir.FunctionType(result, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.{suffix}")  # type: ignore[no-untyped-call]
    return builder.call(function, values)


def _address(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:  # noqa: ARG001
    item = computed(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _address(context, builder, signature.args[0], *values)
        if array.dtype != types.uint16:
            kind = context.get_value_type(Lanes(item))
            return builder.load(builder.bitcast(place, kind.as_pointer()), align=4)
        halves = builder.load(builder.bitcast(place, ir.VectorType(ir.IntType(16), LANES).as_pointer()), align=2)
        return _widen(builder, halves)

    return Lanes(item)(array, types.intp), generate


def _widen(builder: Any, halves: Any) -> Any:
    """bfloat16 is the upper half of a float32."""
    whole = ir.VectorType(INT32, LANES)
    return builder.bitcast(
        builder.shl(builder.zext(halves, whole), constant(whole, 16)), ir.VectorType(ir.FloatType(), LANES)
    )


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _address(context, builder, signature.args[0], *values[:2])
        vector = values[2]
        if array.dtype == types.uint16:
            vector = _narrow(builder, vector)
        align = 2 if array.dtype == types.uint16 else 4
        builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=align)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


def _narrow(builder: Any, vector: Any) -> Any:
    """To bfloat16, rounded to even; NaN stays NaN."""
    whole = ir.VectorType(INT32, LANES)
    bits = builder.bitcast(vector, whole)
    odd = builder.and_(builder.lshr(bits, constant(whole, 16)), constant(whole, 1))
    rounded = builder.add(bits, builder.add(odd, constant(whole, 0x7FFF)))
    quiet = builder.or_(bits, constant(whole, 0x400000))
    chosen = builder.select(builder.fcmp_unordered("uno", vector, vector), quiet, rounded)
    return builder.trunc(builder.lshr(chosen, constant(whole, 16)), ir.VectorType(ir.IntType(16), LANES))


def _operation(name: str) -> Any:
    @intrinsic
    def operation(typing: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
        item = a.item if isinstance(a, Lanes) else b.item

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            pair = zip(signature.args, values, strict=True)
            return getattr(builder, name)(*(lift(context, builder, kind, value, item) for kind, value in pair))

        return Lanes(item)(a, b), generate

    return operation


def _overload(sign: Callable[[Any, Any], Any], name: str) -> None:
    operation = _operation(name)

    # Numba wants the very signature, annotations too, of what an implementation stands for.
    def apply(a: Any, b: Any) -> Any:
        return operation(a, b)

    @extending.overload(sign)
    def by_lanes(a: Any, b: Any) -> Any:
        return apply if isinstance(a, Lanes) or isinstance(b, Lanes) else None


for _sign, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _overload(_sign, _name)


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001
    item = next(kind.item for kind in (a, b, c) if isinstance(kind, Lanes))

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lifted = [lift(context, builder, k, v, item) for k, v in zip(signature.args, values, strict=True)]
        return call(builder, "fmuladd", lifted[0].type, lifted)  # two operations where the processor has no one

    return Lanes(item)(a, b, c), generate


@intrinsic
def at_least(typing: Any, a: Any, low: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value, bound = values[0], lift(context, builder, signature.args[1], values[1], a.item)
        return builder.select(builder.fcmp_ordered("<", value, bound), bound, value)

    return a(a, low), generate


@intrinsic
def fill(typing: Any, like: Any, number: Any) -> Any:  # noqa: ARG001
    item = computed(like.dtype)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return lift(context, builder, signature.args[1], values[1], item)

    return Lanes(item)(like, number), generate


@intrinsic
def total(typing: Any, a: Any) -> Any:  # noqa: ARG001
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
        (vector,) = values
        lanes = LANES
        while lanes > 1:  # halves, so that the order of the sum is the same everywhere
            lanes //= 2
            index = [ir.Constant(ir.VectorType(INT32, lanes), [*range(start, start + lanes)]) for start in (0, lanes)]
            vector = builder.fadd(*(builder.shuffle_vector(vector, vector, half) for half in index))
        return builder.extract_element(vector, ir.Constant(INT32, 0))

    return a.item(a), generate
