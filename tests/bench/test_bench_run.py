"""The rounds, with processes that are stand-ins: their times are known."""

from typing import Any

import pytest

from fakemamba.bench import run
from fakemamba.bench.backends import backend
from fakemamba.bench.crew import WorkerError
from fakemamba.bench.plan import Point
from fakemamba.bench.run import Group, Settings, measure
from fakemamba.bench.store import Store
from fakemamba.bench.subjects import Subject

SUBJECT = Subject(
    "small", random=False, scans=True, window=4.0, identity="a",
    folders={"torch": "/models/small", "onnx": "/models/small"},  # type: ignore[dict-item]
)  # fmt: skip


@pytest.fixture(autouse=True)
def _paths(monkeypatch):
    monkeypatch.setattr(Subject, "lacks", lambda self, one, device: None)


class Bench:
    """Stand-in processes: milliseconds for a second of audio by back-end, and a log of who was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: dict[str, float], **options: Any) -> None:
        self.calls: list[tuple[str, float]] = []
        self.open: list[str] = []
        self.most = 0
        bench = self

        class Fake:
            def __init__(self, job: Any) -> None:
                self.job = job
                if job.backend == options.get("unopened"):
                    raise WorkerError("no such weights")
                self.opened = {"scan": "cpu", "parameters": None, "load_s": 1.0, "versions": {"fakemamba": "0"}}
                bench.open.append(job.backend)
                bench.most = max(bench.most, len(bench.open))

            def __enter__(self) -> "Fake":
                return self

            def __exit__(self, *error: object) -> None:
                bench.open.remove(self.job.backend)

            def call(self, seconds: float, times: int = 1) -> dict[str, Any]:
                bench.calls.append((self.job.backend, seconds))
                mine = sum(name == self.job.backend for name, _ in bench.calls)
                if self.job.backend == options.get("dies") and mine > 3:  # in the second round
                    raise WorkerError("the system killed the process")
                spent = costs[self.job.backend] * seconds
                return {"ms": [spent] * times, "joules": None, "scores": [0.5 + costs[self.job.backend]]}

            def facts(self) -> dict[str, Any]:
                return {"peak_mb": 1000.0, "gpu_peak_mb": None}

        monkeypatch.setattr(run, "Worker", Fake)


def group(*names: str, seconds: float = 4.0, how: Any = "pass") -> Group:
    specs = tuple((SUBJECT, backend(name)) for name in names)
    return Group(Point(seconds, 1, 1, how), specs, (SUBJECT, backend("torch+reference")))


@pytest.fixture
def store(tmp_path) -> Store:
    found = Store(tmp_path / "out")
    found.claim(quick=False, device="cpu")
    return found


COSTS = {"torch+reference": 100.0, "torch": 25.0, "onnx": 50.0}
SETTINGS = Settings(budget=0.1, most=4, least=2)


def test_all_take_turns_in_an_order_that_changes(monkeypatch, store):
    bench = Bench(monkeypatch, COSTS)
    settings = Settings(budget=60.0, most=4, least=2)
    assert measure([group("torch", "onnx")], store, settings, lambda text: None) == []
    names = [name for name, _ in bench.calls[-12:]]
    rounds = [tuple(names[k : k + 3]) for k in range(0, 12, 3)]
    assert all(sorted(turn) == ["onnx", "torch", "torch+reference"] for turn in rounds)
    assert len(set(rounds)) > 1
    found = {cell.backend: cell for cell in store.cells()}
    assert set(found) == {"torch", "onnx"}  # the reference is told with each
    torch = found["torch"]
    assert torch.timing.p50 == 100.0
    assert torch.timing.rtf == 0.025
    assert torch.reference is not None
    assert (torch.reference.ratio, torch.reference.low, torch.reference.high) == (4.0, 4.0, 4.0)
    assert torch.reference.timing.p50 == 400.0
    assert torch.reference.score_difference == pytest.approx(75.0)
    assert torch.rounds == 4
    assert bench.open == []


def test_what_is_there_is_not_measured_again(monkeypatch, store):
    Bench(monkeypatch, COSTS)
    measure([group("torch")], store, SETTINGS, lambda text: None)
    again = Bench(monkeypatch, COSTS)
    said: list[str] = []
    measure([group("torch")], store, SETTINGS, said.append)
    assert again.calls == []
    assert said == []
    measure([group("torch", "onnx")], store, SETTINGS, said.append)
    assert {name for name, _ in again.calls} == {"torch+reference", "onnx"}
    assert said == ["1/1 small, 4 s, batch 1, 1 thread: onnx"]


def test_other_settings_weights_and_damage_are_measured_again(monkeypatch, store):
    Bench(monkeypatch, COSTS)
    measure([group("torch")], store, SETTINGS, lambda text: None)
    for change in ("settings", "weights", "damage"):
        again = Bench(monkeypatch, COSTS)
        wanted = group("torch")
        if change == "weights":
            other = Subject("small", random=False, scans=True, window=4.0, identity="b", folders=SUBJECT.folders)
            wanted = Group(wanted.point, ((other, backend("torch")),), wanted.reference)
        if change == "damage":
            for path in (store.out / "cells").glob("*/*.json"):
                path.write_text("{")
        settings = Settings(budget=0.2, most=4, least=2) if change == "settings" else SETTINGS
        measure([wanted], store, settings, lambda text: None)
        assert again.calls, change


def test_a_long_recording_is_measured_whole_and_its_reference_on_a_part(monkeypatch, store):
    bench = Bench(monkeypatch, COSTS)
    measure([group("torch", seconds=600.0, how="windows")], store, SETTINGS, lambda text: None)
    [cell] = store.cells()
    assert cell.timing.seconds == 600.0
    assert cell.reference is not None
    assert cell.reference.timing.seconds == 300.0  # a quarter of 120 s at 0.1 s for a second
    assert cell.reference.ratio == 4.0  # for a second of audio
    assert cell.reference.score_difference is None
    assert ("torch+reference", 600.0) not in bench.calls


def test_what_would_take_too_long_is_left_out_and_said(monkeypatch, store):
    Bench(monkeypatch, {**COSTS, "onnx": 1000.0})
    [skip] = measure([group("torch", "onnx", seconds=600.0, how="windows")], store, SETTINGS, lambda text: None)
    assert (skip.backend, skip.size) == ("onnx", "10 min, batch 1, 1 thread")
    assert skip.reason == "a call would take about 10 min: --limit allows it"
    assert [cell.backend for cell in store.cells()] == ["torch"]


def test_a_reference_that_takes_too_long_leaves_numbers_without_a_ratio(monkeypatch, store):
    Bench(monkeypatch, {**COSTS, "torch+reference": 1e6})
    [skip] = measure([group("torch")], store, SETTINGS, lambda text: None)
    assert skip.reason.startswith("as the reference: a call would take about")
    [cell] = store.cells()
    assert cell.reference is None


@pytest.mark.parametrize("option", ["unopened", "dies"])
def test_who_fails_is_left_behind_with_the_reason(monkeypatch, store, option):
    bench = Bench(monkeypatch, COSTS, **{option: "onnx"})
    [skip] = measure([group("onnx", "torch")], store, SETTINGS, lambda text: None)
    assert skip.backend == "onnx"
    assert skip.reason in ("no such weights", "the system killed the process")
    assert [cell.backend for cell in store.cells()] == ["torch"]
    assert bench.open == []


def test_a_reference_that_dies_takes_the_ratios_along_alone(monkeypatch, store):
    Bench(monkeypatch, COSTS, dies="torch+reference")
    measure([group("torch")], store, SETTINGS, lambda text: None)
    [cell] = store.cells()
    assert cell.reference is None
    assert cell.timing.p50 == 100.0


def test_little_memory_makes_smaller_crews_each_with_the_reference(monkeypatch, store):
    bench = Bench(monkeypatch, COSTS)
    monkeypatch.setattr(run, "available_bytes", lambda: 1_000_000_000)
    measure([group("torch", "onnx")], store, SETTINGS, lambda text: None)
    assert bench.most == 2
    assert all(cell.reference is not None for cell in store.cells())


def test_what_holds_for_several_sizes_is_said_once(monkeypatch, store):
    Bench(monkeypatch, COSTS, unopened="onnx")
    skips = measure([group("onnx", seconds=s) for s in (1.0, 2.0)], store, SETTINGS, lambda text: None)
    assert [(skip.size, skip.reason) for skip in skips] == [("2 sizes", "no such weights")]


def test_an_interrupt_closes_all_and_keeps_what_is_done(monkeypatch, store):
    bench = Bench(monkeypatch, COSTS)

    def stop(text: str) -> None:
        if text.startswith("2/2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([group("torch"), group("torch", seconds=2.0)], store, SETTINGS, stop)
    assert bench.open == []
    assert len(store.cells()) == 1
