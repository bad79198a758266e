"""The output folder: one file for each measured cell, kept and not measured again; the report is written beside them.

OUT/
  machine.json            whose measurements these are; those of two machines, or quick ones and real ones, never mix
  cells/MODEL/*.json      a measured cell each
  models/                 random weights and exports that were made to be measured
  bench.json  bench.md  *.png
"""

import hashlib
import json
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from fakemamba import __version__
from fakemamba.bench.backends import Backend
from fakemamba.bench.plan import Point
from fakemamba.bench.records import FORMAT, Cell, Skip
from fakemamba.bench.subjects import Subject
from fakemamba.config import parse
from fakemamba.errors import ConfigError, DataError
from fakemamba.machine.memory import total_bytes
from fakemamba.machine.processor import cores, features, processor_name
from fakemamba.paper.study import read_json, write_json
from fakemamba.train.folder import put, writing

MARK, REPORT = "machine.json", "bench.json"
_SAME = ("quick", "processor", "device")  # must not change within a folder


class Store:
    """Cells of one folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def claim(self, *, quick: bool, device: str) -> dict[str, Any]:
        """Make the folder, or find that it is this machine's; returns the machine.

        Raises:
            ConfigError: it holds something else, or measurements of another kind, device or machine.
        """
        here = machine(quick=quick, device=device)
        mark = self.out / MARK
        if self.out.exists() and not mark.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise ConfigError(f"{self.out} holds no measurements and is not empty: choose another place with --output")
        if mark.exists():
            there = self.machine()
            for key in _SAME:
                if there.get(key) != here[key]:
                    raise ConfigError(
                        f"{self.out} holds measurements with {key} {there.get(key)}, not {here[key]}: "
                        "choose another place with --output"
                    )
        with writing(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
        write_json(mark, here)
        return here

    def machine(self) -> dict[str, Any]:
        """Whose measurements these are; ConfigError where the folder holds none."""
        if not (self.out / MARK).is_file():
            raise ConfigError(f"{self.out} holds no measurements: run  fakemamba bench --output {self.out}  first")
        return read_json(self.out / MARK)

    def settings(self) -> tuple[dict[str, Any], list[Skip]]:
        """Of the last run: its settings, and what it left out; empty where it never came to its end."""
        path = self.out / REPORT
        if not path.exists():
            return {}, []
        found = read_json(path)
        return found.get("settings", {}), [parse(Skip, one, str(path)) for one in found.get("skipped", [])]

    def find(self, subject: Subject, backend: Backend, point: Point, stamp: str) -> Cell | None:
        """A cell that was measured under the same stamp."""
        path = self._path(subject.name, backend.name, point)
        try:
            cell = parse(Cell, read_json(path), str(path)) if path.exists() else None
        except (ConfigError, DataError):  # damaged, or of another version: measured again
            return None
        return cell if cell is not None and cell.stamp == stamp else None

    def save(self, cell: Cell) -> None:
        """Keep it, whole or not at all."""
        write_json(self._path(cell.model, cell.backend, cell.point), cell.model_dump(mode="json"))

    def cells(self) -> list[Cell]:
        """All that are there, damaged ones left out."""
        found = []
        for path in sorted((self.out / "cells").glob("*/*.json")):
            try:
                found.append(parse(Cell, read_json(path), str(path)))
            except (ConfigError, DataError):
                continue
        return found

    def write(self, name: str, text: str) -> None:
        """A file of the report, whole or not at all."""
        with writing(self.out):
            put(self.out / name, text)

    def _path(self, model: str, backend: str, point: Point) -> Path:
        size = f"{point.how}.{point.seconds:g}s.b{point.batch}.t{point.threads}"
        return self.out / "cells" / _plain(model) / f"{size}.{backend}.json"


def stamp(subject: Subject, backend: Backend, point: Point, settings: dict[str, Any]) -> str:
    """Of everything that would make it another measurement: weights, versions, settings."""
    parts = [FORMAT, subject.name, subject.identity, backend.name, str(point), settings, _versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def machine(*, quick: bool, device: str) -> dict[str, Any]:
    """What measures, for the record."""
    import platform

    total, found = total_bytes(), cores()
    instructions = features()
    return {
        "format": FORMAT,
        "quick": quick,
        "device": device,
        "processor": processor_name(),
        "cores": found.present,
        "usable_cores": found.usable,
        "instructions": None if instructions is None else [name for name, there in instructions.items() if there],
        "memory_gb": None if total is None else round(total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": _versions(),
    }


def machine_words(found: dict[str, Any]) -> str:
    """A machine in a few lines' worth of words."""
    has = ", ".join(found["instructions"] or ["unknown instructions"])
    usable = "" if found["usable_cores"] == found["cores"] else f", {found['usable_cores']} usable"
    memory = "" if found["memory_gb"] is None else f", {found['memory_gb']:g} GB of memory"
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{found['processor']}, {found['cores']} cores{usable} ({has}){memory}; {found['system']}; {versions}"


def _versions() -> dict[str, str]:
    found = {"fakemamba": __version__, "python": python_version()}
    for name in ("numpy", "onnxruntime", "torch", "numba", "triton"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)
