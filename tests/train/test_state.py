"""Where a run stands: which epochs are the best, when it is stale, and checkpoints that are whole."""

import json
import math

import pytest
import torch

from fakemamba.errors import CheckpointError
from fakemamba.train.curves import draw
from fakemamba.train.folder import RunFolder
from fakemamba.train.state import Standing, read_state, write_state


def test_the_best_epochs_and_the_epochs_without_a_better_one():
    standing = Standing()
    looks = [3.0, 2.0, 2.5, 2.0, math.nan, 1.0]
    kept = [standing.judge(value, epoch, keep=2) for epoch, value in enumerate(looks, 1)]
    assert kept == [True, True, True, True, False, True]
    assert standing.best == [(1.0, 6), (2.0, 2)]  # of the two that are alike the earlier
    assert standing.stale == 0
    stale = Standing()
    found = []
    for epoch, value in enumerate(looks, 1):
        stale.judge(value, epoch, keep=5)
        found.append(stale.stale)
    assert found == [0, 0, 1, 2, 3, 0]


def test_a_run_of_nothing_but_nan_keeps_nothing_and_grows_stale():
    standing = Standing()
    assert not any(standing.judge(math.nan, epoch, keep=2) for epoch in (1, 2, 3))
    assert (standing.best, standing.stale) == ([], 3)


def test_a_checkpoint_is_read_back_and_a_damaged_one_is_told(tmp_path):
    path = tmp_path / "state.pt"
    assert read_state(path) is None
    standing = Standing(step=7, epochs=2, place=1, best=[(0.5, 2)], stale=1, losses=[0.25])
    write_state(path, standing, {"model": {"w": torch.arange(3)}})
    found, parts = read_state(path)
    assert found == standing
    assert torch.equal(parts["model"]["w"], torch.arange(3))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        read_state(path)


def test_the_log_forgets_what_comes_again(tmp_path):
    folder = RunFolder(tmp_path)
    for row in ({"step": 1, "loss": 1.0}, {"step": 2, "loss": math.nan}, {"step": 2, "epoch": 1, "dev": {}}):
        folder.log(row)
    folder.log({"step": 3, "loss": 0.5})
    with folder.log_file.open("a") as file:
        file.write('{"step": 4, "lo')  # cut off by a kill
    folder.rewind(2, epochs=0)
    rows = [json.loads(line) for line in folder.log_file.read_text().splitlines()]
    assert rows == [{"step": 1, "loss": 1.0}, {"step": 2, "loss": None}]


def test_curves_bear_holes_and_an_empty_log(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        {"step": 5, "loss": 1.0, "rate": 0.1},
        {"step": 5, "epoch": 1, "dev": {"loss": 0.9, "eer": None, "$x$": 3.0, "clips": 4}},
        {"step": 10, "loss": None, "rate": 0.1},
        {"step": 10, "epoch": 2, "dev": {"loss": 0.7, "eer": 20.0, "clips": 4}},
    ]
    for log in (rows, rows[:1], []):
        draw(log, tmp_path / "curves.png", "a $run$")
        assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
