"""Settings from TOML and -s: types, merging, messages, and the files in configs/."""

from pathlib import Path

import pytest

from conftest import ROOT
from fakemamba.cli import run as cli
from fakemamba.errors import ConfigError
from fakemamba.train.settings import AugmentConfig, BatchConfig, LossConfig, OptimConfig, TrainConfig
from fakemamba.train.toml import dump, load_settings

RELEASED = [ROOT / "configs" / "fake-mamba-l.toml", ROOT / "configs" / "train" / "released-la.toml"]


def test_the_released_recipe_is_the_one_of_the_paper():
    la = load_settings(RELEASED)
    df = load_settings([RELEASED[0], RELEASED[1].with_name("released-df.toml")])
    for settings, algorithm in ((la, 5), (df, 3)):
        assert (settings.augment.kind, settings.augment.algorithm, settings.augment.dev) == (
            "rawboost",
            algorithm,
            True,
        )
        assert (settings.batch.size, settings.batch.crop, settings.batch.variable) == (20, "first", False)
        assert (settings.model.window, settings.model.short, settings.model.encoder.depth) == (66_800, "repeat", 7)
        optim = settings.optim
        assert (optim.kind, optim.lr, optim.weight_decay, optim.betas) == ("adam", 1e-6, 1e-4, (0.9, 0.999))
        assert (optim.schedule, optim.warmup, optim.clip, optim.freeze) == ("constant", 0, 0.0, "nothing")
        assert settings.loss.weights == (0.1, 0.9)
        train = settings.train
        assert (train.seed, train.epochs, train.patience, train.keep) == (1234, 75, 7, 5)
        assert (train.watch, train.average, train.precision) == ("loss", "correct", "fp32")


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("*.toml")), ids=lambda path: path.stem)
def test_every_training_file_is_read_and_survives_a_round_trip(path, tmp_path):
    model = "compact" if path.stem.startswith("compact") else "fake-mamba-l"
    odd = 'data.train.0.labels={"codec=C05" = "ignore", tts = "spoof"}'
    settings = load_settings([ROOT / "configs" / f"{model}.toml", path], [odd])
    (tmp_path / "again.toml").write_text(dump(settings))
    assert load_settings([tmp_path / "again.toml"]) == settings


def test_later_files_win_and_another_kind_of_part_starts_anew():
    compact, here = ROOT / "configs" / "compact.toml", RELEASED
    settings = load_settings([*here, compact], ["train.frontend=x"])
    assert settings.model.frontend.kind == "spectrum"
    assert settings.model.frontend.hop == 160
    assert settings.model.encoder.depth == 4


def test_overrides_are_typed():
    changes = [
        "optim.lr=1e-5",
        "batch.variable=true",
        "loss.weights=[1, 2]",
        "train.frontend=a b",
        "data.train.0.root=X",
    ]
    settings = load_settings(RELEASED, changes)
    assert settings.optim.lr == 1e-5
    assert settings.batch.variable is True
    assert settings.loss.weights == (1.0, 2.0)
    assert settings.train.frontend == "a b"
    assert settings.data.train[0].root == "X"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optim.rl=1", r"optim\.rl: no such key; (did you mean 'lr'\? )?choose from betas, .*warmup"),
        ("optm.lr=1", r"optm: no such key; did you mean 'optim'\? choose from augment, batch, data"),
        ("model.frontend.layer=3", r"no such key; did you mean 'layers'\?"),
        ("data.train.0.rot=x", r"no such key; did you mean 'root'\?"),
        ("data.train.1.root=x", r"there are 1 entries, numbered from 0"),
        ("data.train.x.root=x", r"the entries of train are numbered, train\.0 is the first"),
        ("optim.kind=sgd", r"optim\.kind: Input should be 'adam' or 'adamw'"),
        ("optim.lr=fast", r"optim\.lr: Input should be a valid number"),
        ("optim.lr=-1", r"optim\.lr: Input should be greater than 0"),
        ("optim.lr.x=1", r"lr holds a value, not a table"),
        ("optim.lr", r"write it as table\.key=value"),
        ("train.epochs=2.5", r"train\.epochs"),
        ("augment.algorithm=9", r"augment\.algorithm: Input should be 1, 2"),
        ("loss.kind=one_class", r'loss\.kind = "one_class" and model\.score = "cosine" only go together'),
        ("loss.kind=focal", None),
        ("optim.freeze=layers", r"frozen_layers must be from 1 to 24"),
        ("batch.accumulate=21", r"accumulate 21 is more than size 20"),
        ("train.start=x", r"frontend and start exclude each other"),
        ("train.keep=3", None),
        ("augment.chances=[1]", r"chances must be 3 numbers"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(change, message, capsys):
    if message is None:
        load_settings(RELEASED, [change])
        return
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(RELEASED, [change])
    assert "\n" not in str(caught.value)
    assert cli(["train", *map(str, RELEASED), "-s", change]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_legacy_average_needs_five():
    with pytest.raises(ConfigError, match="defined for keep = 5, not 3"):
        load_settings(RELEASED, ["train.average=legacy", "train.keep=3"])


def test_show_prints_the_resolved_settings(capsys, tmp_path):
    assert cli(["train", *map(str, RELEASED), "-s", "optim.lr=3e-6", "--show"]) == 0
    (tmp_path / "shown.toml").write_text(capsys.readouterr().out)
    assert load_settings([tmp_path / "shown.toml"]) == load_settings(RELEASED, ["optim.lr=3e-6"])


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"nothing\.toml: no such file"):
        load_settings([Path("nothing.toml")])


def test_the_page_lists_every_option_with_its_default():
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    tables = {
        "augment": AugmentConfig,
        "batch": BatchConfig,
        "optim": OptimConfig,
        "loss": LossConfig,
        "train": TrainConfig,
    }
    for table, kind in tables.items():
        for line in dump(kind()).splitlines():  # what has no default is None and listed as none
            key, _, value = line.partition(" = ")
            assert f"| `{table}.{key}` | `{value}` |" in page
        for key in kind.model_fields:
            assert f"| `{table}.{key}` | " in page


def test_the_pages_example_is_read(tmp_path):
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "my-run.toml").write_text(example)
    settings = load_settings([ROOT / "configs" / "compact.toml", tmp_path / "my-run.toml"])
    assert settings.data.train[0].corpus == "folder"
    assert settings.batch.size == 16
