"""Energy by the processor's own counters, where the system lets us read them (Linux powercap: RAPL).

They count the whole package, other programs and idling included. Most distributions let only root read them, since
their fine steps can betray secrets; then there is no answer.
"""

from pathlib import Path

from fakemamba.machine.processor import ROOT

_Counts = dict[Path, int]


class EnergyMeter:
    """Joules between two readings, summed over the processor's packages.

    Args:
        root: of the file system.
    """

    def __init__(self, root: Path = ROOT) -> None:
        folders = sorted((root / "sys/class/powercap").glob("*-rapl:*"))
        self._zones = [folder for folder in folders if _text(folder / "name").startswith("package")]
        self._zones = [folder for folder in self._zones if _count(folder / "energy_uj") is not None]

    @property
    def works(self) -> bool:
        """Whether there is a counter that can be read."""
        return bool(self._zones)

    def read(self) -> _Counts:
        """The counters now."""
        counts = {zone: _count(zone / "energy_uj") for zone in self._zones}
        return {zone: count for zone, count in counts.items() if count is not None}

    def joules(self, before: _Counts, after: _Counts) -> float | None:
        """Between two readings; None where nothing can be read. A counter that ran over is continued."""
        if not self._zones or before.keys() != after.keys() or len(before) < len(self._zones):
            return None
        total = 0
        for zone, start in before.items():
            spent = after[zone] - start
            if spent < 0:
                spent += (_count(zone / "max_energy_range_uj") or 0) + 1
            total += spent
        return total / 1e6


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _count(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdecimal() else None
