"""What computed a number: processor, GPU, versions; every cell keeps it."""

import os
import platform
from pathlib import Path
from typing import Any


def machine(device: str) -> dict[str, Any]:
    """Of this process, ready for JSON."""
    import torch

    from fakemamba import __version__

    found: dict[str, Any] = {
        "device": device,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fakemamba": __version__,
    }
    if device == "cuda":
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    return found


def words(found: dict[str, Any]) -> str:
    """A machine in one line."""
    chip = found.get("gpu") or f"{found['processor']}, {found['cores']} cores, {found['threads']} threads"
    return f"{chip}; torch {found['torch']}, Python {found['python']}, fakemamba {found['fakemamba']}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
