"""An ONNX graph as this package changes it: read and written whole, its large weights by the part they belong to.

Without torch, so that a file that exists already can be made smaller in a small installation.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fakemamba.checkpoint.card import printable
from fakemamba.errors import CheckpointError, MissingExtraError

DATA = ".data"  # ends the name of the file that holds the weights of a graph too large for one
LARGE = 1_900_000_000  # bytes; a protobuf message ends at 2 GiB
FEWEST = 2_048  # numbers; a smaller weight is left as it is, its bytes save nothing
_BLOCK = re.compile(r"(.*?\.\d+)(\..*)?")

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Part:
    """A part of the model that is changed as one: a layer, or a product that belongs to none.

    Attributes:
        name: such as "frontend.encoder.layers.3".
        weights: names of its initializers.
        size: bytes of them.
    """

    name: str
    weights: tuple[str, ...]
    size: int


def need_onnx(what: str = "writing ONNX files") -> ModuleType:
    """The onnx package; MissingExtraError where it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError(what, "quantize") from error
    module: ModuleType = onnx
    return module


def read_graph(path: Path) -> Any:
    """The onnx.ModelProto of a file, with weights that stand beside it; CheckpointError if it is none."""
    onnx = need_onnx("changing an ONNX file")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # its errors have no narrower base in common
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path}: no readable ONNX file: {printable(reason)}") from error
    if not model.graph.node:
        raise CheckpointError(f"{path}: no readable ONNX file: it holds no graph")
    return model


def write_graph(model: Any, path: Path, *, large: int = LARGE) -> list[Path]:
    """Write a graph; beyond `large` bytes its weights go to `PATH.data`. Returns the files written.

    A graph whose weights went there is empty of them afterwards.
    """
    onnx = need_onnx()
    data = path.with_name(path.name + DATA)
    for old in (path, data):  # weights are appended to a file that is there, and an open session may still read it
        old.unlink(missing_ok=True)
    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) <= large:
        onnx.save(model, str(path))
        return [path]
    onnx.save(model, str(path), save_as_external_data=True, location=data.name, size_threshold=1024)
    return [path, data]


def copy(model: Any) -> Any:
    """A graph of its own."""
    twin = need_onnx().ModelProto()
    twin.CopyFrom(model)
    return twin


def arrays(model: Any, names: set[str]) -> dict[str, Array]:
    """The initializers of these names as numpy arrays."""
    from onnx import numpy_helper

    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.name in names}


def add_array(model: Any, name: str, value: Array) -> str:
    """Put a new initializer into the graph; returns its name."""
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def replace_nodes(model: Any, nodes: list[Any]) -> None:
    """Give the graph these nodes, and drop the initializers that nobody reads any more."""
    graph = model.graph
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)
    read = set(_read(graph)) | {output.name for output in graph.output}
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(tensors)


def parts_of(model: Any, users: Mapping[str, Any]) -> list[Part]:
    """The parts that own these weights, in the graph's order.

    Args:
        model: the graph.
        users: name of an initializer -> the node that reads it first.
    """
    sizes = {tensor.name: _bytes(tensor) for tensor in model.graph.initializer if tensor.name in users}
    found: dict[str, list[str]] = {}
    for weight, node in users.items():
        found.setdefault(_part(node, weight), []).append(weight)
    return [Part(name, tuple(weights), sum(sizes[w] for w in weights)) for name, weights in found.items()]


def large_floats(model: Any) -> set[str]:
    """Names of the float32 initializers that are worth a change."""
    from onnx import TensorProto

    return {
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and int(np.prod(tensor.dims)) >= FEWEST
    }


def first_users(model: Any, names: set[str]) -> dict[str, Any]:
    """name of an initializer -> the first node that reads it, in the graph's order."""
    users: dict[str, Any] = {}
    for node in model.graph.node:
        for name in node.input:
            if name in names:
                users.setdefault(name, node)
    return users


def _part(node: Any, weight: str) -> str:
    """Exported nodes are named "SCOPE/KIND" (onnx_file.py); other graphs' by the weight or the node itself."""
    scope, slash, _ = node.name.partition("/")
    if not slash:
        owner = weight.removeprefix("system.").rpartition(".")[0]
        scope = owner if owner else node.name or node.output[0]
    block = _BLOCK.fullmatch(scope)
    return block[1] if block else scope


def _bytes(tensor: Any) -> int:
    return int(np.prod(tensor.dims)) * 4


def _read(graph: Any) -> Iterator[str]:
    """Every name that a node reads, in graphs inside nodes too."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read(attribute.g)
