"""How much of a system's time is its encoder: all that comes after XLS-R (projection, encoder, pooling, head).

python benchmarks/share.py [--config configs/fake-mamba-l.toml] [--backends torch torch-bf16 onnx onnx-int8]
                           [--seconds 4.175] [--threads 2] [--repeats 30] [--work DIR] [--json FILE]

Weights are random: they cost the same. Of each back-end three things take turns: the whole, XLS-R alone, and the rest
alone on XLS-R's features. ONNX graphs are cut where XLS-R ends. `share` is the median over the rounds of rest / whole.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from fakemamba.config import load_model_config
from fakemamba.export.graph import copy, read_graph, replace_nodes, write_graph
from fakemamba.export.int8 import convolved, int8_parts, quantized, ranges_of
from fakemamba.export.onnx_file import export_onnx
from fakemamba.machine.processor import processor_name
from fakemamba.models import build
from fakemamba.models.precision import products
from fakemamba.models.system import EncodedSystem
from fakemamba.onnx_scorer import open_session
from fakemamba.scorer import Precision
from fakemamba.torch_scorer import check_bf16

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "fake-mamba-l.toml"
BACKENDS = ("torch", "torch-bf16", "onnx", "onnx-int8")
Run = Callable[[], object]
Parts = dict[str, Run]  # "whole", "front", "rest"


def made(config: Path) -> EncodedSystem:
    """Random weights, in evaluation mode."""
    torch.manual_seed(0)
    system = build(load_model_config(config)).eval()
    assert isinstance(system, EncodedSystem)
    return system


def by_torch(system: EncodedSystem, wave: np.ndarray[Any, Any], precision: Precision) -> Parts:
    """As `TorchScorer` runs it."""
    if precision == "bf16":
        check_bf16(torch.device("cpu"))
        system.narrow()

    def timed(run: Run) -> Run:
        return torch.inference_mode()(products(precision, "cpu")(run))

    given = torch.from_numpy(wave)
    features: Any = timed(lambda: system.frontend(given)[0])()
    parts: Parts = {
        "whole": lambda: system.score(given),
        "front": lambda: system.frontend(given),
        "rest": lambda: system.judge_features(features),
    }
    return {name: timed(run) for name, run in parts.items()}


def border(model: Any) -> str:
    """The tensor that XLS-R hands on."""
    given = {name for node in model.graph.node if node.name.startswith("frontend.") for name in node.output}
    for node in model.graph.node:
        if node.name.startswith("project/"):
            found = given.intersection(node.input)
            if found:
                return found.pop()
    raise SystemExit("no node of the graph reads what XLS-R gives")


def cut(model: Any, start: str | None, end: str | None) -> Any:
    """What lies between two tensors; None for the graph's own input or output."""
    from onnx import TensorProto, helper

    part = copy(model)
    if end is not None:
        del part.graph.output[:]
        part.graph.output.append(helper.make_tensor_value_info(end, TensorProto.FLOAT, None))
    needed, nodes = {output.name for output in part.graph.output}, []
    for node in reversed(part.graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed |= set(node.input) - {start}
    kept = [helper.make_tensor_value_info(start, TensorProto.FLOAT, None)] if start is not None else []
    kept += [value for value in part.graph.input if value.name in needed]
    del part.graph.input[:]
    part.graph.input.extend(kept)
    replace_nodes(part, nodes[::-1])
    return part


def by_onnx(path: Path, wave: np.ndarray[Any, Any], threads: int, room: Path) -> Parts:
    """Of one file: three sessions."""
    model = read_graph(path)
    middle = border(model)
    files = {"front": room / f"front-{path.name}", "rest": room / f"rest-{path.name}"}
    write_graph(cut(model, None, middle), files["front"])
    write_graph(cut(model, middle, None), files["rest"])
    del model
    front, rest, whole = (open_session(file, threads) for file in (files["front"], files["rest"], path))
    values = {"waves": wave, middle: front.run(None, {"waves": wave})[0]}
    given = {value.name: values[value.name] for value in rest.get_inputs()}
    np.testing.assert_allclose(rest.run(None, given)[0], whole.run(None, {"waves": wave})[0], rtol=1e-3, atol=1e-3)
    return {
        "whole": lambda: whole.run(None, {"waves": wave}),
        "front": lambda: front.run(None, {"waves": wave}),
        "rest": lambda: rest.run(None, given),
    }


def prepared(name: str, options: argparse.Namespace, wave: np.ndarray[Any, Any], room: Path) -> Parts:
    """What is timed of one back-end."""
    system = made(options.config)
    if name.startswith("torch"):
        return by_torch(system, wave, "bf16" if name.endswith("bf16") else "fp32")
    path = room / "fp32.onnx"
    if not path.exists():
        export_onnx(system, path)
    if name == "onnx-int8":
        plain, path = read_graph(path), room / "int8.onnx"
        weights = [weight for part in int8_parts(plain) for weight in part.weights]
        write_graph(quantized(plain, weights, ranges_of(plain, convolved(plain, weights), [wave], room)), path)
    del system
    return by_onnx(path, wave, options.threads, room)


def measured(parts: Parts, repeats: int) -> dict[str, float]:
    """Median milliseconds, and the share; the first rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(repeats + 2):
        for name, run in parts.items():
            begin = time.perf_counter()
            run()
            if number >= 2:
                times[name].append(1e3 * (time.perf_counter() - begin))
    found = {name: statistics.median(spent) for name, spent in times.items()}
    shares = [rest / whole for rest, whole in zip(times["rest"], times["whole"], strict=True)]
    return {**found, "share": statistics.median(shares)}


def main() -> None:
    """Print a table; write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--seconds", type=float, default=4.175)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--work", type=Path, help="where ONNX files go for a while; 4 GB for Fake-Mamba-L")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wave = 0.1 * np.random.default_rng(0).standard_normal((1, round(options.seconds * 16_000))).astype(np.float32)
    rows = {}
    print(f"{'':<12}{'whole ms':>10}{'XLS-R ms':>10}{'rest ms':>10}{'share':>8}")
    with TemporaryDirectory(dir=options.work) as room:
        for name in options.backends:
            rows[name] = row = measured(prepared(name, options, wave, Path(room)), options.repeats)
            print(
                f"{name:<12}{row['whole']:>10.1f}{row['front']:>10.1f}{row['rest']:>10.2f}{row['share']:>8.1%}",
                flush=True,
            )
    if options.json:
        record = {"machine": processor_name(), "threads": options.threads, "seconds": options.seconds, "rows": rows}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
