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
from runs import MODEL, RUN, STATISTICS, write_config, write_corpus

from conftest import ROOT
from fakemamba.checkpoint.torch_io import load_system, save_tensors
from fakemamba.cli import run as cli
from fakemamba.errors import CheckpointError, ConfigError, FakeMambaError
from fakemamba.models import build
from fakemamba.train.loop import Tick
from fakemamba.train.run import start_system, train
from fakemamba.train.settings import Settings
from fakemamba.train.state import read_state
from fakemamba.train.toml import load_settings


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


def test_two_runs_are_bit_identical_with_any_workers_and_the_seed_matters(config, tmp_path):
    for name, seed, workers in (("a", 1, 0), ("b", 1, 1), ("c", 2, 0)):
        settings = load_settings([config], [f"train.seed={seed}", f"train.workers={workers}", "train.epochs=1"])
        train(settings, tmp_path / name, cpu=True)
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


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (MODEL, []),
        (MODEL, ["batch.variable=true", "batch.accumulate=2", "optim.kind=adam"]),
        (STATISTICS, []),  # means and spreads are gathered in all five epochs
        (STATISTICS, ["batch.variable=true"]),
    ],
)
def test_two_processes_give_the_losses_of_one(corpus, tmp_path, model, more):
    config = write_config(tmp_path, corpus, model=model)
    changes = ["train.epochs=5", "train.log_steps=1", "batch.size=4", "loss.weights=[0.1, 0.9]", *more]
    words = ["train", str(config), "--cpu", "--quiet", *(part for change in changes for part in ("-s", change))]
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    two = start([*torchrun, "fakemamba", *words, "--out", str(tmp_path / "two")])
    train(load_settings([config], changes), tmp_path / "one", cpu=True)
    said, _ = two.communicate(timeout=100)
    assert two.returncode == 0, said
    for name, count in (("loss", 20), ("value", 5)):  # 16 clips: four steps an epoch
        alone, together = rows(tmp_path / "one", name), rows(tmp_path / "two", name)
        assert len(alone) == len(together) == count
        assert together == pytest.approx(alone, abs=1e-5)
    one, both = weights(tmp_path / "one" / "last"), weights(tmp_path / "two" / "last")
    for name in ("norm.mean", "norm.square"):
        if name in one:
            torch.testing.assert_close(both[name], one[name])


