"""Eight-bit arithmetic for the large products of a graph: MatMul and Gemm dynamically, convolutions by calibration.

    MatMul, Gemm   x -> DynamicQuantizeLinear -> MatMulInteger -> times scale of x and of each column
    Conv           x -> QuantizeLinear -> QLinearConv -> DequantizeLinear, ranges of x and y from calibration clips

Each by what ONNX Runtime does well: a dynamic product is as fast as a static one and cannot clip, while its dynamic
convolution (ConvInteger) is slower than the float32 one (numbers in docs/export.md). Weights are symmetric, a scale
each output channel, and use 7 bits: pairs of products then fit the 16-bit sums of CPUs without VNNI, so that scores are
the same on all.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fakemamba.export.graph import (
    Array,
    Part,
    add_array,
    arrays,
    copy,
    first_users,
    large_floats,
    parts_of,
    replace_nodes,
    write_graph,
)

_WEIGHT = 63  # the largest magnitude of a stored weight
_BEYOND = 1e-4  # share of values that a calibrated range may cut off
Range = tuple[float, float]


def int8_parts(model: Any) -> list[Part]:
    """What can be computed so, by the weights that only such products read."""
    return parts_of(model, first_users(model, set(_targets(model, large_floats(model)))))


def _targets(model: Any, names: set[str]) -> dict[str, list[Any]]:
    """weight -> the nodes that read it, where all of them can be replaced."""
    found: dict[str, list[Any]] = {}
    other: set[str] = set()
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name not in names:
                continue
            if place == 1 and _fits(node, model):
                found.setdefault(name, []).append(node)
            else:
                other.add(name)
    return {name: nodes for name, nodes in found.items() if name not in other}


def _fits(node: Any, model: Any) -> bool:
    dims = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer if tensor.name == node.input[1]}
    rank = dims.get(node.input[1])
    if node.op_type == "MatMul":
        return rank == 2
    if node.op_type == "Gemm":
        plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
        return all(_attribute(node, name, value) == value for name, value in plain.items())
    return bool(node.op_type == "Conv" and rank == 3)


def convolved(model: Any, weights: Collection[str]) -> list[str]:
    """The tensors whose ranges `quantized` needs for these weights: what their convolutions read and give."""
    nodes = [node for nodes in _targets(model, set(weights)).values() for node in nodes if node.op_type == "Conv"]
    return list(dict.fromkeys(name for node in nodes for name in (node.input[0], node.output[0])))


def ranges_of(
    model: Any, names: Sequence[str], waves: Iterable[Array], room: Path, *, threads: int | None = None
) -> dict[str, Range]:
    """The ranges that tensors take over clips (B, N), but for a ten-thousandth of their values; written to `room`."""
    from onnx import TensorProto, helper

    from fakemamba.onnx_scorer import open_session

    if not names:
        return {}
    watched = copy(model)
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    path = room / "watched.onnx"
    written = write_graph(watched, path)
    del watched
    session = open_session(path, threads)
    found: dict[str, Range] = {}
    for wave in waves:
        for name, values in zip(names, session.run(list(names), {"waves": wave}), strict=True):
            low, high = _span(values)
            before = found.get(name, (0.0, 0.0))  # zero itself must be exact: it pads
            found[name] = min(before[0], low), max(before[1], high)
    for file in written:
        file.unlink()
    return found


def _span(values: Array) -> Range:
    flat = values.ravel()
    outside = int(flat.size * _BEYOND / 2)
    ordered = np.partition(flat, [outside, flat.size - 1 - outside])
    return float(ordered[outside]), float(ordered[flat.size - 1 - outside])


def quantized(model: Any, weights: Collection[str], ranges: Mapping[str, Range]) -> Any:
    """The graph with the products of these weights in eight bits; `ranges` by tensor, for the convolutions."""
    targets = _targets(model, set(weights))
    chosen = {node.output[0]: weight for weight, nodes in targets.items() for node in nodes}
    values = arrays(model, set(targets))
    made = copy(model)
    rewrite = _Rewriter(made, values, ranges)
    nodes: list[Any] = []
    for node in list(made.graph.node):
        nodes += rewrite.node(node) if node.output[0] in chosen else [node]
    replace_nodes(made, nodes)
    return made


class _Rewriter:
    """Makes the nodes that stand for one product; what two of them share is made once."""

    def __init__(self, model: Any, values: Mapping[str, Array], ranges: Mapping[str, Range]) -> None:
        self._model, self._values, self._ranges = model, values, ranges
        self._weights: dict[tuple[str, int], tuple[str, Array]] = {}
        self._inputs: set[str] = set()

    def node(self, node: Any) -> list[Any]:
        """The nodes in the place of one."""
        return self._conv(node) if node.op_type == "Conv" else self._product(node)

    def _product(self, node: Any) -> list[Any]:
        from onnx import TensorProto, helper

        x, out = node.input[0], node.output[0]
        across = node.op_type == "Gemm" and _attribute(node, "transB", 0) == 1  # stored (outputs, inputs)
        weight, scale = self._weight(node.input[1], 0 if across else 1, turned=across)
        scales = self._put(f"{out}.scales", scale.ravel())
        biased = node.op_type == "Gemm" and len(node.input) > 2 and bool(node.input[2])
        steps = [
            *self._dynamic(x),
            helper.make_node("MatMulInteger", [f"{x}.int8", weight, f"{x}.zero", self._zero()], [f"{out}.sum"]),
            helper.make_node("Cast", [f"{out}.sum"], [f"{out}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{x}.scale", scales], [f"{out}.scale"]),
            helper.make_node("Mul", [f"{out}.float", f"{out}.scale"], [f"{out}.plain" if biased else out]),
        ]
        if biased:
            steps.append(helper.make_node("Add", [f"{out}.plain", node.input[2]], [out]))
        return _named(steps, node)

    def _conv(self, node: Any) -> list[Any]:
        from onnx import helper

        x, out = node.input[0], node.output[0]
        weight, scale = self._weight(node.input[1], 0, turned=False)
        read, given = _step(self._ranges[x]), _step(self._ranges[out])
        names = [*self._step(f"{out}.in", *read), *self._step(f"{out}.out", *given)]
        scales = self._put(f"{out}.scales", scale.ravel())
        zeros = self._put(f"{out}.zeros", np.zeros(scale.size, np.int8))
        inputs = [f"{out}.int8", *names[:2], weight, scales, zeros, *names[2:]]
        if len(node.input) > 2 and node.input[2]:
            bias = arrays(self._model, {node.input[2]})[node.input[2]]
            whole = np.round(bias / (scale.ravel() * read[0])).clip(-(2**31), 2**31 - 1)
            inputs.append(self._put(f"{out}.bias", whole.astype(np.int32)))
        inner = helper.make_node("QLinearConv", inputs, [f"{out}.raw"])
        inner.attribute.extend(node.attribute)
        ends = (
            helper.make_node("QuantizeLinear", [x, *names[:2]], [f"{out}.int8"]),
            helper.make_node("DequantizeLinear", [f"{out}.raw", *names[2:]], [out]),
        )
        return _named([ends[0], inner, ends[1]], node)

    def _dynamic(self, x: str) -> list[Any]:
        from onnx import helper

        if x in self._inputs:  # queries, keys and values read one tensor
            return []
        self._inputs.add(x)
        return [helper.make_node("DynamicQuantizeLinear", [x], [f"{x}.int8", f"{x}.scale", f"{x}.zero"])]

    def _weight(self, name: str, axis: int, *, turned: bool) -> tuple[str, Array]:
        """A weight with one scale for each index of `axis`, transposed if `turned`; its name, and the scales."""
        if (name, axis) not in self._weights:
            value = self._values[name]
            others = tuple(k for k in range(value.ndim) if k != axis)
            scale = np.maximum(np.abs(value).max(axis=others, keepdims=True), 1e-12) / _WEIGHT
            stored = np.round(value / scale).astype(np.int8)
            called = add_array(self._model, f"{name}.int8.{axis}", stored.T if turned else stored)
            self._weights[name, axis] = called, scale.astype(np.float32)
        return self._weights[name, axis]

    def _step(self, name: str, scale: float, zero: int) -> list[str]:
        return [self._put(f"{name}.scale", np.float32(scale)), self._put(f"{name}.zero", np.uint8(zero))]

    def _zero(self) -> str:
        if "" not in self._inputs:
            self._inputs.add("")
            self._put("int8.zero", np.int8(0))
        return "int8.zero"

    def _put(self, name: str, value: Any) -> str:
        return add_array(self._model, name, np.asarray(value))


def _step(found: Range) -> tuple[float, int]:
    """Scale and zero point of an unsigned byte that covers a range with zero in it."""
    low, high = found
    scale = max(high - low, 1e-6) / 255
    return scale, int(np.clip(round(-low / scale), 0, 255))


def _named(steps: list[Any], node: Any) -> list[Any]:
    for number, step in enumerate(steps):
        step.name = f"{node.name}.int8.{number}"
    return steps


def _attribute(node: Any, name: str, default: float) -> Any:
    from onnx import helper

    found = [helper.get_attribute_value(attribute) for attribute in node.attribute if attribute.name == name]
    return found[0] if found else default
