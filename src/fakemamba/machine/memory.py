"""Memory: how much there is, how much is free, and how much this process has needed at most."""

import os
import re
import sys
from pathlib import Path

from fakemamba.machine.processor import ROOT, control_groups


def total_bytes(root: Path = ROOT) -> int | None:
    """Of the machine, or of the control group where that is less; None where the system does not tell."""
    there = _meminfo(root, "MemTotal")
    if there is None and root == ROOT:
        try:
            there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return None
    limits = [limit for limit, _ in _groups(root)]
    return there if there is None else min([there, *limits])


def available_bytes(root: Path = ROOT) -> int | None:
    """That can still be had without swapping; None where the system does not tell."""
    there = _meminfo(root, "MemAvailable")
    left = [max(0, limit - used) for limit, used in _groups(root)]
    return there if there is None else min([there, *left])


def peak_bytes(root: Path = ROOT) -> int | None:
    """The most resident memory that this process has had; None where the system does not tell.

    Linux hands `ru_maxrss` on through fork and exec: a small process that a large one starts would seem large. The
    high-water mark of /proc is the process's own.
    """
    own = _field(root / "proc/self/status", "VmHWM")
    if own is not None or root != ROOT:
        return own
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _meminfo(root: Path, name: str) -> int | None:
    return _field(root / "proc/meminfo", name)


def _field(path: Path, name: str) -> int | None:
    """Bytes of a line like `MemTotal:  24652068 kB`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return None if found is None else int(found[1]) * 1024


def _groups(root: Path) -> list[tuple[int, int]]:
    """(limit, used) bytes of every control group that has a limit."""
    found = []
    for folder in control_groups(root, "memory"):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and limit < 1 << 60:  # version 1 writes a huge number for "no limit"
                found.append((limit, used or 0))
    return found


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
