"""A system as one ONNX file: input `waves` (batch, samples), output `score` (batch,), any batch and length."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fakemamba.errors import MissingExtraError
from fakemamba.export.graph import LARGE, write_graph
from fakemamba.export.scan_function import OPSET, scan_function
from fakemamba.models.system import System
from fakemamba.scan.export import DOMAIN

_SCOPES = "pkg.torch.onnx.name_scopes"  # where torch's exporter notes which module a node comes from
_MODULE = "system"


class _Scored(nn.Module):
    """The system with its score as the only output."""

    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system

    def forward(self, waves: Tensor) -> Tensor:
        return self.system.score(waves)


def export_onnx(system: System, path: Path, *, large: int = LARGE) -> list[Path]:
    """Write `system` in evaluation mode to `path`; it runs on ONNX Runtime without torch and without extensions.

    Returns:
        the files written: `path`, and beyond `large` bytes of weights also `PATH.data`, which holds them.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise MissingExtraError("export to ONNX", "export") from error

    model = _traced(system)
    name_nodes(model)
    strip(model)
    model.functions.append(scan_function())
    if not any(known.domain == DOMAIN for known in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
    files = write_graph(model, path, large=large)
    onnx.checker.check_model(str(path))  # by its path, as a large one cannot be checked in memory
    return files


def _traced(system: System) -> Any:
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    system.eval()
    try:
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
    finally:
        log.setLevel(before)
    assert program is not None
    return program.model_proto


def name_nodes(model: Any) -> None:
    """Call each node "MODULE/KIND.NUMBER", so that a layer can still be told by its name."""
    for number, node in enumerate(model.graph.node):
        noted = {entry.key: entry.value for entry in node.metadata_props}.get(_SCOPES, "")
        node.name = f"{_module(noted)}/{node.op_type}.{number}"


def _module(noted: str) -> str:
    """The innermost module in "['', 'system', 'system.norm', 'native_batch_norm']"."""
    inside = [word.strip(" '\"") for word in noted.strip("[]").split(",")]
    modules = [word for word in inside if word.startswith(f"{_MODULE}.")]
    return modules[-1].removeprefix(f"{_MODULE}.") if modules else _MODULE


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
