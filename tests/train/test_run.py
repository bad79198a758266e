"""Whole runs, in their folder: what they leave, how they resume, what they refuse."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from conftest import ROOT
from fakemamba.checkpoint.torch_io import load_system
from fakemamba.cli import run as cli
from fakemamba.errors import FakeMambaError
from fakemamba.train.run import train
from fakemamba.train.toml import load_settings
from runs import write_config, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def config(tmp_path: Path, corpus: Path) -> Path:
    return write_config(tmp_path, corpus)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_system(folder).state_dict()


def test_a_run_leaves_what_it_promises(config, tmp_path):
    out = tmp_path / "run"
    card = train(load_settings([config]), out, cpu=True)
    assert {path.name for path in out.iterdir()} == {
        "settings.toml", "versions.json", "log.jsonl", "curves.png", "epochs", "best", "last", "average", "card.json",
    }  # fmt: skip
    assert load_settings([out / "settings.toml"]) == load_settings([config])
    assert card["epochs"] == 2
    assert card["steps"] == 4
    assert card["data"]["train"]["bonafide"] == 8
    assert set(card["dev"]) == {"best", "last", "average"}
    assert json.loads((out / "card.json").read_text()) == json.loads(json.dumps(card))
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    best, last = weights(out / "epochs" / f"epoch-{card['best_epochs'][0]:03d}"), weights(out / "best")
    assert all(torch.equal(best[name], last[name]) for name in best)


def test_two_runs_are_bit_identical_and_the_seed_matters(config, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(load_settings([config], [f"train.seed={seed}"]), tmp_path / name, cpu=True)
    a, b, c = (weights(tmp_path / name / "last") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def start(words: list[str]) -> subprocess.Popen[str]:
    """A process of its own, one thread a process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def rows(out: Path, name: str) -> list[float]:
    return [row[name] for row in map(json.loads, (out / "log.jsonl").read_text().splitlines()) if name in row]


@pytest.mark.parametrize("more", [[], ["batch.variable=true", "batch.accumulate=2", "optim.kind=adam"]])
def test_two_processes_give_the_losses_of_one(config, tmp_path, more):
    changes = ["train.epochs=10", "train.log_steps=1", "batch.size=8", "loss.weights=[0.1, 0.9]", *more]
    words = ["train", str(config), "--cpu", "--quiet", *(part for change in changes for part in ("-s", change))]
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    one = start(["fakemamba", *words, "--out", str(tmp_path / "one")])
    two = start([*torchrun, "fakemamba", *words, "--out", str(tmp_path / "two")])
    for process in (one, two):
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 0, said
    for name, count in (("loss", 20), ("value", 10)):  # 16 clips: two steps an epoch
        alone, together = rows(tmp_path / "one", name), rows(tmp_path / "two", name)
        assert len(alone) == len(together) == count
        assert together == pytest.approx(alone, abs=1e-5)
