"""int8 and fp16 on graphs made by hand: what is replaced, what is left, and how near the numbers are."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from fakemamba.errors import CheckpointError
from fakemamba.export.graph import read_graph, write_graph
from fakemamba.export.half import exact_halves, half_parts, halved
from fakemamba.export.int8 import convolved, int8_parts, quantized, ranges_of

RNG = np.random.default_rng(0)
KERNEL = (RNG.standard_normal((32, 1, 80)) / 9).astype(np.float32)
SQUARE = (RNG.standard_normal((32, 64)) / 6).astype(np.float32)
LAST = (RNG.standard_normal((64, 64)) / 8).astype(np.float32)  # (outputs, inputs), as Gemm stores it
BIAS = RNG.standard_normal(64).astype(np.float32)


@pytest.fixture
def graph():
    """waves (B, N) -> Conv -> MatMul, twice of one input -> mean -> Gemm -> mean: one of each product."""
    node = helper.make_node
    nodes = [
        node("Unsqueeze", ["waves", "one"], ["x"], name="front/Unsqueeze"),
        node("Conv", ["x", "kernel"], ["c"], name="front.layers.0.conv/Conv", strides=[40]),
        node("Transpose", ["c"], ["t"], name="front/Transpose", perm=[0, 2, 1]),
        node("MatMul", ["t", "square"], ["p"], name="back.layers.1.up/MatMul"),
        node("MatMul", ["t", "square"], ["q"], name="back.layers.1.again/MatMul"),
        node("Add", ["p", "q"], ["s"], name="back/Add"),
        node("ReduceMean", ["s", "one"], ["m"], name="back/Mean", keepdims=0),
        node("Gemm", ["m", "last", "bias"], ["g"], name="head/Gemm", transB=1),
        node("ReduceMean", ["g", "one"], ["score"], name="head/Mean", keepdims=0),
    ]
    values = {"kernel": KERNEL, "square": SQUARE, "last": LAST, "bias": BIAS, "one": np.array([1])}
    made = helper.make_graph(
        nodes, "by hand",
        [helper.make_tensor_value_info("waves", TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )  # fmt: skip
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


WAVES = (0.1 * RNG.standard_normal((2, 4_000))).astype(np.float32)


def run(model) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["score"], {"waves": WAVES})[0]


def kinds(model) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_parts_are_layers_with_their_bytes(graph):
    found = {part.name: (part.weights, part.size) for part in int8_parts(graph)}
    assert found == {
        "front.layers.0": (("kernel",), 4 * 32 * 80),
        "back.layers.1": (("square",), 4 * 32 * 64),
        "head": (("last",), 4 * 64 * 64),
    }
    assert [part.name for part in half_parts(graph)] == list(found)  # one and bias are too small to matter


def test_every_product_in_eight_bits_is_near(graph, tmp_path):
    weights = ["kernel", "square", "last"]
    watched = convolved(graph, weights)
    assert watched == ["x", "c"]
    ranges = ranges_of(graph, watched, [WAVES], tmp_path)
    assert list(tmp_path.iterdir()) == []
    made = quantized(graph, weights, ranges)
    assert kinds(made).count("MatMulInteger") == 3
    assert kinds(made).count("DynamicQuantizeLinear") == 2  # one for both products of t
    assert kinds(made).count("QLinearConv") == 1
    assert not {"Conv", "MatMul", "Gemm"} & set(kinds(made))
    np.testing.assert_allclose(run(made), run(graph), atol=0.02)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert not {"kernel", "square", "last"} & set(stored)
    assert stored["last.int8.0"].shape == (64, 64)
    assert all(np.abs(value).max() <= 63 for value in stored.values() if value.dtype == np.int8)  # 7 bits
    assert kinds(graph).count("MatMul") == 2  # the source is as it was


def test_only_what_is_named_changes(graph):
    made = quantized(graph, ["last"], {})
    assert kinds(made)[:7] == kinds(graph)[:7]
    np.testing.assert_allclose(run(made), run(graph), atol=0.01)


def test_weights_are_rounded_by_column(graph):
    weight = np.zeros((64, 64), np.float32)
    weight[0, 0], weight[1, 1] = 1e-4, 10.0  # one scale for both would lose the first
    graph.graph.initializer[2].CopyFrom(numpy_helper.from_array(weight, "last"))
    made = quantized(graph, ["last"], {})
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert stored["last.int8.0"][0, 0] == stored["last.int8.0"][1, 1] == 63
    np.testing.assert_allclose(stored["g.scales"][:2], [1e-4 / 63, 10 / 63], rtol=1e-6)


def test_a_weight_that_something_else_reads_stays(graph):
    graph.graph.node.append(helper.make_node("Identity", ["last"], ["copy"]))
    assert [part.name for part in int8_parts(graph)] == ["front.layers.0", "back.layers.1"]


def test_half_the_bytes_and_nearly_the_same_numbers(graph, tmp_path):
    made = halved(graph, ["kernel", "square", "last"])
    assert kinds(made).count("Cast") == 3
    np.testing.assert_allclose(run(made), run(graph), atol=1e-3)
    (before,), (after,) = write_graph(graph, tmp_path / "a.onnx"), write_graph(made, tmp_path / "b.onnx")
    saved = before.stat().st_size - after.stat().st_size
    assert saved == pytest.approx(2 * (KERNEL.size + SQUARE.size + LAST.size), rel=0.05)


def test_what_half_cannot_hold_stays(graph):
    huge = LAST.copy()
    huge[0, 0] = 1e6
    graph.graph.initializer[2].CopyFrom(numpy_helper.from_array(huge, "last"))
    made = halved(graph, ["square", "last"])
    assert [node.output[0] for node in made.graph.node if node.op_type == "Cast"] == ["square"]
    np.testing.assert_allclose(run(made), run(graph), rtol=1e-3)


def test_what_half_holds_to_the_last_bit_changes_nothing(graph):
    graph.graph.initializer[1].CopyFrom(numpy_helper.from_array(SQUARE.astype(np.float16).astype(np.float32), "square"))
    assert exact_halves(graph) == ["square"]
    np.testing.assert_array_equal(run(halved(graph, exact_halves(graph))), run(graph))


def test_the_range_leaves_a_ten_thousandth_out_and_holds_zero(graph, tmp_path):
    wave = np.full((1, 40_000), 0.5, np.float32)
    wave[0, :2] = 100.0
    low, high = ranges_of(graph, ["x"], [wave], tmp_path)["x"]
    assert (low, high) == (0.0, 0.5)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x0a" * 50], ids=["empty", "text", "numbers"])
def test_hostile_files_give_one_line(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="no readable ONNX file") as caught:
        read_graph(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="no readable ONNX file"):
        read_graph(tmp_path / "missing.onnx")
