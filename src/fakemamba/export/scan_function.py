"""The selective scan as an ONNX function around the standard `Scan` operator.

The states of a step lie as (B, G, S, E/G): channels last, so that every product of a step runs over long rows. ONNX's
own Softplus is slow in ONNX Runtime, so it is spelled out in parts that are vectorised there; both together halve the
time of the plain form (benchmarks/export.py). Blocks of several steps, unrolled or nested, gained nothing more.
"""

from typing import Any

from fakemamba.scan.export import DOMAIN, NAME

OPSET = 18
SCANNED = ["delta_all", "drive_all", "B_all", "C_all"]  # what Scan slices along time
_LEAST = 1e-12  # below it w / w' is no more than 0 / 0


def scan_function() -> Any:
    """An onnx.FunctionProto: u, delta, A, B, C, D, z, bias -> y, shapes as in `fakemamba.scan.export`.

    One step, for G groups of E / G channels with S states each:
    h = exp(delta_t A) h + delta_t u_t B_t;  y_t = h C_t
    """
    from onnx import helper

    nodes = [*_constants(), *_softplus("delta", "bias", "steps"), _node("Mul", ["steps", "u"], "drive")]
    nodes += [*_by_time(), *_start(), _scan(), *_finish()]
    inputs = ["u", "delta", "A", "B", "C", "D", "z", "bias"]
    return helper.make_function(DOMAIN, NAME, inputs, ["y"], nodes, [helper.make_opsetid("", OPSET)])


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], **attributes)


def _constants() -> list[Any]:
    integers = {"axis_last": [-1], "axis_states": [-2], "free": [-1]}
    numbers = {"zero": 0.0, "one": 1.0, "least": _LEAST}
    return [_node("Constant", [], name, value_ints=values) for name, values in integers.items()] + [
        _node("Constant", [], name, value_float=value) for name, value in numbers.items()
    ]


def _softplus(raw: str, bias: str, output: str) -> list[Any]:
    """max(x, 0) + log(1 + w), w = exp(-|x|), x = raw + bias.

    Where w is small, w' = (1 + w) - 1 has lost digits of it, and so has the logarithm, in the same proportion:
    log(1 + w) = log(1 + w') w / w' to the last digit (Kahan; Higham, "Accuracy and Stability", section 1.14.1).
    """
    return [
        _node("Unsqueeze", [bias, "axis_last"], "bias_t"),
        _node("Add", [raw, "bias_t"], "x"),
        _node("Abs", ["x"], "magnitude"),
        _node("Neg", ["magnitude"], "falling"),
        _node("Exp", ["falling"], "w"),
        _node("Add", ["w", "one"], "w_one"),
        _node("Sub", ["w_one", "one"], "w_lossy"),
        _node("Max", ["w_lossy", "least"], "w_positive"),
        _node("Div", ["w", "w_positive"], "lost"),
        _node("Log", ["w_one"], "log_lossy"),
        _node("Mul", ["log_lossy", "lost"], "log_1p"),
        _node("Relu", ["x"], "x_positive"),
        _node("Add", ["x_positive", "log_1p"], output),
    ]


def _by_time() -> list[Any]:
    """Time first: (B, E, T) -> (T, B, G, 1, E/G); B to (T, B, G, S, 1) and C to (T, B, G, 1, S)."""
    return [
        _node("Shape", ["B"], "batch_groups", start=0, end=2),
        _node("Shape", ["u"], "length", start=2, end=3),
        _node("Concat", ["batch_groups", "free", "length"], "split", axis=0),
        _node("Reshape", ["steps", "split"], "steps_g"),
        _node("Reshape", ["drive", "split"], "drive_g"),
        _node("Transpose", ["steps_g"], "steps_t", perm=[3, 0, 1, 2]),
        _node("Transpose", ["drive_g"], "drive_t0", perm=[3, 0, 1, 2]),
        _node("Unsqueeze", ["steps_t", "axis_states"], "delta_all"),
        _node("Unsqueeze", ["drive_t0", "axis_states"], "drive_all"),
        _node("Transpose", ["B"], "B_t0", perm=[3, 0, 1, 2]),
        _node("Unsqueeze", ["B_t0", "axis_last"], "B_all"),
        _node("Transpose", ["C"], "C_t0", perm=[3, 0, 1, 2]),
        _node("Unsqueeze", ["C_t0", "axis_states"], "C_all"),
    ]


def _start() -> list[Any]:
    """A as (G, S, E/G), and the empty states (B, G, S, E/G)."""
    return [
        _node("Shape", ["B"], "groups", start=1, end=2),
        _node("Shape", ["A"], "states", start=1, end=2),
        _node("Concat", ["groups", "free", "states"], "decay_shape", axis=0),
        _node("Reshape", ["A", "decay_shape"], "decay_g"),
        _node("Transpose", ["decay_g"], "decay", perm=[0, 2, 1]),
        _node("Shape", ["steps_g"], "channels", start=2, end=3),
        _node("Concat", ["batch_groups", "states", "channels"], "state_shape", axis=0),
        _node("Expand", ["zero", "state_shape"], "h0"),
    ]


def _scan() -> Any:
    from onnx import TensorProto, helper

    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    step = helper.make_graph(
        [
            _node("Mul", ["delta_t", "decay"], "exponent"),  # (B, G, 1, E/G) (G, S, E/G)
            _node("Exp", ["exponent"], "keep"),
            _node("Mul", ["keep", "h"], "kept"),
            _node("Mul", ["drive_t", "B_t"], "driven"),  # (B, G, 1, E/G) (B, G, S, 1)
            _node("Add", ["kept", "driven"], "h_next"),
            _node("MatMul", ["C_t", "h_next"], "y_t"),  # (B, G, 1, E/G)
        ],
        "step",
        [value(name) for name in ("h", "delta_t", "drive_t", "B_t", "C_t")],
        [value("h_next"), value("y_t")],
    )
    return helper.make_node("Scan", ["h0", *SCANNED], ["h_last", "y_all"], body=step, num_scan_inputs=len(SCANNED))


def _finish() -> list[Any]:
    """(T, B, G, 1, E/G) -> (B, E, T), the skip D u, and the gate z."""
    return [
        _node("Squeeze", ["y_all", "axis_states"], "y_sq"),
        _node("Transpose", ["y_sq"], "y_g", perm=[1, 2, 3, 0]),
        _node("Shape", ["u"], "whole"),
        _node("Reshape", ["y_g", "whole"], "y_scan"),
        _node("Unsqueeze", ["D", "axis_last"], "D_t"),
        _node("Mul", ["u", "D_t"], "skipped"),
        _node("Add", ["y_scan", "skipped"], "y_sum"),
        _node("Sigmoid", ["z"], "z_gate"),
        _node("Mul", ["z", "z_gate"], "z_silu"),
        _node("Mul", ["y_sum", "z_silu"], "y"),
    ]
