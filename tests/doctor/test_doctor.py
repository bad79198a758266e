"""`fakemamba doctor` where all is well, where packages are hidden, broken or crash, and where the self-test fails."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT
from fakemamba.audio import load_audio
from fakemamba.cli import run as cli
from fakemamba.doctor import choices, examine
from fakemamba.doctor.features import DISTRIBUTIONS, FEATURES, PACKAGES
from fakemamba.doctor.records import Package
from fakemamba.doctor.selftest import EXAMPLE
from fakemamba.machine.gpus import nvidia_gpus

# Hides packages from the processes that the doctor starts.
HIDE = """
import sys
class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hider())
"""
LIGHT = ["numpy", "soundfile", "onnxruntime", "numba", "av", "torch"]


def place(folder: Path, monkeypatch: pytest.MonkeyPatch, *, hidden: tuple[str, ...] = (), **modules: str) -> None:
    """Put modules in the way of the real ones for every process that is started."""
    (folder / "sitecustomize.py").write_text(HIDE.format(hidden=hidden))
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", ""), str(ROOT / "src")])
    )


def few(monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """Look at these packages alone: others take seconds to import."""
    monkeypatch.setattr(examine, "PACKAGES", tuple(names))


def test_a_whole_installation_works_and_json_says_all(capsys):
    assert cli(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["works"] is True
    assert found["verdict"].startswith("Everything needed to check recordings works.")
    test = found["self_test"]
    assert (test["verdict"], test["expected"], test["problem"]) == ("fake", "fake", None)
    assert {one["name"] for one in found["abilities"]} == {feature.name for feature in FEATURES}
    assert found["abilities"][0]["state"] == "works"
    assert found["choices"][0]["runs"] == "ONNX Runtime on the processor"
    assert set(found["machine"]) >= {"processor", "cores", "instructions", "memory_gb", "gpus", "python"}
    assert found["format"] == 1


def test_without_torch_and_numba_recordings_are_checked_all_the_same(tmp_path, monkeypatch, capsys):
    place(tmp_path, monkeypatch, hidden=("torch", "numba"))
    few(monkeypatch, LIGHT)
    assert cli(["doctor"]) == 0
    out = capsys.readouterr().out
    first = out.splitlines()[0]
    assert first == "Everything needed to check recordings works. For XLS-R models: pip install 'fakemamba[torch]'"
    assert "torch is not installed" in out
    assert "--  the microphone" in out  # not asked for, so it counts as missing


def test_a_broken_package_is_named_with_its_reason(tmp_path, monkeypatch, capsys):
    place(tmp_path, monkeypatch, numba="print('hello')\nraise ImportError('Numba needs NumPy 2.3 or less')\n")
    few(monkeypatch, ["numpy", "torch", "numba"])
    assert cli(["doctor", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    [ability] = [one for one in found["abilities"] if one["name"] == "fast scan on the processor"]
    assert ability["state"] == "broken"
    assert "Numba needs NumPy 2.3 or less" in ability["help"]
    [scan] = [one for one in found["choices"] if one["what"] == "the scan of Mamba models"]
    assert scan["runs"] == "in chunks, with torch alone"
    assert found["faster"][0].startswith("the scan compiled for this processor: pip install 'fakemamba[torch]'")
    assert "broken: fast scan on the processor" in found["verdict"]
    assert captured.err == ""


def test_a_package_that_crashes_python_does_not_stop_the_doctor(tmp_path, monkeypatch):
    place(tmp_path, monkeypatch, numba="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    few(monkeypatch, ["numpy", "numba", "soundfile"])
    report = examine.examine()
    packages = {one.name: one for ability in report.abilities for one in ability.packages}
    assert packages["numba"].state == "broken"
    assert packages["numba"].reason == "importing it ended Python: signal 9"
    assert packages["numpy"].state == packages["soundfile"].state == "works"
    assert report.works


def test_a_failed_self_test_is_the_verdict_and_the_exit_code(tmp_path, monkeypatch, capsys):
    place(tmp_path, monkeypatch, onnxruntime="raise ImportError('libgomp.so.1 is missing')\n")
    few(monkeypatch, ["numpy", "onnxruntime"])
    assert cli(["doctor"]) == 2
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Checking recordings does not work here: ")
    assert "libgomp.so.1 is missing" in first


def test_another_verdict_fails_the_self_test(monkeypatch):
    few(monkeypatch, ["numpy"])
    monkeypatch.setattr(examine, "EXPECTED", "real")
    report = examine.examine()
    assert not report.works
    assert report.self_test.problem == "the built-in model calls a synthetic voice fake, not real"


def test_what_the_user_asked_for_is_why(monkeypatch):
    few(monkeypatch, ["torch"])
    monkeypatch.setenv("FAKEMAMBA_SCAN", "reference")
    report = examine.examine()
    [scan] = [one for one in report.choices if one.what == "the scan of Mamba models"]
    assert scan.why == "FAKEMAMBA_SCAN=reference asks for it"
    assert report.faster[0].startswith("unset FAKEMAMBA_SCAN")


def test_an_unknown_form_of_the_scan_is_told_not_raised(monkeypatch):
    few(monkeypatch, ["torch"])
    monkeypatch.setenv("FAKEMAMBA_SCAN", "fast")
    report = examine.examine()
    assert report.works
    assert any("FAKEMAMBA_SCAN=fast: choose one of" in line for line in report.problems)


def facts(**torch: object) -> dict[str, object]:
    return {"torch": {"cuda_build": None, "gpus": [], "mps": False, "threads": 2, "bf16": True, **torch}}


def test_an_idle_card_is_worth_an_advice():
    packages = {name: Package(name, "works") for name in PACKAGES}
    advice = choices.faster(packages, facts(), {"gpus": ["NVIDIA H100"]})
    assert advice[0].startswith("NVIDIA H100 lies idle")
    card = [{"name": "NVIDIA H100", "memory_gb": 80.0}]
    assert choices.faster(packages, facts(gpus=card), {"gpus": ["NVIDIA H100"]}) == ()


def test_a_gpu_without_a_kernel_is_worth_an_advice_and_one_with_it_is_named():
    packages = {name: Package(name, "works") for name in PACKAGES if name not in ("triton", "mamba_ssm")}
    found = facts(gpus=[{"name": "NVIDIA H100", "memory_gb": 80.0}]) | {
        "scan": {"cpu": "cpu", "cuda": "chunked", "asked": None}
    }
    assert choices.faster(packages, found, {"gpus": []}) == ("the scan compiled for the GPU: pip install triton",)
    found["scan"]["cuda"] = "triton"
    assert choices.faster(packages, found, {"gpus": []}) == ()
    [own] = [
        one
        for one in choices.choices(packages, found, {"instructions": None}, None)
        if one.what == "the same on the GPU"
    ]
    assert own.runs == "a Triton kernel on the GPU"


def test_a_numba_that_can_be_imported_but_not_used_is_worth_an_advice(tmp_path, monkeypatch):
    place(tmp_path, monkeypatch, numba="")
    few(monkeypatch, ["numpy", "torch", "numba"])
    report = examine.examine()
    [scan] = [one for one in report.choices if one.what == "the scan of Mamba models"]
    assert scan.runs == "in chunks, with torch alone"
    assert "pip install 'fakemamba[torch]' --force-reinstall numba" in report.faster[0]


def test_a_cache_that_cannot_be_written_is_worth_an_advice():
    packages = {name: Package(name, "works") for name in PACKAGES}
    found = {**facts(), "numba_cache": {"path": "/nowhere", "writable": False}}
    assert "NUMBA_CACHE_DIR" in choices.faster(packages, found, {"gpus": []})[0]


def test_cards_are_read_from_the_driver(tmp_path):
    folder = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   94\n")
    assert nvidia_gpus(tmp_path) == ["NVIDIA H100 80GB HBM3"]
    assert nvidia_gpus(tmp_path / "nothing") == []


def test_every_package_comes_with_the_extra_that_is_named():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core, optional = " ".join(extras["dependencies"]), extras["optional-dependencies"]
    for feature in FEATURES:
        if feature.optional:
            continue
        wanted = core if feature.extra is None else " ".join(optional[feature.extra])
        for name in feature.packages:
            assert DISTRIBUTIONS.get(name, name) in wanted, f"{name} is not in {feature.extra}"


def test_the_shipped_clip_is_the_example():
    assert np.array_equal(load_audio(EXAMPLE), load_audio(ROOT / "examples" / "synthetic-espeak.wav"))


def test_the_doctor_itself_loads_next_to_nothing():
    code = (
        "import sys, fakemamba.doctor.examine; "
        "print([m for m in ('numpy', 'torch', 'pydantic', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("instructions", "torch", "runs", "why"),
    [
        ({"bf16": True}, True, "runs on the processor", "it has bf16"),
        ({"bf16": False}, True, "does not run on the processor", "it has no bf16"),
        (None, False, "does not run on the processor", "torch has none here"),
    ],
)
def test_whether_bf16_runs_is_told(instructions, torch, runs, why):
    found = choices.choices({}, facts(bf16=torch), {"instructions": instructions}, None)
    [one] = [one for one in found if one.what == "the same with --precision bf16"]
    assert one.runs == runs
    assert one.why.startswith(why)
