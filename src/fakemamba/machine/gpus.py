"""Graphics cards that the driver knows, also where torch is not installed or cannot use them."""

import re
import shutil
import subprocess
from pathlib import Path

from fakemamba.machine.processor import ROOT


def nvidia_gpus(root: Path = ROOT) -> list[str]:
    """Names of the NVIDIA cards whose driver is loaded; empty without one."""
    found = []
    for file in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        try:
            model = re.search(r"^Model:\s*(\S.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        except OSError:
            continue
        found.append(model[1].strip() if model else "an NVIDIA card")
    if found or root != ROOT or shutil.which("nvidia-smi") is None:
        return found
    words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
