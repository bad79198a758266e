"""A system as one ONNX file: input `waves` (batch, samples), output `score` (batch,), any batch and length."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fakemamba.errors import MissingExtraError
from fakemamba.export.scan_function import OPSET, scan_function
from fakemamba.models.system import System
from fakemamba.scan.export import DOMAIN


class _Scored(nn.Module):
    """The system with its score as the only output."""

    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system

    def forward(self, waves: Tensor) -> Tensor:
        return self.system.score(waves)


def export_onnx(system: System, path: Path) -> None:
    """Write `system` in evaluation mode to `path`; it runs on ONNX Runtime without torch and without extensions.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise MissingExtraError("export to ONNX", "export") from error

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    system.eval()
    with torch.no_grad():
        program = torch.onnx.export(
            _Scored(system).eval(),
            (torch.zeros(2, 32_000),),
            input_names=["waves"],
            output_names=["score"],
            dynamic_shapes={"waves": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=4000)}},
            dynamo=True,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    strip(model)
    model.functions.append(scan_function())
    if not any(known.domain == DOMAIN for known in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def strip(model: Any) -> None:
    """Remove where in whose source tree each node came from: traces that the exporter keeps, paths included."""
    graph = model.graph
    parts = [*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]
    parts += [node for function in model.functions for node in function.node]
    for part in (model, graph, *parts):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def largest_difference(system: System, path: Path, waves: list[np.ndarray]) -> float:
    """The largest difference between torch's and ONNX Runtime's score over single clips (N,)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for wave in waves:
        with torch.no_grad():
            expected = system.score(torch.from_numpy(wave)[None]).item()
        worst = max(worst, abs(float(session.run(["score"], {"waves": wave[None]})[0][0]) - expected))
    return worst
