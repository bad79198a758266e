"""The folder format: whole or nothing, hashes checked, hostile cards refused in one line."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakemamba.checkpoint import folder as folders
from fakemamba.checkpoint.folder import Calibration, Decision, ModelCard, open_folder, write_folder
from fakemamba.config import ModelConfig
from fakemamba.errors import CheckpointError, MissingExtraError

WEIGHTS = b"weights" * 100


def card(**changes) -> ModelCard:
    return ModelCard(**{"name": "tiny", "model": ModelConfig(), **changes})


@pytest.fixture
def model(tmp_path) -> Path:
    return write_folder(tmp_path / "tiny", card(), {"model.safetensors": WEIGHTS}).path


def edit(path: Path, **changes) -> None:
    data = json.loads((path / "config.json").read_text())
    data.update(changes)
    (path / "config.json").write_text(json.dumps(data))


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        open_folder(path)
    message = str(caught.value)
    assert "\n" not in message
    assert "\x1b" not in message
    return message


def test_what_is_written_reads_back_equal(tmp_path):
    made = card(
        calibration=Calibration(scale=2.5, bias=-0.5),
        decision=Decision(threshold=0.1, unsure_below=1.0, unsure_above=0.5),
        licence="CC0-1.0",
        origin="https://example.org",
        training={"epochs": 3, "note": {"seed": 1}},
    )
    source = tmp_path / "exported.bin"
    source.write_bytes(b"onnx bytes")
    written = write_folder(tmp_path / "deep" / "er", made, {"model.safetensors": WEIGHTS, "model.onnx": source})
    opened = open_folder(tmp_path / "deep" / "er")
    assert opened == written
    assert opened.card.calibration == made.calibration
    assert opened.card.decision == made.decision
    assert opened.card.training == made.training
    assert opened.sha256 == hashlib.sha256(b"onnx bytes").hexdigest()  # the ONNX file runs when there is one
    assert opened.card.files["model.safetensors"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert opened.file("model.safetensors").read_bytes() == WEIGHTS
    opened.verify()
    assert sorted(p.name for p in opened.path.parent.iterdir()) == ["er"]  # no partial folder is left


def test_changed_weights_are_refused_but_opening_stays_cheap(model):
    (model / "model.safetensors").write_bytes(WEIGHTS[:-1] + b"!")
    opened = open_folder(model)  # reads the card only
    with pytest.raises(CheckpointError, match="damaged or changed"):
        opened.file("model.safetensors")
    with pytest.raises(CheckpointError, match="damaged or changed"):
        opened.verify()


def test_only_the_wanted_file_is_hashed_with_its_companions(tmp_path):
    contents = {"model.onnx": b"a", "model.onnx.data": b"b", "model.safetensors": b"c"}
    opened = write_folder(tmp_path / "m", card(), contents)
    (opened.path / "model.safetensors").write_bytes(b"changed")
    assert opened.file("model.onnx") == opened.path / "model.onnx"
    (opened.path / "model.onnx.data").write_bytes(b"changed")
    with pytest.raises(CheckpointError, match=r"model\.onnx\.data"):
        opened.file("model.onnx")


def test_missing_and_unlisted_files(model):
    (model / "model.onnx").write_bytes(b"smuggled in")
    opened = open_folder(model)
    assert opened.weights == "model.safetensors"
    with pytest.raises(CheckpointError, match=r"has no model\.onnx"):
        opened.file("model.onnx")
    (model / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="fetch the model again"):
        opened.verify()


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_folder(tmp_path / "m", card(), {"a.bin": b"x", "model.onnx": tmp_path / "absent"})
    assert list(tmp_path.iterdir()) == []


def test_overwriting_replaces_models_only(tmp_path, model):
    other = tmp_path / "recordings"
    other.mkdir()
    (other / "interview.wav").write_bytes(b"precious")
    link = tmp_path / "link"
    link.symlink_to(model)
    for target in (other, other / "interview.wav", link):
        with pytest.raises(CheckpointError, match="so it is not replaced"):
            write_folder(target, card(), {"model.onnx": b"x"}, overwrite=True)
    assert (other / "interview.wav").read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "recordings", "tiny"]


def test_a_failed_overwrite_keeps_the_old_folder(model):
    before = (model / "config.json").read_bytes()
    with pytest.raises(CheckpointError):
        write_folder(model, card(name="new"), {"model.onnx": model / "absent"}, overwrite=True)
    assert (model / "config.json").read_bytes() == before
    with pytest.raises(CheckpointError, match="already exists"):
        write_folder(model, card(name="new"), {"model.onnx": b"x"})
    write_folder(model, card(name="new"), {"model.onnx": b"x"}, overwrite=True)
    assert open_folder(model).card.name == "new"
    assert not (model / "model.safetensors").exists()
    assert [p.name for p in model.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("name", ["../evil", "a/b", "/etc/passwd", "..", ".hidden", "a\\b", "", "config.json", "C:x"])
def test_names_that_leave_the_folder_are_refused(model, tmp_path, name):
    edit(model, files={name: "0" * 64})
    assert "config.json" in refusal(model)
    with pytest.raises(CheckpointError, match="plain file name"):
        write_folder(tmp_path / "out", card(), {name: b"x"})
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": 2}, "pip install -U fakemamba"),
        ({"format": "one"}, "format"),
        ({"format": None}, "no 'format'"),
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"bad\n\x1b[31mkey": 1}, "Extra inputs"),
        ({"name": "../x"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"files": {"model.onnx": "123"}}, "files"),
        ({"files": []}, "files"),
        ({"calibration": {"scale": -1.0}}, "calibration.scale"),
        ({"calibration": {"bias": float("nan")}}, "calibration.bias"),
        ({"decision": {"unsure_below": -1}}, "decision.unsure_below"),
        ({"model": {"encoder": {"kind": "lstm"}}}, "encoder.kind"),
        ({"model": {"encoder": {"depth": 10**9}}}, "depth"),
        ({"model": {"width": 0}}, "width"),
        ({"model": {"frontend": {"kind": "xlsr", "extra": 1}}}, "extra"),
        ({"model": None}, "model"),
    ],
)
def test_malformed_cards_are_refused_in_one_line(model, changes, expected):
    edit(model, **changes)
    assert expected in refusal(model)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b" " * 2_000_000, b'{"a": 1' + b"0" * 9_999],
)
def test_files_that_are_no_json_object_are_refused(model, content):
    (model / "config.json").write_bytes(content)
    refusal(model)


def test_a_hugging_face_folder_is_recognised(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "wav2vec2"}')
    assert "models import" in refusal(tmp_path)


def test_what_is_not_there(tmp_path):
    assert "no config.json" in refusal(tmp_path)
    assert "built in" in refusal(tmp_path / "absent")
    file = tmp_path / "best.pth"
    file.write_bytes(b"x")
    assert "models import" in refusal(file)
    with pytest.raises(CheckpointError, match="no such model"):
        open_folder("no-such-model")


def test_built_in_models_open_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_weights_dir", lambda: tmp_path)
    assert folders.builtin_names() == []
    with pytest.raises(CheckpointError, match="no built-in model"):
        open_folder(None)
    for name in ("beta", "alpha"):
        write_folder(tmp_path / name, card(name=name), {"model.onnx": name.encode()})
    assert folders.builtin_names() == ["alpha", "beta"]
    assert folders.DEFAULT_MODEL == "alpha"
    assert open_folder(None).card.name == "alpha"
    assert open_folder("beta").card.name == "beta"
    assert open_folder(tmp_path / "beta" / "config.json").card.name == "beta"


def test_a_hub_name_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"fakemamba\[hub\]"):
        open_folder("someone/some-model@v1")


def test_a_hub_model_is_fetched_at_the_commit_of_its_card(tmp_path, monkeypatch):
    snapshot = write_folder(tmp_path / "c0ffee", card(name="hub"), {"model.onnx": b"x"}).path
    asked = []

    class Hub:
        @staticmethod
        def hf_hub_download(repo, file, revision=None):
            asked.append((repo, file, revision))
            return str(snapshot / file)

    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub)
    assert open_folder("owner/name@v1").card.name == "hub"
    assert asked == [("owner/name", "config.json", "v1"), ("owner/name", "model.onnx", "c0ffee")]

    def unreachable(*_args, **_options):
        raise OSError("no network\nlong story")

    Hub.hf_hub_download = unreachable
    with pytest.raises(CheckpointError, match=r"^owner/name: cannot be fetched from the Hub: no network$"):
        open_folder("owner/name")


def test_opening_a_folder_needs_no_torch():
    code = "import sys, fakemamba.checkpoint.folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
