"""Compiled code that is kept on disk: found again, damaged, of other sources, or without a place."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytest.importorskip("numba")
from numba.core.caching import CacheImpl, IndexDataCacheFile

from fakemamba.scan import compiling

PACKAGE = ROOT / "src" / "fakemamba"


@pytest.fixture
def twice(tmp_path, monkeypatch):
    """A function of a file, and a folder for what is compiled of it."""
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path / "kept"))
    (tmp_path / "small.py").write_text("def twice(x):\n    return 2 * x\n")
    spec = importlib.util.spec_from_file_location("small", tmp_path / "small.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "small", module)  # what is kept may name it
    spec.loader.exec_module(module)
    return module.twice


def found_on_disk(function) -> bool:
    """Calls it as a new process would."""
    made = compiling.compiled(function)
    assert made(21) == 42
    return bool(made.stats.cache_hits)


def test_the_next_process_need_not_compile(twice):
    assert [found_on_disk(twice) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x80\x04\x95"], ids=["empty", "rubbish", "cut off"])
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_what_is_damaged_is_compiled_anew_and_kept(twice, tmp_path, suffix, rubbish):
    found_on_disk(twice)
    [file] = (tmp_path / "kept").rglob(f"*.{suffix}")
    file.write_bytes(rubbish)
    assert [found_on_disk(twice) for _ in range(2)] == [False, True]


def test_what_was_compiled_of_other_sources_is_not_used(twice, monkeypatch):
    found_on_disk(twice)
    monkeypatch.setattr(compiling, "sources", lambda: "after an update")
    assert [found_on_disk(twice) for _ in range(2)] == [False, True]


def test_a_full_disk_is_no_error(twice, monkeypatch):
    def full(self, key, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert [found_on_disk(twice) for _ in range(2)] == [False, False]


def test_no_place_is_no_error(twice, monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert [found_on_disk(twice) for _ in range(2)] == [False, False]


def test_every_file_that_compiles_is_among_the_sources(monkeypatch, tmp_path):
    for file in (PACKAGE / "scan").glob("*.py"):
        text = file.read_text()
        if ("numba" in text.split('"""')[2] and file.name != "__init__.py") or "@compiled" in text:
            assert file.stem.startswith(("compiling", "cpu_", "lanes")), file
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / "compiling.py"))
    hashes = [compiling.sources.__wrapped__()]
    for name in ("lanes.py", "cpu_maths.py"):
        (tmp_path / name).write_text("x = 1\n")
        hashes.append(compiling.sources.__wrapped__())
    assert len({*hashes}) == 3


def run(code: str, *folders: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where modules in `folders` go before all others."""
    path = os.pathsep.join(map(str, (*folders, ROOT / "src")))
    return subprocess.run(
        [sys.executable, *code.split()] if code.startswith("-m") else [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path} | environment,
    )  # fmt: skip


def test_an_installation_in_which_nothing_can_be_written(tmp_path):
    # A file where a folder is wanted keeps root out too.
    shutil.copytree(PACKAGE / "scan", tmp_path / "fakemamba" / "scan", ignore=shutil.ignore_patterns("__pycache__"))
    for entry in PACKAGE.iterdir():
        if entry.name not in ("scan", "__pycache__"):
            (tmp_path / "fakemamba" / entry.name).symlink_to(entry)
    nowhere = tmp_path / "file"
    for file in (tmp_path / "fakemamba" / "scan" / "__pycache__", nowhere):
        file.write_text("")
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), str(nowhere / "folder"))
    code = (
        "from fakemamba.scan import backend\n"
        "from fakemamba.scan.cpu_convolution import _reach  # the smallest of the loops' parts\n"
        "print(backend(), *_reach(0, 5, 4, 9))"
    )
    done = run(code, tmp_path, FAKEMAMBA_SCAN="", **places)
    assert done.stdout.split() == ["cpu", "0", "4", "2"]
    assert done.stderr == ""
    told = [
        json.loads(line)
        for line in run("-m fakemamba.doctor.probe torch numba", tmp_path, **places).stdout.splitlines()
    ]
    [cache] = [line["value"] for line in told if line.get("fact") == "numba_cache"]
    assert cache == {"path": None, "writable": False}


BROKEN = {
    "missing": "raise ModuleNotFoundError(\"No module named 'numba'\", name='numba')",
    "for another NumPy": "raise ImportError('Numba needs NumPy 2.3 or less')",
    "without its library": "raise OSError('libllvmlite.so: cannot open shared object file')",
    "half there": "",
}
LAYER = """
import torch
from fakemamba.models.blocks import PnBiMamba
from fakemamba.scan import backend
torch.manual_seed(0)
layer, x, lengths = PnBiMamba(16), torch.randn(2, 40, 16), torch.tensor([40, 7])
learned = layer(x, lengths)
learned.square().sum().backward()
with torch.inference_mode():
    seen = layer.eval()(x, lengths)
print(backend(), bool(torch.allclose(learned, seen, atol=1e-5)), float(seen.sum()), float(layer.mamba.A_log.grad.sum()))
"""


@pytest.fixture(scope="module")
def wanted() -> list[float]:
    done = run(LAYER, FAKEMAMBA_SCAN="reference")
    return [float(word) for word in done.stdout.split()[2:]]


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_without_a_numba_that_works_a_layer_runs_and_learns_silently(text: str, tmp_path, wanted):
    (tmp_path / "numba.py").write_text(text + "\n")
    done = run(LAYER, tmp_path, FAKEMAMBA_SCAN="auto")
    form, same, *values = done.stdout.split()
    assert (form, same) == ("chunked", "True")
    assert [float(word) for word in values] == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert done.stderr == ""
