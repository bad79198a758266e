"""What an exported Fake-Mamba costs when XLS-R is cut to its first layers, in float32 and int8; and the scan alone.

python benchmarks/export.py [--layers 4 8 12 24] [--threads 2] [--repeats 7] [--work DIR] [--json FILE] [--scan-only]

Weights are random: they cost the same. All sessions run in turn in one process, so that ratios hold on a busy machine.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from fakemamba.config import load_model_config
from fakemamba.export.graph import copy, read_graph, write_graph
from fakemamba.export.int8 import convolved, int8_parts, quantized, ranges_of
from fakemamba.export.onnx_file import export_onnx
from fakemamba.export.scan_function import OPSET, scan_function
from fakemamba.models import build
from fakemamba.onnx_scorer import open_session
from fakemamba.scan.export import DOMAIN, NAME

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "fake-mamba-edge.toml"
WINDOW = 66_800  # samples, 4.175 s
CHANNELS, STATES = 288, 16


def exported(layers: int, room: Path) -> dict[str, Path]:
    """The float32 and the int8 file of a system with so many layers of XLS-R."""
    torch.manual_seed(0)
    config = load_model_config(CONFIG)
    frontend = config.frontend.model_copy(update={"layers": layers})
    plain, small = room / f"{layers}.fp32.onnx", room / f"{layers}.int8.onnx"
    export_onnx(build(config.model_copy(update={"frontend": frontend})).eval(), plain)
    graph = read_graph(plain)
    weights = [name for part in int8_parts(graph) for name in part.weights]
    wave = (0.1 * np.random.default_rng(0).standard_normal((1, WINDOW))).astype(np.float32)
    write_graph(quantized(graph, weights, ranges_of(graph, convolved(graph, weights), [wave], room)), small)
    return {"fp32": plain, "int8": small}


def in_turn(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each, one after the other in every round; the first round warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(repeats + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if number:
                taken[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in taken.items()}


def systems(layers: list[int], threads: int, repeats: int, room: Path) -> list[dict[str, Any]]:
    """One row a number of layers and precision."""
    files = {f"{count} {kind}": path for count in layers for kind, path in exported(count, room).items()}
    wave = (0.1 * np.random.default_rng(1).standard_normal((1, WINDOW))).astype(np.float32)
    sessions = {name: open_session(path, threads) for name, path in files.items()}
    runs: dict[str, Callable[[], object]] = {
        name: (lambda session=session: session.run(["score"], {"waves": wave})) for name, session in sessions.items()
    }
    times = in_turn(runs, repeats)
    base = times[f"{max(layers)} fp32"]
    return [
        {
            "system": name, "MB": round(files[name].stat().st_size / 1e6, 1), "ms": round(1e3 * seconds, 1),
            "rtf": round(seconds / (WINDOW / 16_000), 4), "times as fast": round(base / seconds, 2),
        }
        for name, seconds in times.items()
    ]  # fmt: skip


def scans(steps: int, repeats: int, room: Path) -> dict[str, float]:
    """Milliseconds of both directions of one scan on one thread: the ONNX function and the package's own forms."""
    from fakemamba.scan import chunked, cpu

    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "u": (2, CHANNELS, steps), "delta": (2, CHANNELS, steps), "A": (CHANNELS, STATES), "B": (2, 1, STATES, steps),
        "C": (2, 1, STATES, steps), "D": (CHANNELS,), "z": (2, CHANNELS, steps), "bias": (CHANNELS,),
    }  # fmt: skip
    values = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    values["A"] = -np.exp(values["A"])
    path = room / "scan.onnx"
    onnx.save(_one_node(shapes), str(path))
    session = open_session(path, 1)
    tensors = [torch.from_numpy(value) for value in values.values()]

    def own(form: Any) -> Callable[[], object]:
        return lambda: form.selective_scan(*tensors, delta_softplus=True)

    with torch.inference_mode():
        times = in_turn(
            {"onnx": lambda: session.run(["y"], values), "chunked torch": own(chunked), "numba": own(cpu)}, repeats
        )
    return {name: round(1e3 * seconds, 2) for name, seconds in times.items()}


def _one_node(shapes: dict[str, tuple[int, ...]]) -> Any:
    node = helper.make_node(NAME, list(shapes), ["y"], domain=DOMAIN)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph([node], "scan", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)]
    return copy(helper.make_model(graph, opset_imports=opsets, functions=[scan_function()], ir_version=10))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, nargs="+", default=[4, 8, 12, 24])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--work", type=Path, help="where the files go for a while; 3 GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--scan-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found: dict[str, Any] = {"machine": platform.processor() or platform.machine(), "threads": options.threads}
    with TemporaryDirectory(dir=options.work) as work:
        if not options.scan_only:
            found["systems"] = systems(options.layers, options.threads, options.repeats, Path(work))
            for row in found["systems"]:
                print("  ".join(f"{key} {value}" for key, value in row.items()))
        torch.set_num_threads(1)
        found["scan"] = {steps: scans(steps, 3 * options.repeats, Path(work)) for steps in (208, 3000)}
    for steps, times in found["scan"].items():
        print(f"scan over {steps} steps, one thread: {times}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