@pytest.fixture
def one_thread():
    """Sums of floats are the same to the bit only on the same number of threads, as `start` takes one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_run_goes_on_to_the_same_bits(config, tmp_path):
    changes = ["train.epochs=5", "train.ema=0.9", "train.save_steps=3", "model.encoder.dropout=0.1"]
    changes += ["model.frontend.hide=4", "augment.kind=rawboost", "train.log_steps=1", "batch.size=4"]
    words = ["fakemamba", "train", str(config), "--cpu", "--quiet", *(w for c in changes for w in ("-s", c))]
    process = start([*words, "--out", str(tmp_path / "killed")])
    log, until = tmp_path / "killed" / "log.jsonl", time.monotonic() + 100
    while not (log.exists() and len(rows(tmp_path / "killed", "loss")) >= 8):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "card.json").exists()
    settings = load_settings([config], changes)
    train(settings, tmp_path / "killed", cpu=True)
    train(settings, tmp_path / "straight", cpu=True)
    for kind in ("last", "best", "average"):
        straight, killed = weights(tmp_path / "straight" / kind), weights(tmp_path / "killed" / kind)
        assert all(torch.equal(straight[name], killed[name]) for name in straight)
    for name in ("loss", "value"):
        assert rows(tmp_path / "straight", name) == rows(tmp_path / "killed", name)


def test_a_finished_run_says_so_and_others_are_refused(config, tmp_path, capsys):
    out, words = tmp_path / "run", ["train", str(config), "--cpu", "-s", "train.epochs=1"]
    assert cli([*words, "--out", str(out)]) == 0
    assert "done after 1 epochs" in capsys.readouterr().out
    assert cli([*words, "--out", str(out)]) == 0
    assert "finished before after 1" in capsys.readouterr().out
    assert cli([*words, "-s", "train.log_steps=1", "--out", str(out)]) == 0
    assert cli([*words, "-s", "optim.lr=2e-3", "--out", str(out)]) == 2
    assert "optim.lr was 0.001, now 0.002" in capsys.readouterr().err
    failed = ["--out", str(tmp_path / "failed")]
    assert cli([*words, "-s", "data.train.0.root=nowhere", *failed]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert cli([*words, *failed]) == 0  # a run that reached nothing gives its folder to one that was mended
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    assert cli([*words, "--out", str(tmp_path / "mine")]) == 2
    assert "no training run and not empty" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(config, tmp_path):
    settings = load_settings([config], ["optim.lr=1e30", "optim.clip=0", "train.epochs=9"])
    with pytest.raises(FakeMambaError, match=r"step \d+: the loss is .*smaller optim.lr.* steps are kept in"):
        train(settings, tmp_path / "run", cpu=True)


def test_a_missing_file_ends_the_run_and_what_was_reached_is_kept(tmp_path):
    corpus = write_corpus(tmp_path / "corpus")
    settings = load_settings([write_config(tmp_path, corpus)], ["train.epochs=4", "batch.size=4"])
    straight = tmp_path / "straight"
    train(settings, straight, cpu=True)
    gone = tmp_path / "gone.wav"

    def lose(tick: Tick) -> None:
        if tick.step == 2:
            (corpus / "audio" / "0.wav").rename(gone)

    with pytest.raises(FakeMambaError, match=r"0\.wav.*steps are kept in .*run; the same command goes on"):
        train(settings, tmp_path / "run", progress=lose, cpu=True)
    assert (tmp_path / "run" / "state.pt").exists()
    gone.rename(corpus / "audio" / "0.wav")
    train(settings, tmp_path / "run", cpu=True)
    a, b = weights(straight / "last"), weights(tmp_path / "run" / "last")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_full_disk_ends_the_run_in_one_line_and_the_old_checkpoint_stays(config, tmp_path):
    resource = pytest.importorskip("resource")
    settings = load_settings([config], ["train.epochs=6", "train.save_steps=1", "batch.size=4"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(tick: Tick) -> None:
        if tick.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))

    try:
        with pytest.raises(FakeMambaError, match=r"cannot be written.*2 steps are kept"):
            train(settings, tmp_path / "run", progress=fill, cpu=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_state(tmp_path / "run" / "state.pt")[0].step == 2
    train(settings, tmp_path / "run", cpu=True)


def test_patience_and_legacy_average(config, tmp_path):
    settings = load_settings(
        [config], ["optim.lr=1e-12", "train.patience=2", "train.epochs=40", "train.average=legacy"]
    )
    card = train(settings, tmp_path / "run", cpu=True)
    assert card["epochs"] < 40


def test_fine_tuning_starts_from_a_model_and_refuses_another(config, tmp_path):
    train(load_settings([config], ["train.epochs=1"]), tmp_path / "first", cpu=True)
    start_at = f"train.start={tmp_path / 'first' / 'last'}"
    settings = load_settings([config], [start_at])
    ours, theirs = start_system(settings.recipe).state_dict(), weights(tmp_path / "first" / "last")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    with pytest.raises(ConfigError, match=r"train\.start: .* has width = 16, the settings say 24"):
        start_system(load_settings([config], [start_at, "model.width=24"]).recipe)


def test_fine_tuning_starts_from_the_built_in_model_by_its_name(tmp_path, corpus):
    (tmp_path / "data.toml").write_text(RUN.replace("ROOT", str(corpus)))
    settings = load_settings(
        [ROOT / "configs" / "compact-recogniser.toml", tmp_path / "data.toml"], ["train.start=compact-3"]
    )
    ours, theirs = start_system(settings.recipe).state_dict(), load_system("compact-3").state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_recogniser_is_taken_from_a_model_and_never_random(tmp_path, corpus):
    (tmp_path / "data.toml").write_text(RUN.replace("ROOT", str(corpus)))
    files = [ROOT / "configs" / "compact-recogniser.toml", tmp_path / "data.toml"]
    with pytest.raises(ConfigError, match=r"-s train\.frontend=compact-\d takes the built-in model's"):
        start_system(load_settings(files).recipe)
    ours = start_system(load_settings(files, ["train.frontend=compact-3"]).recipe)
    theirs = load_system("compact-3")
    for name, weight in theirs.frontend.state_dict().items():
        assert torch.equal(ours.frontend.state_dict()[name], weight)
    assert not any(parameter.requires_grad for parameter in ours.frontend.parameters())
    assert not ours.judges[0].plane.weight.any()  # the judges begin undecided
    with pytest.raises(ConfigError, match=r"train\.frontend: .* has "):
        start_system(load_settings(files, ["train.frontend=compact-3", "model.frontend.modulation=false"]).recipe)


def test_xls_r_weights_start_the_front_end_alone(tmp_path, corpus, caplog):
    def settings(layers: int, *more: str) -> Settings:
        model = f"[model]\nwidth = 16\n[model.encoder]\ndepth = 1\n[model.frontend]\nkind = 'xlsr'\nlayers = {layers}\n"
        small = (
            "width = 16\nheads = 2\nffn = 32\nconv_channels = [8, 8]\nconv_kernels = [10, 8]\nconv_strides = [5, 4]\n"
        )
        (tmp_path / "xlsr.toml").write_text(model + small + "positional_kernel = 4\npositional_groups = 2\n")
        (tmp_path / "data.toml").write_text(RUN.replace("ROOT", str(corpus)))
        return load_settings([tmp_path / "xlsr.toml", tmp_path / "data.toml"], more)

    whole = settings(3)
    system = build(whole.model)
    front = {name: value for name, value in system.state_dict().items() if name.startswith("frontend.")}
    save_tensors(tmp_path / "xls-r", front, whole.model)
    start_at = f"train.frontend={tmp_path / 'xls-r'}"
    caplog.set_level("INFO")
    for layers in (3, 2):  # fewer layers than the weights have truncate them
        ours = start_system(settings(layers, start_at).recipe).state_dict()
        taken = [name for name in ours if name.startswith("frontend.")]
        assert all(torch.equal(ours[name], front[name]) for name in taken)
    assert caplog.text.count("keeps the first") == caplog.text.count("keeps the first 2 of 3 layers") == 1
    with pytest.raises(ConfigError, match="has 3 layers"):
        start_system(settings(4, start_at).recipe)
    with pytest.raises(ConfigError, match=r"has ffn = 32, the settings say 64"):
        start_system(settings(3, start_at, "model.frontend.ffn=64").recipe)
    with pytest.raises(CheckpointError, match="no such model"):
        start_system(settings(3, "train.frontend=nowhere").recipe)
