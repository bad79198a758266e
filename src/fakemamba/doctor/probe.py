"""Imports packages and asks them, in a process of its own: `python -m fakemamba.doctor.probe NAME...`.

One JSON line for each, as soon as it is known, so that a package that crashes Python is the one whose line is missing:
    {"package": "numba", "state": "works" | "missing" | "broken", "version": …, "reason": …}
    {"fact": "torch", "value": {…}} or {"fact": "torch", "error": "one line"}
"""

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fakemamba.doctor.features import DISTRIBUTIONS


def main() -> None:
    """Import what is named, then gather the facts of what works."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # packages may greet on stdout
    warnings.simplefilter("ignore")

    def say(**line: Any) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    works = set()
    for name in sys.argv[1:]:
        found = _import(name)
        if found["state"] == "works":
            works.add(name)
        say(package=name, **found)
    for name, (needs, question) in FACTS.items():
        if needs <= works:
            say(fact=name, **_ask(question))
    answers.flush()
    os._exit(0)  # some packages start threads that would hold up an ordinary end


def _import(name: str) -> dict[str, Any]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return {"state": "missing", "version": None, "reason": None}
        return {"state": "broken", "version": _version(name), "reason": _line(error)}
    except BaseException as error:  # noqa: BLE001 - whatever a package does when it is loaded, it is told, not raised
        return {"state": "broken", "version": _version(name), "reason": _line(error)}
    return {"state": "works", "version": _version(name), "reason": None}


def _version(name: str) -> str | None:
    try:
        return version(DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        found = getattr(sys.modules.get(name), "__version__", None)
        return None if found is None else str(found)


def _ask(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"value": question()}
    except BaseException as error:  # noqa: BLE001 - as above
        return {"error": _line(error)}


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    name = type(error).__name__
    return f"{name}: {lines[0]}" if lines else name


def _onnxruntime() -> dict[str, Any]:
    import onnxruntime

    return {"providers": onnxruntime.get_available_providers()}


def _torch() -> dict[str, Any]:
    import torch

    gpus = []
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(number)
            gpus.append({"name": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)})
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return {
        "cuda_build": torch.version.cuda,
        "gpus": gpus,
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
        "bf16": bool(there and torch.ops.mkldnn._is_mkldnn_bf16_supported()),
    }


def _scan() -> dict[str, Any]:
    from fakemamba.scan import backend

    return {"cpu": backend("cpu"), "cuda": backend("cuda"), "asked": os.environ.get("FAKEMAMBA_SCAN") or None}


def _numba_cache() -> dict[str, Any]:
    """Where the compiled scan is kept between runs; compiling it anew takes seconds at each start."""
    importlib.import_module("fakemamba.scan.cpu")
    for name, module in list(sys.modules.items()):
        for function in vars(module).values() if name.startswith("fakemamba.scan") else ():
            place = getattr(getattr(function, "stats", None), "cache_path", None)
            if isinstance(place, str):
                return {"path": place, "writable": _writable(Path(place))}
    return {"path": None, "writable": False}


def _hub_cache() -> dict[str, Any]:
    from huggingface_hub import constants

    return {"path": str(constants.HF_HUB_CACHE), "writable": _writable(Path(constants.HF_HUB_CACHE))}


def _writable(folder: Path) -> bool:
    """Whether files can be made in it, or it could be made."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _media() -> dict[str, Any]:
    import av

    return {"libavcodec": ".".join(map(str, av.library_versions["libavcodec"]))}


def _inputs() -> dict[str, Any]:
    import sounddevice

    return {"inputs": sum(device["max_input_channels"] > 0 for device in sounddevice.query_devices())}


# What is asked, and the packages without which there is no question.
FACTS: dict[str, tuple[set[str], Callable[[], dict[str, Any]]]] = {
    "onnxruntime": ({"onnxruntime"}, _onnxruntime),
    "torch": ({"torch"}, _torch),
    "scan": ({"torch"}, _scan),
    "numba_cache": ({"torch", "numba"}, _numba_cache),
    "hub_cache": ({"huggingface_hub"}, _hub_cache),
    "media": ({"av"}, _media),
    "microphone": ({"sounddevice"}, _inputs),
}


if __name__ == "__main__":
    main()
