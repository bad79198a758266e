"""The processor: its name, the instructions that speed up a detector, and the cores that this process may use."""

import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")

# What people call it -> the flag of /proc/cpuinfo (x86, then ARM) that says so.
_FEATURES = {
    "x86": {
        "AVX2": "avx2",
        "AVX-512": "avx512f",
        "int8 (VNNI)": "avx512_vnni avx_vnni",
        "bf16": "avx512_bf16 amx_bf16",
        "AMX": "amx_tile",
    },
    "arm": {"NEON": "asimd", "SVE": "sve", "int8 (I8MM)": "i8mm", "bf16": "bf16"},
}
_MAC_FEATURES = {"NEON": "AdvSIMD", "int8 (I8MM)": "FEAT_I8MM", "bf16": "FEAT_BF16"}


@dataclass(frozen=True)
class Cores:
    """How many cores a process may use.

    Attributes:
        present: that the system has.
        allowed: that the process may run on (its affinity: taskset, a job scheduler, a container's cpuset).
        quota: whole cores' worth of time that its control group grants (docker --cpus), None without a limit.
    """

    present: int
    allowed: int
    quota: float | None

    @property
    def usable(self) -> int:
        """Threads that can run at once: no more than are allowed, a started core of the quota counted whole."""
        return self.allowed if self.quota is None else max(1, min(self.allowed, math.ceil(self.quota)))

    def words(self) -> str:
        """Such as `2 of 16 cores (limited to 2 by the control group)`."""
        if self.usable == self.present:
            return f"{self.present} {'core' if self.present == 1 else 'cores'}"
        by = "its affinity" if self.usable == self.allowed else "the control group"
        return f"{self.usable} of {self.present} cores (limited by {by})"


def processor_name(root: Path = ROOT) -> str:
    """What the maker calls it, or the architecture where that is all there is to know."""
    lines = _cpuinfo(root)
    for key in ("model name", "Model", "Hardware", "cpu"):  # x86, ARM boards, POWER
        named = [value for name, value in lines if name == key and value]
        if named:
            return named[0]
    if sys.platform == "darwin" and root == ROOT:
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    return (platform.processor() if root == ROOT else "") or platform.machine()


def features(root: Path = ROOT) -> dict[str, bool] | None:
    """Instructions that make a detector faster -> whether they are there; None where the system does not tell."""
    flags = {word for name, value in _cpuinfo(root) if name in ("flags", "Features") for word in value.split()}
    if flags:
        kind = "arm" if "asimd" in flags else "x86"
        return {name: any(flag in flags for flag in wanted.split()) for name, wanted in _FEATURES[kind].items()}
    if sys.platform == "darwin" and root == ROOT:
        if platform.machine() == "arm64":
            return {name: _sysctl(f"hw.optional.arm.{key}") == "1" for name, key in _MAC_FEATURES.items()}
        return {"AVX2": _sysctl("hw.optional.avx2_0") == "1", "AVX-512": _sysctl("hw.optional.avx512f") == "1"}
    return None


def cores(root: Path = ROOT) -> Cores:
    """Of this process."""
    present = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else present
    return Cores(present, allowed, quota(root))


def quota(root: Path = ROOT) -> float | None:
    """Cores' worth of time that the control groups of this process grant, the tightest of all; None without a limit."""
    limits = [limit for folder in control_groups(root, "cpu") if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's control groups that have a say over `controller`, from the inmost outwards.

    A container often sees its own group as the root of the tree but the host's path in /proc/self/cgroup: folders
    that are not there are left out, and the root is always looked at.
    """
    base = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:  # version 2: one tree for all
            yield from _upwards(base, path)
        elif controller in names.split(","):  # version 1: a tree for each controller
            tree = base / names if (base / names).is_dir() else base / controller
            yield from _upwards(tree, path)


def _upwards(tree: Path, path: str) -> Iterator[Path]:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        folder = tree.joinpath(*parts[:count])
        if folder.is_dir():
            yield folder


def _limit(folder: Path) -> float | None:
    words = _read(folder / "cpu.max").split()  # version 2: "max 100000" or "200000 100000"
    if not words:  # version 1: -1 without a limit
        words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        granted, period = int(words[0]), int(words[1])
    except (IndexError, ValueError):
        return None
    return granted / period if granted > 0 and period > 0 else None


def _cpuinfo(root: Path) -> list[tuple[str, str]]:
    """(name, value) of each line."""
    pairs = (line.partition(":") for line in _read(root / "proc/cpuinfo").splitlines())
    return [(name.strip(), value.strip()) for name, sign, value in pairs if sign]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sysctl(name: str) -> str:
    try:
        return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
