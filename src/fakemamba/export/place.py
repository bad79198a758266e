"""Where an export goes: a model folder or a bare file with its report beside it, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakemamba.checkpoint.card import ModelCard
from fakemamba.checkpoint.folder import ONNX_FILE, write_folder
from fakemamba.errors import CheckpointError
from fakemamba.export.graph import DATA, read_graph, write_graph
from fakemamba.export.parity import Parity, markdown
from fakemamba.export.search import Choice

REPORT, PAGE = "report.json", "report.md"
BARE = ".onnx"  # a target that ends so is a file, anything else a folder


def standing(folder: Path) -> Path:
    """The folder itself, or the first one above it that exists: files made there can be moved in one step."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if place.is_dir()), Path.cwd())


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse before the work what could not be written after it; raises CheckpointError."""
    if target.suffix == BARE:
        taken = [path for path in _around(target) if path.exists()]
        if target.is_dir() or (taken and not overwrite):
            raise CheckpointError(f"{(taken or [target])[0]}: already exists; choose another place or give --overwrite")
    elif target.exists() and not overwrite and not (target.is_dir() and not any(target.iterdir())):
        raise CheckpointError(f"{target}: already exists; choose another place or give --overwrite")


def place(target: Path, card: ModelCard, graph: Path, found: Parity, choice: Choice | None, *, overwrite: bool) -> None:
    """Write the export.

    Args:
        target: a folder, or a file that ends in .onnx.
        card: of the new model.
        graph: the ONNX file, with its weights beside it if these are in a file of their own.
        found, choice: for the report.
    """
    text = json.dumps(document(card, found, choice), indent=2, allow_nan=False) + "\n"
    reports = {REPORT: text.encode(), PAGE: page(found, choice).encode()}
    data = graph.with_name(graph.name + DATA)
    if target.suffix == BARE:
        _place_bare(target, card, graph, reports)
        return
    files: dict[str, bytes | Path] = {ONNX_FILE: graph}
    if data.exists():
        files[ONNX_FILE + DATA] = data
    write_folder(target, card, {**files, **reports}, overwrite=overwrite)


def _place_bare(target: Path, card: ModelCard, graph: Path, reports: dict[str, bytes]) -> None:
    """The file tells inside what it is; its name is also the name of the weights beside it."""
    ready = graph.parent / "bare"
    ready.mkdir()
    model = read_graph(graph)
    for key, value in _told(card).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = f"fakemamba.{key}", value
    made = write_graph(model, ready / target.name)
    for name, content in reports.items():
        made.append(ready / f"{target.name}.{name}")
        made[-1].write_bytes(content)
    moved: list[Path] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stale = [path for path in _around(target) if path.name not in {file.name for file in made}]
        for file in reversed(made):  # the graph last: with it the rest is there
            file.replace(target.with_name(file.name))
            moved.append(target.with_name(file.name))
        for path in stale:
            path.unlink(missing_ok=True)
    except OSError as error:
        for path in moved:
            path.unlink(missing_ok=True)
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}") from error


def _around(target: Path) -> list[Path]:
    return [target, *(target.with_name(f"{target.name}{end}") for end in (DATA, f".{REPORT}", f".{PAGE}"))]


def _told(card: ModelCard) -> dict[str, str]:
    """What whoever holds the bare file must know to use its scores."""
    calibration: Any = None if card.calibration is None else card.calibration.model_dump()
    return {
        "name": card.name,
        "licence": card.licence,
        "window": str(card.model.window),
        "calibration": json.dumps(calibration),
        "conditions": json.dumps({name: one.model_dump() for name, one in card.conditions.items()}),
        "decision": json.dumps(None if card.decision is None else card.decision.model_dump()),
        "exported": json.dumps(card.training["exported"]),
    }


def document(card: ModelCard, found: Parity, choice: Choice | None) -> dict[str, Any]:
    """The report, ready for JSON."""
    return {
        "model": card.name,
        "exported": card.training["exported"],
        "parity": found.to_dict(),
        "search": None if choice is None else choice.to_dict(),
    }


def page(found: Parity, choice: Choice | None) -> str:
    """The report for people, as markdown."""
    text = markdown(found)
    if choice is None:
        return text
    lines = [f"- {len(choice.taken)} parts changed, drift {choice.drift:.4f} ({choice.trials} trials)"]
    if choice.kept:
        lines.append(f"- kept in float32: {', '.join(map(_with_drift(choice), choice.kept))}")
    if not choice.complete:
        lines.append("- the time was over before every part had been tried: --seconds gives it more")
    return text + "\n".join(lines) + "\n"


def _with_drift(choice: Choice) -> Callable[[str], str]:
    return lambda name: f"{name} ({choice.alone[name]:.3g})" if name in choice.alone else f"{name} (not measured)"
