"""`fakemamba train` on the screen: what is said when; whole runs are tested in tests/train."""

import io

import pytest

from fakemamba.cli import run as cli
from fakemamba.cli.train import _clock, _Report
from fakemamba.train.batches import Judgement
from fakemamba.train.loop import Tick


def tick(step: int, dev: Judgement | None = None) -> Tick:
    return Tick(step, 100, 1, 0.5, 1e-3, pace=2.0, left=2.0 * (100 - step), memory=3 << 30, dev=dev)


class Terminal(io.StringIO):
    """A stderr that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_loss_speed_memory_time_left_and_dev_are_shown(stream, monkeypatch):
    monkeypatch.setattr("sys.stderr", stream())
    monkeypatch.setenv("COLUMNS", "200")
    import sys

    report = _Report(10)
    for step in range(1, 11):
        report(tick(step))
    report(tick(10, Judgement(4.2, {"loss": 0.25, "eer": 4.2, "clips": 7})))
    report(tick(20))
    report.close()
    said = sys.stderr.getvalue()
    assert "epoch 1  step 10  dev loss 0.25, eer 4.2" in said
    assert "step 20/100  epoch 1  loss 0.5000  2.00 s/step  3.0 GB  3 min left  dev loss 0.25, eer 4.2" in said
    assert "clips" not in said


def test_a_clock_has_hours_when_they_are_needed():
    assert [_clock(seconds) for seconds in (20, 90, 3600, 9000)] == ["0 min", "2 min", "1 h 00 min", "2 h 30 min"]


def test_a_config_that_is_missing_is_told(capsys):
    assert cli(["train", "nothing.toml"]) == 2
    assert capsys.readouterr().err == "error: nothing.toml: no such file\n"
    assert cli(["train"]) == 2
