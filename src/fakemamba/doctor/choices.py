"""Which back-end will run and why, and how to get a faster one."""

from collections.abc import Mapping
from typing import Any

from fakemamba.doctor.features import install_line
from fakemamba.doctor.records import Choice, Package

_SCANS = {
    "reference": "step by step (the slow reference)",
    "chunked": "in chunks, with torch alone",
    "cpu": "compiled for this processor by Numba",
    "triton": "a Triton kernel on the GPU",
    "mamba_ssm": "mamba_ssm's CUDA kernel",
}


def choices(
    packages: Mapping[str, Package], facts: Mapping[str, Any], machine: Mapping[str, Any], model: str | None
) -> tuple[Choice, ...]:
    """What runs the built-in model, the models on torch, and their scan.

    Args:
        packages: by name. facts: of the packages that work. machine: as in the report.
        model: the built-in model's name, None where it cannot be opened.
    """
    found = [_built_in(facts, model), _torch_models(packages, facts)]
    found += _bf16(facts, machine)
    found += _scans(facts)
    if "media" in facts:
        why = "FFmpeg as a program is not needed"
        found.append(
            Choice("m4a, webm and video", f"PyAV's own FFmpeg, libavcodec {facts['media']['libavcodec']}", why)
        )
    if "microphone" in facts:
        found.append(
            Choice("the microphone", _count(facts["microphone"]["inputs"], "device"), "as the system lists them")
        )
    return tuple(found)


def faster(packages: Mapping[str, Package], facts: Mapping[str, Any], machine: Mapping[str, Any]) -> tuple[str, ...]:
    """Advice in the order of its worth, one line each; empty where nothing faster is known."""
    found = []
    torch, scan = facts.get("torch"), facts.get("scan", {})
    if scan.get("asked") not in (None, "auto"):
        found.append(f"unset FAKEMAMBA_SCAN: {scan['asked']} is asked for, the fastest form would be chosen without it")
    if machine["gpus"] and torch is not None and not torch["gpus"]:
        card = machine["gpus"][0]
        found.append(
            f"{card} lies idle, torch is a build without CUDA or does not fit the driver: "
            "choose one at https://pytorch.org/get-started/locally"
        )
    unused = scan.get("cpu") == "chunked" and scan.get("asked") in (None, "auto")  # imported, and yet of no use
    if torch is not None and (unused or _state(packages, "numba") != "works"):
        again = "" if _state(packages, "numba") == "missing" else " --force-reinstall numba"
        found.append(f"the scan compiled for this processor: {install_line('torch')}{again}")
    if torch is not None and torch["gpus"] and scan.get("cuda") == "chunked" and scan.get("asked") in (None, "auto"):
        again = " --force-reinstall" if _state(packages, "triton") == "broken" else ""
        found.append(f"the scan compiled for the GPU: pip install{again} triton")
    cache = facts.get("numba_cache")
    if cache is not None and not cache["writable"]:
        found.append("the scan is compiled anew at each start: set NUMBA_CACHE_DIR to a folder that can be written")
    return tuple(found)


def _built_in(facts: Mapping[str, Any], model: str | None) -> Choice:
    if model is None:
        return Choice("the built-in model", "does not run", "see the self-test")
    offered = [name.removesuffix("ExecutionProvider") for name in facts.get("onnxruntime", {}).get("providers", [])]
    why = f"it needs no torch; of what ONNX Runtime offers ({', '.join(offered)}) only CPU is used"
    return Choice(f"the built-in model ({model})", "ONNX Runtime on the processor", why)


def _torch_models(packages: Mapping[str, Package], facts: Mapping[str, Any]) -> Choice:
    what, torch = "XLS-R models", facts.get("torch")
    if torch is None:
        state = _state(packages, "torch")
        why = "torch is not installed" if state == "missing" else "torch cannot be used, see below"
        return Choice(what, "do not run", why)
    if torch["gpus"]:
        return Choice(what, f"torch on {torch['gpus'][0]['name']}", "a GPU is there; `--device cpu` keeps off it")
    why = "no GPU was found" if torch["cuda_build"] else "this torch is built for the processor alone"
    return Choice(what, f"torch on the processor, {_count(torch['threads'], 'thread')}", why)


def _bf16(facts: Mapping[str, Any], machine: Mapping[str, Any]) -> list[Choice]:
    """As `TorchScorer` asks, for the processor."""
    if "torch" not in facts:
        return []
    what, processor = "the same with --precision bf16", (machine["instructions"] or {}).get("bf16", True)
    if processor and facts["torch"]["bf16"]:
        return [Choice(what, "runs on the processor", "it has bf16, so this is faster; scores change a little")]
    return [Choice(what, "does not run on the processor", "torch has none here" if processor else "it has no bf16")]


def _scans(facts: Mapping[str, Any]) -> list[Choice]:
    scan = facts.get("scan")
    if scan is None:
        return []
    asked = scan["asked"] if scan["asked"] != "auto" else None
    why = f"FAKEMAMBA_SCAN={asked} asks for it" if asked else "the fastest form that is installed"
    found = [Choice("the scan of Mamba models", _SCANS.get(scan["cpu"], scan["cpu"]), why)]
    if facts["torch"]["gpus"]:
        found.append(Choice("the same on the GPU", _SCANS.get(scan["cuda"], scan["cuda"]), why))
    return found


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _state(packages: Mapping[str, Package], name: str) -> str:
    return packages[name].state if name in packages else "missing"
