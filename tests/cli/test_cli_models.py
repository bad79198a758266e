"""`fakemamba models`: exit codes, one-line errors, and what the verbs show."""

import json
import subprocess
import sys

import pytest

from fakemamba.checkpoint import folder as folders
from fakemamba.checkpoint.folder import Calibration, Decision, ModelCard, Near, NearCounts, open_folder, write_folder
from fakemamba.cli import run
from fakemamba.cli.models import describe
from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig, RecogniserConfig, SpectrumConfig, XlsrConfig


def make(path, **changes):
    card = {"name": path.name, "model": ModelConfig(frontend=SpectrumConfig()), "licence": "CC0-1.0", **changes}
    return write_folder(path, ModelCard(**card), {"model.onnx": b"onnx", "model.safetensors": b"tensors"})


@pytest.fixture
def builtin(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_weights_dir", lambda: tmp_path / "weights")
    make(tmp_path / "weights" / "beta")
    make(
        tmp_path / "weights" / "alpha", calibration=Calibration(scale=2.0, bias=-1.0), decision=Decision(threshold=0.5)
    )
    return tmp_path / "weights"


def line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_list_names_the_default_first(builtin, capsys):
    assert run(["models", "list"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].startswith("alpha (default)")
    assert rows[2].startswith("beta")
    assert "CC0-1.0" in rows[1]
    assert run(["models", "list", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["alpha", "beta"]


def test_list_without_models(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(folders, "_weights_dir", lambda: tmp_path)
    assert run(["models", "list"]) == 0
    assert "no built-in models" in line(capsys)


def test_info_tells_what_the_near_pass_marked(builtin, capsys):
    counts = NearCounts(on="dev, clean", genuine=200, genuine_marked=10, partial=50, partial_found=30)
    near = Near(seconds=0.5, hop=0.15, calibration=Calibration(), threshold=1.0, length=3.0, measured=(counts,))
    conditions = {"telephone": Calibration(scale=0.25, bias=-0.5)}
    make(builtin / "close", calibration=Calibration(), conditions=conditions, near=near)
    assert run(["models", "info", "close"]) == 0
    shown = capsys.readouterr().out
    assert "calibration, telephone" in shown
    assert "0.25 x score -0.5" in shown
    assert "windows of 0.5 s, every 0.15 s" in shown
    assert "5.0 % (10 of 200" in shown
    assert "60.0 % (30 of 50" in shown
    assert run(["models", "info", "alpha"]) == 0
    assert "near pass" not in capsys.readouterr().out


def test_info_shows_what_the_card_says(builtin, capsys):
    assert run(["models", "info"]) == 0
    shown = capsys.readouterr().out
    for word in (
        "alpha",
        "2 x score -1",
        "fake below +0.5, real above +0.5",
        "CC0-1.0",
        "4.175 s",
        open_folder("alpha").sha256,
    ):
        assert word in shown
    assert run(["models", "info", str(builtin / "beta"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "beta"
    assert document["files"] == open_folder("beta").card.files


def test_a_strangers_card_writes_no_markup_on_the_terminal(tmp_path, capsys):
    make(tmp_path / "odd", licence="[red]free[/red]\x1b[2J", origin="[/nonsense]")
    assert run(["models", "info", str(tmp_path / "odd")]) == 0
    shown = capsys.readouterr().out
    assert "[red]free[/red]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("front", "kinds"),
    [
        ({}, "cepstra"),
        ({"modulation": True}, "cepstra and modulations"),
        ({"recogniser": RecogniserConfig()}, "cepstra and a speech recogniser"),
        ({"modulation": True, "recogniser": RecogniserConfig()}, "cepstra, modulations and a speech recogniser"),
    ],
)
def test_a_model_of_statistics_names_its_kinds(builtin, front, kinds):
    model = ModelConfig(
        frontend=CepstraConfig(**front), width=12, encoder=EncoderConfig(kind="none"), pooling="statistics"
    )
    made = make(builtin / "gamma", model=model)
    assert describe(made.card) == f"statistics of {kinds}; for each a plane and two layers of 12"


def test_verify_finds_a_changed_file(builtin, capsys):
    assert run(["models", "verify"]) == 0
    assert "2 files" in capsys.readouterr().out
    (builtin / "alpha" / "model.safetensors").write_bytes(b"other")
    assert run(["models", "verify", "alpha"]) == 2
    assert "damaged or changed" in line(capsys)
    assert run(["models", "verify", "absent"]) == 2
    assert "no such model" in line(capsys)


def test_import_writes_a_folder_named_after_the_file(tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch")
    from fakemamba.models import build

    front = XlsrConfig(
        width=16, layers=1, heads=2, ffn=16, conv_channels=(4,) * 7, positional_kernel=4, positional_groups=4
    )
    system = build(ModelConfig(frontend=front, width=16, encoder=EncoderConfig(depth=1)))
    names = {"frontend.": "ssl_model.model.", "project.": "LL.", "norm.": "first_bn.", "head.": "fc5."}
    names |= {"pool.weigh.": "attention_pool.", "encoder.": "encoder."}
    state = {}
    for key, tensor in system.state_dict().items():
        ours = next(prefix for prefix in names if key.startswith(prefix))
        state[f"module.{names[ours]}{key.removeprefix(ours)}"] = tensor
    torch.save(state, tmp_path / "best epoch.pth")
    monkeypatch.chdir(tmp_path)
    order = ["models", "import", "best epoch.pth", "--as", "fake-mamba", "--ssl-heads", "2"]
    assert run([*order, "--licence", "none given"]) == 0
    assert "XLS-R, 1 layers of 16; 1 x pn_bimamba of 16" in capsys.readouterr().out
    card = open_folder(tmp_path / "best-epoch").card
    assert (card.name, card.licence, card.origin) == ("best-epoch", "none given", "best epoch.pth")
    assert run(order) == 2
    assert "already exists" in line(capsys)
    assert run([*order, "--overwrite", "--raw-input", "--name", "renamed", "--out", "best-epoch"]) == 0
    assert open_folder(tmp_path / "best-epoch").card.name == "renamed"


def test_import_mistakes_are_one_line(tmp_path, capsys):
    pytest.importorskip("torch")
    (tmp_path / "a.pth").write_text("not a checkpoint")
    order = ["models", "import", str(tmp_path / "a.pth"), "--as"]
    assert run([*order, "lstm"]) == 2
    assert "fake-mamba, xlsr-mamba" in line(capsys)
    assert run([*order, "fake-mamba"]) == 2
    assert "no checkpoint" in line(capsys)
    assert run([*order, "fake-mamba", "--conv-strides", "5,x"]) == 2
    assert "5,2,2" in line(capsys)
    assert run(["models", "import", str(tmp_path / "a.pth")]) == 2
    assert "--as" in line(capsys)


def test_import_without_torch_says_what_to_install(tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("fakemamba.checkpoint.importer")]:
        monkeypatch.delitem(sys.modules, name)
    code = (
        "import sys; sys.modules['torch'] = None; from fakemamba.cli import run; "
        "sys.exit(run(['models', 'import', 'a.pth', '--as', 'fake-mamba']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "fakemamba[torch]" in done.stderr


def test_the_verbs_load_no_torch():
    code = "import sys, fakemamba.cli; fakemamba.cli.run(['models', 'list']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
