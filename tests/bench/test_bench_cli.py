"""`fakemamba bench` from the command line with real processes, as small as they get."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cells import made_cell

from conftest import ROOT
from fakemamba.bench import subjects
from fakemamba.bench.crew import Worker, WorkerError
from fakemamba.bench.job import Job
from fakemamba.bench.records import Cell
from fakemamba.bench.store import Store
from fakemamba.cli import run as cli
from fakemamba.config import load_model_config
from fakemamba.paper.recipe import shrink
from fakemamba.train.toml import dump
from fakes import write_tiny_model

QUICK = ["--seconds", "0.01", "--threads", "1"]


@pytest.fixture
def model(tmp_path) -> Path:
    return write_tiny_model(tmp_path / "tiny")


def tiny_config(path: Path) -> Path:
    config = shrink(load_model_config(ROOT / "configs" / "fake-mamba-l.toml"))
    path.write_text(
        "[model]\n" + dump(config).replace("[frontend]", "[model.frontend]").replace("[encoder]", "[model.encoder]")
    )
    return path


def words(model: Path, out: Path, durations: str = "1,2") -> list[str]:
    return ["bench", str(model), "--backends", "onnx", "--durations", durations, "--batch", "1", *QUICK, "-o", str(out)]


def test_a_model_without_torch_from_end_to_end(model, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli([*words(model, out, "1,2,40"), "--batch", "1,3", "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["format"], found["skipped"], found["settings"]["budget"]) == (1, [], 0.01)
    assert {(c["seconds"], c["batch"], c["how"]) for c in found["cells"]} == {
        (1, 1, "pass"), (2, 1, "pass"), (2, 3, "pass"), (40, 1, "windows")
    }  # fmt: skip
    for document in found["cells"]:
        cell = Cell.model_validate(document)
        assert cell.reference is not None
        assert (cell.reference.backend, cell.reference.threads) == ("onnx", 1)
        assert cell.reference.score_difference == 0
        assert cell.timing.p5 <= cell.timing.p50 <= cell.timing.p95 <= cell.timing.p99
        assert cell.timing.calls >= cell.rounds >= 3
    assert "1/4 tiny, 1 s, batch 1, 1 thread: onnx" in captured.err
    assert json.loads((out / "bench.json").read_text()) == found
    assert "| 1 s | 1 | 1 | ONNX Runtime, float32 |" in (out / "bench.md").read_text()
    assert (out / "rtf-tiny.png").exists()

    before = {path: path.stat().st_mtime_ns for path in (out / "cells").rglob("*.json")}
    assert cli([*words(model, out, "1,2,40"), "--batch", "1,3"]) == 0
    assert before == {path: path.stat().st_mtime_ns for path in (out / "cells").rglob("*.json")}
    assert capsys.readouterr().err == ""  # nothing was left to do

    assert cli(["bench", "--report", "--markdown", "-o", str(out)]) == 0
    assert capsys.readouterr().out == (out / "bench.md").read_text()


def started(arguments: list[str]) -> "subprocess.Popen[str]":
    # A shell's background jobs, and what they start, ignore Ctrl-C: here it must arrive.
    return subprocess.Popen(
        [sys.executable, "-m", "fakemamba", *arguments], stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(condition, process, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def workers_of(process: "subprocess.Popen[str]") -> set[int]:
    tasks = Path(f"/proc/{process.pid}/task")
    return {int(pid) for file in tasks.glob("*/children") for pid in file.read_text().split()}


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_run_keeps_its_cells_leaves_no_process_and_goes_on(model, tmp_path, how, code):
    out = tmp_path / "out"
    process = started(words(model, out, "1,2,3"))
    wait_for(lambda: list(out.glob("cells/*/*.json")), process)
    wait_for(lambda: workers_of(process), process)
    children = workers_of(process)
    process.send_signal(how)
    assert process.wait(timeout=30) == code
    assert "Traceback" not in process.stderr.read()
    end = time.monotonic() + 10
    while not all(gone(pid) for pid in children):
        assert time.monotonic() < end, "a measuring process outlived its owner"
        time.sleep(0.02)
    kept = {path: path.read_bytes() for path in out.glob("cells/*/*.json")}
    assert 0 < len(kept) < 3
    assert cli(words(model, out, "1,2,3")) == 0
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert len(list(out.glob("cells/*/*.json"))) == 3


def test_a_configuration_file_is_measured_with_random_weights_that_say_so(tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "out"
    file = tiny_config(tmp_path / "mine.toml")
    arguments = ["bench", str(file), "--backends", "torch", "--durations", "1", "--batch", "1", *QUICK, "-o", str(out)]
    assert cli(arguments) == 0
    text = capsys.readouterr().out
    assert "mine (random weights): whole clips in one pass of the model" in text
    assert "Random weights cost what trained ones cost; their scores mean nothing." in text
    [cell] = Store(out).cells()
    assert cell.random_weights
    assert cell.reference is not None
    assert cell.reference.backend == "torch+reference"
    assert cell.reference.score_difference is not None
    assert cell.reference.score_difference < 1e-4


def test_an_int8_folder_is_measured_as_what_it_is(tmp_path):
    model = write_tiny_model(tmp_path / "small", training={"exported": {"precision": "int8"}})
    out = tmp_path / "out"
    assert cli(["bench", str(model), "--durations", "1", "--batch", "1", *QUICK, "-o", str(out), "-q"]) == 0
    [cell] = Store(out).cells()
    assert cell.backend == "onnx-int8"
    assert cell.reference is not None
    assert (cell.reference.backend, cell.reference.threads) == ("onnx-int8", 1)


def test_the_encoders_figure(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "out"
    two = {name: subjects.ENCODERS[name] for name in ("fake-mamba-l", "xlsr-transformer")}
    monkeypatch.setattr(subjects, "ENCODERS", two)
    assert cli(["bench", "--encoders", "--quick", "--durations", "1", "-o", str(out), "--markdown"]) == 0
    text = capsys.readouterr().out
    assert "QUICK: too few calls to mean anything." in text
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")] == [
        "| encoder", "| ---", "| PN-BiMamba", "| Transformer", "| PN-BiMamba, scan step by step (reference)"
    ]  # fmt: skip
    cells = Store(out).cells()
    assert {cell.scan for cell in cells if cell.model == "Transformer"} == {None}
    assert all(cell.parameters for cell in cells)


def test_processes_have_peaks_of_their_own_and_say_why_they_fail(tmp_path):
    model = write_tiny_model(tmp_path / "tiny")
    job = Job(model=str(model), backend="onnx", device="cpu", threads=1, batch=1, how="pass")
    with Worker(job) as first:
        first.call(600.0)  # 38 MB of samples, and copies
        large = first.facts()["peak_mb"]
        with Worker(job) as second:
            second.call(1.0)
            assert second.facts()["peak_mb"] < large - 30
            with pytest.raises(WorkerError, match="too short"):
                second.call(0.001)
    with pytest.raises(WorkerError, match="no such model"):
        Worker(job.model_copy(update={"model": str(tmp_path / "nothing")}))


def test_quick_without_torch_measures_the_built_in_model(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fakemamba.bench.backends.find_spec", lambda name: None)
    monkeypatch.setattr("fakemamba.bench.subjects.find_spec", lambda name: None)
    assert cli(["bench", "--quick", "--durations", "0.5", "-o", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "reference: ONNX Runtime, float32, 1 thread" in text
    assert "torch: pip install" not in text.partition("Not measured")[0]
    assert "torch is not installed: pip install 'fakemamba[torch]'" in text
    assert cli(["bench", "--encoders", "-o", str(tmp_path / "other")]) == 2
    assert cli(["bench", "configs/compact.toml", "-o", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.count("pip install 'fakemamba[torch]'") == 2


def test_without_matplotlib_the_numbers_are_there(tmp_path, monkeypatch, capsys):
    store = Store(tmp_path / "out")
    store.claim(quick=False, device="cpu")
    store.save(made_cell(seconds=1.0))
    store.save(made_cell(seconds=4.0))
    monkeypatch.setattr("fakemamba.plots.available", lambda: False)
    assert cli(["bench", "--report", "-o", str(store.out)]) == 0
    assert "pip install 'fakemamba[plot]'" in capsys.readouterr().out
    assert not list(store.out.glob("*.png"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-here"], "no such model"),
        (["--durations", "x"], "--durations x: give numbers"),
        (["--threads", "9999"], "--threads 9999: give whole numbers from 1"),
        (["--backends", "fast"], "back-end 'fast' is unknown: choose from torch"),
        (["--device", "gpu"], "--device gpu: choose cpu, cuda"),
        (["--json", "--markdown"], "only one of --json and --markdown"),
        (["--report"], "holds no measurements: run"),
        (["--encoders", "compact-3"], "leave the models out"),
        (["--encoders", "--durations", "60"], "30 s at most"),
        (["missing.toml"], "no such file"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, capsys, arguments, said):
    assert cli(["bench", *arguments, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_measurements_of_another_kind_never_mix(tmp_path, capsys):
    store = Store(tmp_path / "out")
    store.claim(quick=True, device="cpu")
    assert cli(["bench", "-o", str(store.out)]) == 2
    assert "holds measurements with quick True, not False" in capsys.readouterr().err
    mark = store.out / "machine.json"
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "processor": "another chip"}))
    assert cli(["bench", "--quick", "-o", str(store.out)]) == 2
    assert "processor another chip" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    assert cli(["bench", "-o", str(tmp_path / "other")]) == 2
    assert "holds no measurements and is not empty" in capsys.readouterr().err


def test_nothing_measured_is_an_error(model, tmp_path, capsys):
    assert (
        cli(
            [
                "bench",
                str(model),
                "--backends",
                "torch",
                "--durations",
                "1",
                "--batch",
                "1",
                *QUICK,
                "-o",
                str(tmp_path / "o"),
            ]
        )
        == 2
    )
    assert "nothing was measured, the first reason: the model has no model.safetensors" in capsys.readouterr().err
