"""`fakemamba detect` as people use it: what it prints, writes and returns."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fakemamba
from fakemamba.checkpoint.folder import Calibration, Near
from fakemamba.cli import run
from fakemamba.errors import CheckpointError
from fakes import RATE, speech, write_tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the tiny model (loud is fake) and one clip of each verdict."""
    path = tmp_path_factory.mktemp("cli")
    write_tiny_model(path / "model")
    clips = path / "clips"
    (clips / "deep").mkdir(parents=True)
    soundfile.write(clips / "b-real.wav", speech(4.0, level=0.05), RATE)
    soundfile.write(clips / "a-fake.flac", speech(4.0, seed=1, level=0.9), RATE)
    soundfile.write(clips / "deep" / "c-silence.wav", np.zeros(RATE), RATE)
    (clips / "notes.txt").write_text("not audio")
    (clips / ".hidden.wav").write_text("not audio")
    return path


@pytest.fixture
def detect(place, capsys, monkeypatch):
    """Run `fakemamba detect … --model model` in the folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(place)

    def call(*words):
        code = run(["detect", "--model", "model", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_one_file_in_plain_words(detect):
    code, out, err = detect("clips/a-fake.flac")
    assert code == 0
    assert out.splitlines()[0] == "clips/a-fake.flac  0:04.0"
    assert out.splitlines()[1].startswith("  FAKE    almost certainly (p_fake > 0.999)")
    assert len(out.splitlines()) == 2
    assert err == ""


def test_a_replaced_word_is_told_of_unless_no_near_look_is_wanted(detect, place):
    near = Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=1.0, length=3.0)
    write_tiny_model(place / "near-model", near=near)
    wave = speech(20.0, level=0.05)
    wave[8 * RATE : 9 * RATE] *= 5
    soundfile.write(place / "spliced.wav", wave, RATE)
    code, out, _ = detect("--model", "near-model", "spliced.wav")
    assert code == 0
    assert "  REAL" in out
    assert "note    parts may be fake: 0:0" in out
    assert "0:09." in out.split("where")[1].splitlines()[0]
    _, document, _ = detect("--model", "near-model", "spliced.wav", "--json")
    found = json.loads(document)
    assert [one["near"] for one in found["results"][0]["segments"] if one["verdict"] == "fake"] == [True]
    assert len(found["results"][0]["near"]["llr"]) == 157
    code, out, _ = detect("--model", "near-model", "--no-near", "spliced.wav")
    assert "parts may be fake" not in out
    _, document, _ = detect("--model", "near-model", "--no-near", "spliced.wav", "--json")
    assert json.loads(document)["results"][0]["near"] is None
    assert "--no-near" in json.loads(document)["command"]


def test_a_folder_gives_its_audio_sorted_and_a_summary(detect):
    code, out, _ = detect("clips")
    assert code == 0
    assert out.index("a-fake.flac") < out.index("b-real.wav")
    assert "silence" not in out
    assert out.splitlines()[-1] == "2 files: 1 fake, 0 unsure, 1 real"


def test_recursive_goes_deeper_and_each_file_counts_once(detect):
    _, out, _ = detect("clips", "clips/b-real.wav", "--recursive", "--json")
    assert [Path(r["source"]).name for r in json.loads(out)["results"]] == [
        "a-fake.flac",
        "b-real.wav",
        "c-silence.wav",
    ]


def test_two_spellings_of_a_file_count_once(detect, place):
    _, out, _ = detect("clips/b-real.wav", "clips/deep/../b-real.wav", place / "clips" / "b-real.wav", "--json")
    assert [r["source"] for r in json.loads(out)["results"]] == ["clips/b-real.wav"]


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (CheckpointError("m: broke"), 2)])
def test_what_was_judged_before_the_end_is_reported(detect, monkeypatch, stop, code):
    judge = fakemamba.Detector.detect

    def second_fails(self, source, *args, **options):
        if "b-real" in str(source):
            raise stop
        return judge(self, source, *args, **options)

    monkeypatch.setattr(fakemamba.Detector, "detect", second_fails)
    ended, out, err = detect("clips", "--json")
    document = json.loads(out)
    assert ended == code
    assert [r["source"] for r in document["results"]] == ["clips/a-fake.flac"]
    assert [e["source"] for e in document["errors"]] == ["clips/b-real.wav"]
    assert err.count("\n") == 1


def test_models_alone_shows_its_help(capsys):
    assert run(["models"]) == 0
    assert "verify" in capsys.readouterr().out


def test_fail_on_fake(detect):
    assert detect("clips/a-fake.flac", "--fail-on-fake")[0] == 1
    assert detect("clips/b-real.wav", "--fail-on-fake")[0] == 0


def test_a_bad_file_does_not_stop_the_others_and_outranks_a_fake(detect):
    code, out, err = detect("clips/notes.txt", "clips/a-fake.flac", "nope.wav", "--fail-on-fake", "--json")
    document = json.loads(out)
    assert code == 2
    assert [r["verdict"] for r in document["results"]] == ["fake"]
    assert [e["source"] for e in document["errors"]] == ["clips/notes.txt", "nope.wav"]
    assert [line.split(":")[:2] for line in err.splitlines()] == [["error", " clips/notes.txt"], ["error", " nope.wav"]]


def test_json_and_csv_on_stdout_are_nothing_else(detect):
    assert json.loads(detect("clips", "--json")[1])["fakemamba"] == fakemamba.__version__
    rows = list(csv.DictReader(io.StringIO(detect("clips", "--csv")[1])))
    assert [row["verdict"] for row in rows] == ["fake", "real"]


def test_outputs_by_ending_beside_the_text(detect, tmp_path):
    names = ["r.json", "r.csv", "r.HTML", "r.txt"]
    code, out, _ = detect("clips", *(word for name in names for word in ("-o", tmp_path / name)))
    assert code == 0
    assert "2 files" in out
    assert json.loads((tmp_path / "r.json").read_text())["results"]
    assert (tmp_path / "r.csv").read_text().startswith("source,")
    assert (tmp_path / "r.HTML").read_text().startswith("<!doctype html>")
    assert "FAKE" in (tmp_path / "r.txt").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)  # no partial files


def test_a_report_holds_the_command_that_gives_it_again(detect, place, tmp_path):
    _, out, _ = detect("clips", "--recursive", "--threshold", "-0.25", "--json")
    first = json.loads(out)
    words = shlex.split(first["command"])
    assert words[:2] == ["fakemamba", "detect"]
    words[words.index("report.html")] = str(tmp_path / "again.json")
    assert run(words[1:]) == 0
    again = json.loads((tmp_path / "again.json").read_text())
    for part in ("command", "results", "settings", "model"):
        assert again[part] == first[part]


def test_a_format_with_one_output_goes_into_that_file(detect, tmp_path):
    _, out, _ = detect("clips/b-real.wav", "--json", "-o", tmp_path / "answer")
    assert json.loads((tmp_path / "answer").read_text())["results"]
    assert "REAL" in out


def test_an_old_report_stays_if_the_new_one_cannot_be_written(detect, tmp_path, monkeypatch):
    old = tmp_path / "r.html"
    old.write_text("old")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    code, _, err = detect("clips/b-real.wav", "-o", old)
    assert code == 2
    assert "No space left" in err
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_threshold_moves_the_verdict(detect):
    real = detect("clips/b-real.wav", "--json")
    assert json.loads(real[1])["results"][0]["verdict"] == "real"
    moved = json.loads(detect("clips/b-real.wav", "--json", "--threshold", "100")[1])
    assert (moved["results"][0]["verdict"], moved["results"][0]["threshold"]) == ("fake", 100.0)
    assert detect("clips/a-fake.flac", "--threshold=-1000")[1].splitlines()[1].startswith("  REAL    by the threshold")


def test_verbose_shows_model_and_numbers(detect):
    out = detect("clips/b-real.wav", "-v")[1]
    assert "model   tiny" in out
    assert "llr" in out


class Stdin:
    def __init__(self, data: bytes, terminal: bool = False) -> None:
        self.buffer = io.BytesIO(data)
        self.isatty = lambda: terminal


def test_stdin(detect, monkeypatch, place):
    import hashlib

    data = (place / "clips" / "a-fake.flac").read_bytes()
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    (answer,) = json.loads(detect("-", "--json")[1])["results"]
    assert (answer["source"], answer["verdict"]) == ("stdin", "fake")
    assert answer["source_sha256"] == hashlib.sha256(data).hexdigest()


def test_colour_only_where_it_is_wanted(detect, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in detect("clips/a-fake.flac")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in detect("clips/a-fake.flac")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in detect("clips/a-fake.flac")[1]


def test_progress_is_drawn_for_long_work_on_a_terminal_only(monkeypatch, capsys):
    from fakemamba.cli import progress

    with progress.progress("x") as callback:
        assert callback is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    clock = iter([0.0, 0.5, 5.0])
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
    with progress.progress("[b]x") as callback:
        callback(1.0, 10.0)
        assert capsys.readouterr().err == ""
        callback(5.0, 10.0)
    assert "[b]x" in capsys.readouterr().err


def test_interrupted_and_our_own_bug(detect, monkeypatch):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    def bug(*_args, **_options):
        raise ZeroDivisionError("x\ny")

    monkeypatch.setattr(fakemamba.Detector, "detect", stop)
    assert detect("clips/a-fake.flac")[0] == 130
    monkeypatch.setattr(fakemamba.Detector, "detect", bug)
    code, _, err = detect("clips/a-fake.flac")
    assert code == 3
    assert err.count("\n") == 1
    assert "ZeroDivisionError: x y" in err
    assert "--debug" in err
    code, _, err = detect("clips/a-fake.flac", "--debug")
    assert code == 3
    assert "Traceback" in err


def test_debug_shows_where_a_users_error_came_from(detect):
    code, _, err = detect("clips/a-fake.flac", "--debug", "--threshold", "nan")
    assert code == 2
    assert "Traceback" in err


def test_help_names_what_a_newcomer_needs(capsys):
    assert run([]) == 0
    assert "fakemamba detect clip.wav" in capsys.readouterr().out
    assert run(["detect", "--help"]) == 0
    shown = capsys.readouterr().out
    for word in ("FILES", "--json", "--csv", "--html", "--output", "--fail-on-fake", "--threshold", "Exit codes"):
        assert word in shown
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"fakemamba {fakemamba.__version__}\n"


def test_a_reader_that_leaves_early_is_no_error(place):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "fakemamba", "detect", "-m", "model", "--json", "clips"],
        cwd=place,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
