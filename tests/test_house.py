"""The rules of the house that no linter knows: what may import what, what loads when, what is public."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fakemamba
from conftest import ROOT

SRC = ROOT / "src" / "fakemamba"
FILES = sorted(SRC.rglob("*.py"))
HEAVY = {
    "torch",
    "numba",
    "triton",
    "onnxruntime",
    "onnx",
    "av",
    "matplotlib",
    "huggingface_hub",
    "transformers",
    "scipy",
    "accelerate",
    "sounddevice",
    "sklearn",
    "fastapi",
    "uvicorn",
    "websockets",
    "python_multipart",
}

# Rooms from the ground up: a room imports from its own level or below. Those within a level may know each other.
LEVELS = (
    {"__init__", "errors", "config", "scorer", "machine"},
    {"audio", "metrics", "scan"},
    {"models", "augment", "data"},
    {"checkpoint"},
    {
        "decision",
        "operating",
        "result",
        "timeline",
        "judge",
        "hearing",
        "near",
        "onnx_scorer",
        "torch_scorer",
        "scorers",
    },
    {"detect", "stream"},
    {"report", "plots", "train"},
    {"evaluation", "export"},
    {"server", "paper"},
    {"bench", "doctor"},
    {"cli"},
    {"__main__"},
)


def room(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def level(name: str) -> int:
    return next(k for k, rooms in enumerate(LEVELS) if name in rooms)


def imported(path: Path) -> Iterator[str]:
    """Every module of the package that a file imports anywhere, as its room."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "fakemamba":  # `from fakemamba import scan` names a room, `__version__` none
                names = [f"fakemamba.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == "fakemamba":
                yield rest.partition(".")[0] if (SRC / rest.partition(".")[0]).exists() else _file_room(rest)


def _file_room(rest: str) -> str:
    name = rest.partition(".")[0]
    return name if name and (SRC / f"{name}.py").exists() else "__init__"


def test_every_room_has_a_level():
    rooms = {room(path) for path in FILES}
    assert rooms <= set().union(*LEVELS), "give a new room its level"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_point_one_way(path):
    if room(path) == "__init__":
        return  # hands out names from above, lazily
    upwards = {name for name in imported(path) if level(name) > level(room(path))}
    assert not upwards, f"{room(path)} must not know {upwards}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_files_are_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_only_the_command_line_prints():
    talkative = [
        f"{path.relative_to(SRC)}:{node.lineno}"
        for path in FILES
        if room(path) != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert talkative == []


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines())


def test_import_fakemamba_loads_next_to_nothing():
    loaded = {name for name in modules_after("import fakemamba") if name.startswith("fakemamba")}
    assert loaded == {"fakemamba"}
    assert not modules_after("import fakemamba") & (HEAVY | {"numpy", "pydantic", "rich", "typer"})


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        *([verb, "--help"] for verb in ("detect", "evaluate", "compare", "models", "data", "listen")),
        *([verb, "--help"] for verb in ("paper", "serve", "train", "export", "bench", "doctor")),
    ],
)
def test_help_loads_no_machinery(words):
    loaded = modules_after(f"from fakemamba.cli import run\nassert run({words!r}) == 0")
    assert not loaded & (HEAVY | {"numpy", "soundfile", "soxr"})


def test_detection_loads_no_torch(tmp_path):
    from fakes import speech, write_tiny_model

    model = write_tiny_model(tmp_path / "model")
    (tmp_path / "wave.raw").write_bytes(speech(3.0).tobytes())
    loaded = modules_after(
        "import numpy, fakemamba\n"
        f"wave = numpy.fromfile({str(tmp_path / 'wave.raw')!r}, 'f4')\n"
        f"fakemamba.load({str(model)!r}).detect((wave, 16_000))"
    )
    assert "onnxruntime" in loaded
    assert not loaded & (HEAVY - {"onnxruntime"} | {"rich", "typer"})


def test_the_public_names_are_these():
    assert fakemamba.__all__ == [
        "Detector",
        "Event",
        "JudgedWindow",
        "Result",
        "Segment",
        "Stream",
        "StreamConfig",
        "__version__",
        "evaluate",
        "load",
    ]
    assert dir(fakemamba) == sorted(fakemamba.__all__)
    for name in fakemamba.__all__:
        assert getattr(fakemamba, name) is not None
    with pytest.raises(AttributeError, match="nope"):
        _ = fakemamba.nope


def test_the_fields_of_a_result_are_these():
    from fakemamba.result import NearScores

    assert list(fakemamba.Result.__dataclass_fields__) == [
        "source",
        "source_sha256",
        "duration",
        "speech",
        "verdict",
        "p_fake",
        "score",
        "llr",
        "threshold",
        "operating_point",
        "reason",
        "segments",
        "timeline",
        "near",
        "warnings",
        "model",
        "model_sha256",
        "precision",
        "version",
    ]
    assert list(fakemamba.Segment.__dataclass_fields__) == ["start", "end", "verdict", "p_fake", "score", "near"]
    assert list(NearScores.__dataclass_fields__) == ["window", "hop", "threshold", "llr"]
    window = fakemamba.JudgedWindow.__dataclass_fields__
    assert list(window) == ["start", "end", "speech", "p_fake", "llr", "score"]
