"""What computed a number: processor, GPU, versions; every cell keeps it."""

import os
import platform
from typing import Any

from fakemamba.machine.processor import processor_name


def machine(device: str) -> dict[str, Any]:
    """Of this process, ready for JSON."""
    import torch

    from fakemamba import __version__

    found: dict[str, Any] = {
        "device": device,
        "processor": processor_name(),
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
