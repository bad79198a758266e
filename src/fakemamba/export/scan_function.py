"""The selective scan as an ONNX function around the standard `Scan` operator."""

from typing import Any

from fakemamba.scan.export import DOMAIN, NAME

OPSET = 18
SCANNED = ["delta_all", "drive_all", "B_all", "C_all"]  # what Scan slices along time


def scan_function() -> Any:
    """An onnx.FunctionProto: u, delta, A, B, C, D, z, bias -> y, shapes as in `fakemamba.scan.export`.

    One step, for G groups of E / G channels with S states each:
    h = exp(delta_t A) h + delta_t u_t B_t;  y_t = h C_t
    """
    from onnx import TensorProto, helper

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        return helper.make_node(kind, inputs, [output], **attributes)

    def ints(name: str, values: list[int]) -> Any:
        return helper.make_node("Constant", [], [name], value_ints=values)

    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    step = helper.make_graph(
        [
            node("Mul", ["delta_t", "decay"], "exponent"),  # (B, G, E/G, 1) (G, E/G, S)
            node("Exp", ["exponent"], "keep"),
            node("Mul", ["keep", "h"], "kept"),
            node("Mul", ["drive_t", "B_t"], "driven"),  # (B, G, E/G, 1) (B, G, 1, S)
            node("Add", ["kept", "driven"], "h_next"),
            node("MatMul", ["h_next", "C_t"], "y_t"),  # (B, G, E/G, 1)
        ],
        "step",
        [value(name) for name in ("h", "delta_t", "drive_t", "B_t", "C_t")],
        [value("h_next"), value("y_t")],
    )
    nodes = [
        ints("axis_last", [-1]),
        ints("axis_states", [-2]),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        node("Unsqueeze", ["bias", "axis_last"], "bias_t"),
        node("Add", ["delta", "bias_t"], "raw"),
        node("Softplus", ["raw"], "steps"),
        node("Mul", ["steps", "u"], "drive"),
        # (B, E, T) -> (T, B, G, E/G, 1)
        node("Shape", ["B"], "batch_groups", start=0, end=2),
        node("Shape", ["u"], "length", start=2, end=3),
        ints("free", [-1]),
        node("Concat", ["batch_groups", "free", "length"], "split", axis=0),
        node("Reshape", ["steps", "split"], "steps_g"),
        node("Reshape", ["drive", "split"], "drive_g"),
        node("Transpose", ["steps_g"], "steps_t", perm=[3, 0, 1, 2]),
        node("Transpose", ["drive_g"], "drive_t0", perm=[3, 0, 1, 2]),
        node("Unsqueeze", ["steps_t", "axis_last"], "delta_all"),
        node("Unsqueeze", ["drive_t0", "axis_last"], "drive_all"),
        # (B, G, S, T) -> (T, B, G, 1, S) and (T, B, G, S, 1)
        node("Transpose", ["B"], "B_t0", perm=[3, 0, 1, 2]),
        node("Unsqueeze", ["B_t0", "axis_states"], "B_all"),
        node("Transpose", ["C"], "C_t0", perm=[3, 0, 1, 2]),
        node("Unsqueeze", ["C_t0", "axis_last"], "C_all"),
        # (E, S) -> (G, E/G, S)
        node("Shape", ["B"], "groups", start=1, end=2),
        node("Shape", ["A"], "states", start=1, end=2),
        node("Concat", ["groups", "free", "states"], "decay_shape", axis=0),
        node("Reshape", ["A", "decay_shape"], "decay"),
        node("Shape", ["steps_g"], "row_shape", start=0, end=3),
        node("Concat", ["row_shape", "states"], "state_shape", axis=0),
        node("Expand", ["zero", "state_shape"], "h0"),
        helper.make_node("Scan", ["h0", *SCANNED], ["h_last", "y_all"], body=step, num_scan_inputs=len(SCANNED)),
        # (T, B, G, E/G, 1) -> (B, E, T)
        node("Squeeze", ["y_all", "axis_last"], "y_sq"),
        node("Transpose", ["y_sq"], "y_g", perm=[1, 2, 3, 0]),
        node("Shape", ["u"], "whole"),
        node("Reshape", ["y_g", "whole"], "y_scan"),
        node("Unsqueeze", ["D", "axis_last"], "D_t"),
        node("Mul", ["u", "D_t"], "skipped"),
        node("Add", ["y_scan", "skipped"], "y_sum"),
        node("Sigmoid", ["z"], "z_gate"),
        node("Mul", ["z", "z_gate"], "z_silu"),
        node("Mul", ["y_sum", "z_silu"], "y"),
    ]
    inputs = ["u", "delta", "A", "B", "C", "D", "z", "bias"]
    return helper.make_function(DOMAIN, NAME, inputs, ["y"], nodes, [helper.make_opsetid("", OPSET)])
