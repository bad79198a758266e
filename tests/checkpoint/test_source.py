"""Reading other people's files: everything that torch.save wrote, nothing that would have to be run."""

import argparse
import io
import json
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from fakemamba.checkpoint.source import read_source, read_tensors  # noqa: E402
from fakemamba.errors import CheckpointError  # noqa: E402


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


class EvilEval(Evil):
    def __reduce__(self):
        return eval, (f"open({str(self.trace)!r}, 'w')",)


class EvilTorchLoad(Evil):
    """Smuggles a second pickle past the first through a function of torch itself."""

    def __reduce__(self):
        inner = io.BytesIO()
        torch.save(Evil(self.trace), inner)
        return torch.storage._load_from_bytes, (inner.getvalue(),)


def tensors() -> dict:
    torch.manual_seed(0)
    state = torch.nn.Linear(3, 2).state_dict()
    state["count"] = torch.tensor(7)
    return state


def save(content, path: Path, *, zipped: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_source(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: dict(state),
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model_state_dict": state, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-6}]}},
        lambda state: {"model": state, "args": argparse.Namespace(encoder_attention_heads=4), "cfg": None},
        lambda state: {"model": {f"module.{k}": v for k, v in state.items()}},
        lambda state: {f"module._orig_mod.{k}": v for k, v in state.items()},
        lambda state: {k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state.items()},
    ],
)
def test_wrapped_state_dicts_of_both_formats(tmp_path, wrap, zipped):
    found = read_tensors(save(wrap(tensors()), tmp_path / "a.pth", zipped=zipped))
    assert list(found) == ["weight", "bias", "count"]
    for key, value in tensors().items():
        assert torch.equal(found[key], value)


@pytest.mark.parametrize("zipped", [True, False])
def test_options_inside_fairseq_objects_are_read_but_not_run(tmp_path, monkeypatch, zipped):
    """omegaconf keeps {"_content": {name: node with _val}}, nodes point back at their parents."""
    fake = types.ModuleType("omegaconf.dictconfig")

    class Node:
        def __init__(self, value, parent=None):
            self._val, self._parent = value, parent

    class DictConfig:
        def __init__(self, content):
            self._content = {key: Node(value, self) for key, value in content.items()}

        def __setstate__(self, state):
            raise AssertionError("nothing of the file's classes may run")

    for kind in (Node, DictConfig):
        kind.__module__, kind.__qualname__ = "omegaconf.dictconfig", kind.__name__
        setattr(fake, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    monkeypatch.setitem(sys.modules, "omegaconf.dictconfig", fake)
    cfg = {
        "model": DictConfig({"encoder_attention_heads": 12, "any": dict}),
        "task": argparse.Namespace(normalize=True),
    }
    path = save({"model": tensors(), "cfg": cfg, "best": 0.5}, tmp_path / "f.pt", zipped=zipped)
    monkeypatch.undo()
    source = read_source(path)
    assert source.option("encoder_attention_heads") == 12
    assert source.option("absent", "normalize") is True
    assert source.option("any") is None
    assert torch.equal(source.tensors["weight"], tensors()["weight"])


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("evil", [Evil, EvilEval, EvilTorchLoad])
def test_hostile_pickles_are_refused_and_not_run(tmp_path, evil, zipped):
    trace = tmp_path / "trace"
    for content in (evil(trace), {"model": tensors(), "args": evil(trace)}):
        path = save(content, tmp_path / "evil.pth", zipped=zipped)
        assert "refused" in refusal(path)
        assert not trace.exists()
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(evil(trace)))
    refusal(plain)
    assert not trace.exists()


def test_a_harmless_name_inside_an_evil_module_is_no_way_in(tmp_path):
    trace = tmp_path / "trace"
    # getattr(os, "system") by hand: the names on the list are never the real ones.
    code = f"cbuiltins\ngetattr\n(cargparse\n_sys\nVmodules\ntR(S'touch {trace}'\ntR.".encode()
    path = tmp_path / "getattr.pth"
    path.write_bytes(b"\x80\x02" + code)
    refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_whole_models_are_refused_with_the_reason(tmp_path, zipped):
    message = refusal(save(torch.nn.Linear(2, 2), tmp_path / "whole.pth", zipped=zipped))
    assert "torch.nn.modules.linear.Linear" in message
    assert "state_dict" in message


def test_torchscript_is_refused(tmp_path):
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("script/constants.pkl", b"")
        archive.writestr("script/data.pkl", b"")
    assert "TorchScript" in refusal(path)


def test_zip_bombs_are_refused_before_they_unfold(tmp_path):
    path = save(tensors(), tmp_path / "a.pth")
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
        new.writestr("archive/data/99", b"\0" * 10_000_000)
    assert bomb.stat().st_size < 100_000
    assert "compressed" in refusal(bomb)


def test_strides_cannot_claim_more_than_the_file(tmp_path):
    path = save({"weight": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "a.pth")
    assert "larger than the file" in refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.7, 0.95, 0.999])
def test_truncated_files_give_one_line(tmp_path, keep, zipped):
    whole = save({"model": {"weight": torch.randn(500)}}, tmp_path / "a.pth", zipped=zipped).read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(whole[: int(keep * len(whole))])
    refusal(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"hello, world\n" * 50, "no checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>quota exceeded</html>", "web page"),
        (pickle.dumps({"a": [1, 2, 3]}), "no checkpoint"),
        (b"\x80\x02]q\x00.", ""),
        (b"PK\x03\x04 nothing more", "damaged"),
        (os.urandom(3000), ""),
    ],
)
def test_files_of_other_kinds_give_one_line(tmp_path, content, expected):
    path = tmp_path / "odd.pth"
    path.write_bytes(content)
    assert expected in refusal(path)


def test_a_flipped_byte_never_escapes_as_a_foreign_error(tmp_path):
    whole = save({"model": tensors()}, tmp_path / "a.pth", zipped=False).read_bytes()
    path = tmp_path / "flipped.pth"
    messages = []
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_source(path)
        except CheckpointError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert not any("\n" in message for message in messages)


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], {"model": {}}, {1: {}}])
def test_files_without_tensors_say_what_they_hold(tmp_path, content):
    refusal(save(content, tmp_path / "a.pth"))


def test_a_zip_of_something_else(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "no checkpoint" in refusal(path)


def test_what_is_not_there(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.pth")
    assert "holds none of" in refusal(tmp_path)


def test_safetensors_and_hugging_face_folders(tmp_path):
    from safetensors.torch import save_file

    state = {key: value.contiguous() for key, value in tensors().items()}
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"num_attention_heads": 4}))
    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = read_source(path)
        assert found.tensors.keys() == state.keys()
        assert torch.equal(found.tensors["weight"], state["weight"])
    assert read_source(tmp_path).option("num_attention_heads") == 4
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    assert "safetensors" in refusal(tmp_path / "model.safetensors")


def test_sharded_hugging_face_folders(tmp_path):
    state = tensors()
    save(OrderedDict(weight=state["weight"]), tmp_path / "a.bin")
    save(OrderedDict(bias=state["bias"]), tmp_path / "b.bin")
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": {"weight": "a.bin", "bias": "b.bin"}}))
    assert read_source(tmp_path).tensors.keys() == {"weight", "bias"}
    index.write_text(json.dumps({"weight_map": {"weight": "../a.bin"}}))
    with pytest.raises(CheckpointError, match="plain weight files"):
        read_source(tmp_path)
