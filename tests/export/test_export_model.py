"""`fakemamba export`: folders that detect runs, bare files, reports, what is refused, what an interruption leaves."""

import json
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import soundfile
from tiny import model

import fakemamba
from fakemamba.checkpoint.folder import open_folder
from fakemamba.cli import run
from fakemamba.export import export as exporting
from fakemamba.export.export import Wish, export_model
from fakemamba.export.graph import read_graph
from fakes import speech, write_tiny_model


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A small Fake-Mamba with torch weights."""
    return model(tmp_path_factory.mktemp("source") / "mine", licence="CC0-1.0", origin="the tests").path


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Recordings without labels, two lengths."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", speech(1.0 + number % 2, seed=number), 16_000)
    return folder


@pytest.fixture(scope="session")
def plain(source, clips, tmp_path_factory):
    """Its export in float32."""
    return export_model(source, tmp_path_factory.mktemp("plain") / "mine-onnx", Wish(check=str(clips), threads=1))


def line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_float32_scores_as_torch_and_keeps_the_card(source, plain):
    ours, theirs = open_folder(plain.path), open_folder(source)
    ours.verify()
    assert sorted(ours.card.files) == ["model.onnx", "report.json", "report.md"]
    for name in ("name", "model", "calibration", "conditions", "decision", "licence", "origin"):
        assert getattr(ours.card, name) == getattr(theirs.card, name)
    told = ours.card.training["exported"]
    assert told["precision"] == "fp32"
    assert told["from"] == {"model": "mine", "file": "model.safetensors", "sha256": theirs.sha256}
    assert plain.parity.before.what == "torch fp32"
    assert plain.parity.max_difference < 1e-4
    assert plain.parity.flips == 0
    detector = fakemamba.load(plain.path)
    assert type(detector.scorer).__name__ == "OnnxScorer"
    wave = speech(2.0)
    torch_result, onnx_result = fakemamba.load(source).detect((wave, 16_000)), detector.detect((wave, 16_000))
    assert onnx_result.score == pytest.approx(torch_result.score, abs=1e-4)
    assert onnx_result.verdict == torch_result.verdict


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_smaller_ones_say_what_changed(plain, clips, tmp_path, precision):
    found = export_model(
        plain.path, tmp_path / "small", Wish(precision, check=str(clips), drift=1.0, threads=1), overwrite=False
    )
    folder = open_folder(tmp_path / "small")
    folder.verify()
    assert folder.card.name == f"mine-{precision}"
    assert folder.card.training["exported"]["precision"] == precision
    assert folder.card.training["exported"]["from"]["file"] == "model.onnx"
    assert folder.card.calibration == open_folder(plain.path).card.calibration
    report = json.loads((tmp_path / "small" / "report.json").read_text())
    parity, search = report["parity"], report["search"]
    assert parity["clips"] == 4
    assert parity["after"]["bytes"] == (tmp_path / "small" / "model.onnx").stat().st_size < parity["before"]["bytes"]
    assert parity["size_ratio"] == pytest.approx(parity["after"]["bytes"] / parity["before"]["bytes"])
    assert 0 <= parity["mean_difference"] <= parity["max_difference"] < 1
    assert search["taken"]
    assert search["drift"] <= 1.0
    page = (tmp_path / "small" / "report.md").read_text()
    assert f"| ONNX fp32 | ONNX {precision} |" in page
    assert "verdicts changed" in page
    score = fakemamba.load(tmp_path / "small").detect((speech(2.0), 16_000)).score
    assert score == pytest.approx(fakemamba.load(plain.path).detect((speech(2.0), 16_000)).score, abs=1.0)
    assert found.choice is not None


def test_a_part_that_drifts_stays_float32(plain, clips, tmp_path):
    rough = export_model(plain.path, tmp_path / "rough", Wish("int8", check=str(clips), drift=9.0, threads=1))
    limit = 0.9 * rough.choice.drift
    found = export_model(plain.path, tmp_path / "small", Wish("int8", check=str(clips), drift=limit, threads=1))
    assert rough.choice.kept == ()
    assert found.choice.drift <= limit
    assert found.choice.kept
    eight = {node.name for node in read_graph(tmp_path / "small" / "model.onnx").graph.node if ".int8." in node.name}
    assert {name for name in rough.choice.taken if any(node.startswith(name) for node in eight)} == set(
        found.choice.taken
    )


def test_an_existing_onnx_file_needs_no_torch(plain, clips, tmp_path):
    words = ["export", str(plain.path), "--onnx", "--int8", "--drift", "1", "--check", str(clips)]
    words += ["--output", str(tmp_path / "out"), "--threads", "1", "-q"]
    code = f"import sys\nfrom fakemamba.cli import run\nassert run({words!r}) == 0\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert open_folder(tmp_path / "out").card.training["exported"]["precision"] == "int8"


def test_a_bare_file_tells_inside_what_it_is(plain, clips, tmp_path, capsys):
    target = tmp_path / "deep" / "edge.onnx"
    words = ["export", str(plain.path), "--fp16", "--check", str(clips), "-o", str(target), "--threads", "1", "-q"]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exported"]["precision"] == "fp16"
    names = {path.name for path in target.parent.iterdir()}
    assert names == {"edge.onnx", "edge.onnx.report.json", "edge.onnx.report.md"}
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    assert told["fakemamba.window"] == "16000"
    assert json.loads(told["fakemamba.calibration"]) == {"scale": 2.0, "bias": 0.5}
    assert json.loads(told["fakemamba.conditions"]) == {"noise": {"scale": 1.0, "bias": 0.0}}
    assert session.run(["score"], {"waves": np.zeros((2, 16_000), np.float32)})[0].shape == (2,)
    assert run(words) == 2
    assert "already exists" in line(capsys)
    assert run([*words, "--overwrite"]) == 0


def test_weights_beside_the_graph_are_part_of_the_folder(source, clips, tmp_path, monkeypatch):
    from fakemamba.export import graph, onnx_file

    real = graph.write_graph
    for module in (onnx_file, exporting):
        monkeypatch.setattr(module, "write_graph", lambda made, path, **_: real(made, path, large=20_000))
    export_model(source, tmp_path / "big", Wish(check=str(clips), threads=1))
    folder = open_folder(tmp_path / "big")
    assert {"model.onnx", "model.onnx.data"} <= set(folder.card.files)
    assert fakemamba.load(tmp_path / "big").detect((speech(2.0), 16_000)).score is not None
    with (tmp_path / "big" / "model.onnx.data").open("r+b") as file:
        file.write(b"changed")
    with pytest.raises(fakemamba.errors.CheckpointError, match=r"model\.onnx\.data: damaged or changed"):
        fakemamba.load(tmp_path / "big")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no such model"),
        (["{plain}"], "has no model.safetensors to export from; its model.onnx runs as it is, and --int8 or --fp16"),
        (["{plain}", "--int8", "--fp16"], "exclude each other"),
        (["{plain}", "--int8", "--drift", "0"], "must be above 0"),
        (["{plain}", "--int8", "--limit", "3"], "belong to --check"),
        (["{plain}", "--int8", "--check", "nowhere.tsv"], "there is no such folder or table"),
        (["{plain}", "--int8", "--check", "{tmp}"], "holds no audio"),
        (["{plain}", "--int8", "--drift", "1e-9"], "no part of it bears int8 within a drift of 1e-09"),
        (["{plain}", "--int8", "-o", "{plain}"], "already exists; choose another place or give --overwrite"),
        (["{tiny}", "--int8"], "no weights large enough for int8"),
    ],
)
def test_what_is_refused_in_one_line(plain, tmp_path, capsys, words, said):
    tiny = write_tiny_model(tmp_path / "tiny")
    (tmp_path / "empty").mkdir()
    places = {"plain": plain.path, "tmp": tmp_path / "empty", "tiny": tiny}
    words = [word.format(**places) for word in words]
    if "-o" not in words:
        words += ["-o", str(tmp_path / "out")]
    assert run(["export", *words, "-q", "--threads", "1"]) == 2
    assert said in line(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "tiny"]


def test_a_smaller_one_is_not_made_smaller_again(plain, tmp_path, capsys):
    card = open_folder(plain.path).card
    record = {**card.training["exported"], "precision": "int8"}
    again = tmp_path / "again"
    fakemamba_card = card.model_copy(update={"training": {"exported": record}})
    from fakemamba.checkpoint.folder import write_folder

    write_folder(again, fakemamba_card, {"model.onnx": plain.path / "model.onnx"})
    assert run(["export", str(again), "--fp16", "-o", str(tmp_path / "out")]) == 2
    assert "is int8 already: export from the model that it was made of" in line(capsys)


def test_what_is_missing_is_named(source, plain, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    assert run(["export", str(source), "-o", str(tmp_path / "out"), "-q"]) == 2
    assert "pip install 'fakemamba[export]'" in line(capsys)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run(["export", str(plain.path), "--int8", "-o", str(tmp_path / "out"), "-q"]) == 2
    assert "pip install 'fakemamba[quantize]'" in line(capsys)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(plain, clips, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "compare", stop)
    words = ["export", str(plain.path), "--fp16", "--check", str(clips), "-o", str(tmp_path / "deep" / "out"), "-q"]
    assert run(words) == 130
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_choices(capsys):
    assert run(["export", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for word in ("--onnx", "--int8", "--fp16", "--check", "--output", "--overwrite", "without torch"):
        assert word in told


def test_the_built_in_model_in_half(tmp_path):
    """Made-up voices; the numbers on a corpus are in docs/export.md."""
    found = export_model(None, tmp_path / "out", Wish("fp16", threads=1))
    assert found.parity.flips == 0
    assert found.parity.size_ratio < 0.85  # the recogniser, a third of it, is in half already
    assert found.choice.kept == ("system",)  # that is the front-end: its Fourier basis carries quiet bins
    assert found.parity.audio == "voices made up for this check"
