"""`fakemamba evaluate` and `compare` from the outside."""

import json
import re

import pytest
import soundfile

from fakemamba.cli import run
from fakes import RATE, speech, write_tiny_model


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A model and a folder with real/ and fake/; works in an empty directory."""
    write_tiny_model(tmp_path / "model")
    for k in range(4):
        for name, level in ((f"real/r{k}.wav", 0.1), (f"fake/{'ab'[k % 2]}/f{k}.wav", 0.9)):
            path = tmp_path / "clips" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, speech(2.5, seed=k, level=level), RATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_the_easiest(place, capsys):
    assert run(["evaluate", "model", "clips", "--bootstrap", "10"]) == 0
    out, err = capsys.readouterr()
    folder = place / "evaluations" / "tiny-clips-detect"
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "scores.json", "scores.tsv"]
    assert "tiny on clips" in out
    assert "8 of 8 clips scored: 4 bona fide, 4 spoofed" in out
    assert "report: evaluations/tiny-clips-detect/report.html" in out
    assert json.loads((folder / "report.json").read_text())["summary"]["eer"] == 0
    assert run(["evaluate", "model", "clips", "--bootstrap", "0", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "note: scored by an earlier run and not again: 8 clips" in err
    assert json.loads(out)["intervals"] == {}


def test_options_reach_the_evaluation(place, capsys):
    words = ["evaluate", "model", "folder:clips", "-p", "locate", "--hop", "0.5", "--out", "o", "--bootstrap", "0"]
    assert run([*words, "--format", "2021", "--format", "asvspoof5", "--json", "--limit", "2", "--no-sounds"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["origin"]["protocol"], document["origin"]["hop"], document["scored"]) == ("locate", 0.5, 4)
    assert len((place / "o" / "scores-2021.txt").read_text().splitlines()) == 4
    assert (place / "o" / "scores-asvspoof5.txt").read_text().startswith("filename\tcm-score\n")
    assert run(["metrics", "o/scores.tsv", "o/scores.tsv"]) == 0  # it is its own key
    assert "EER" in capsys.readouterr().out


def test_what_cannot_be_read_is_counted_and_does_not_fail(place, capsys):
    bad = place / "clips" / "real" / "r9.wav"
    assert run(["evaluate", "model", "clips", "--out", "o", "--bootstrap", "0"]) == 0
    (place / "clips" / "real" / "r0.wav").rename(bad)  # gone from the data set: its row is foreign now
    capsys.readouterr()
    assert run(["evaluate", "model", "clips", "--out", "o", "--bootstrap", "0"]) == 0
    assert "1 rows of the score file are not in the data set" in capsys.readouterr().err


def test_a_report_from_scores_without_a_model(place, capsys):
    assert run(["evaluate", "model", "clips", "--out", "o", "--bootstrap", "0"]) == 0
    first = json.loads((place / "o" / "report.json").read_text())
    (place / "o" / "report.json").unlink()
    assert run(["evaluate", "--from", "o", "--bootstrap", "0"]) == 0
    again = json.loads((place / "o" / "report.json").read_text())
    for name in ("summary", "groups", "confusion", "verdicts", "origin", "mistakes"):
        assert again[name] == first[name]
    (place / "s.txt").write_text("x 1.0\ny -1.0\n")
    (place / "k.txt").write_text("x bonafide\ny spoof\n")
    capsys.readouterr()
    assert run(["evaluate", "--from", "s.txt", "--key", "k.txt", "--bootstrap", "0"]) == 0
    assert "s.txt on k.txt" in capsys.readouterr().out
    assert not (place / "report.html").exists()
    assert run(["evaluate", "--from", "s.txt", "--key", "k.txt", "--bootstrap", "0", "--out", "new/r"]) == 0
    assert (place / "new" / "r" / "report.html").exists()


def test_systems_are_compared(place, capsys):
    assert run(["evaluate", "model", "clips", "--out", "one", "--bootstrap", "0"]) == 0
    assert run(["evaluate", "model", "clips", "--out", "two", "--bootstrap", "0", "-p", "fixed"]) == 0
    capsys.readouterr()
    words = ["compare", "one", "second=two", "--bootstrap", "20", "--by", "attack", "-o", "c.html", "-o", "c.json"]
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert "2 systems on clips" in out
    assert "warning: the systems were scored by different protocols: detect, fixed" in err
    assert json.loads((place / "c.json").read_text())["pairs"][0]["p_corrected"] == 1.0
    assert "second" in (place / "c.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluate"], "give a DATASET, such as a folder with real/ and fake/"),
        (["evaluate", "model", "nowhere"], "nowhere: there is no such folder or table"),
        (["evaluate", "model", "nocorpus:clips"], "corpora: "),
        (["evaluate", "model", "folder:"], "the corpus's folder is missing"),
        (["evaluate", "model", "model"], "holds no audio"),
        (["evaluate", "model", "model/config.json"], "not a data set"),
        (["evaluate", "nomodel", "clips"], "nomodel"),
        (["evaluate", "model", "clips", "-p", "best"], "unknown protocol 'best'"),
        (["evaluate", "model", "clips", "--hop", "1"], "a hop belongs to the protocol locate"),
        (["evaluate", "model", "clips", "--format", "x"], "unknown score format 'x'"),
        (["evaluate", "model", "clips", "--key", "k"], "--key belongs to --from"),
        (["evaluate", "model", "clips", "--from", "x"], "leave MODEL, DATASET"),
        (["evaluate", "--from", "nowhere"], "nowhere: cannot be read"),
        (["evaluate", "model", "clips", "--out", "clips/real/r0.wav"], "scores cannot be written there"),
        (["compare", "clips"], "scores.tsv: cannot be read"),
        (["compare", "nowhere", "nowhere"], "cannot be read"),
        (["compare", "a", "b", "-o", "x.png"], "the ending must be .html or .json"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(place, capsys, words, message):
    assert run([*words, *(["--bootstrap", "5"] if "--from" not in words else [])]) == 2
    _, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert err.count("\n") == 1, err
    assert message in err


def test_the_origin_is_guarded(place, capsys):
    assert run(["evaluate", "model", "clips", "--out", "o", "--bootstrap", "0"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "model", "clips", "--out", "o", "--bootstrap", "0", "-p", "fixed"]) == 2
    assert re.search(r"another protocol \(detect, now fixed\); use another --out", capsys.readouterr().err)


def test_help_is_there_for_both(capsys):
    for verb in ("evaluate", "compare"):
        assert run([verb, "--help"]) == 0
        assert "Examples" in capsys.readouterr().out
