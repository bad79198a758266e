"""`fakemamba data` as a user meets it."""

import json

import pytest

from fakemamba.cli import run


@pytest.fixture
def mini(tmp_path, capsys):
    def make(name):
        assert run(["data", "miniature", name, str(tmp_path / name), "--per-class", "2"]) == 0
        assert f"a miniature of {name}" in capsys.readouterr().out
        return tmp_path / name

    return make


def test_check_shows_what_is_there(mini, capsys):
    root = mini("asvspoof2021-df")
    assert run(["data", "check", "asvspoof2021-df", str(root)]) == 0
    out, err = capsys.readouterr()
    assert "usable" in out
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["part", "real"],
        ["eval", "2"],
        ["eval", "progress"],
        ["eval", "hidden"],
    ]
    assert err == f"note: {root} is a generated miniature, not the corpus\n"


def test_check_as_json(mini, capsys):
    root = mini("tsv")
    assert run(["data", "check", "tsv", str(root), "--split", "dev", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["usable"] is True
    (split,) = document["splits"]
    assert (split["split"], split["bonafide"], split["spoof"], split["official"]) == ("dev", 2, 2, [2, 2])
    assert split["hours"] == pytest.approx(2 * (0.8 + 3.4) / 3600)


def test_check_by_columns(mini, capsys):
    root = mini("asvspoof2019-la")
    assert (
        run(["data", "check", "asvspoof2019-la", str(root), "--split", "eval", "--by", "attack", "--by", "codec"]) == 0
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[-4:] == [
        ["part", "attack", "real", "fake"],
        ["eval", "A07", "0", "1"],
        ["eval", "A08", "0", "1"],
        ["nothing", "is", "known", "by", "codec"],
    ]


def test_what_is_not_usable_exits_with_2(mini, capsys):
    root = mini("folder")
    for path in (root / "eval").rglob("*.wav"):
        path.write_text("nothing")
    assert run(["data", "check", "folder", str(root)]) == 2
    out, err = capsys.readouterr()
    assert "NOT usable" in out
    assert err.count("error: ") == 4
    assert run(["data", "check", "folder", str(root), "--split", "dev"]) == 0
    capsys.readouterr()
    assert run(["data", "check", "asvspoof5", str(root), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["usable"], document["splits"], len(document["problems"])) == (False, [], 1)


def test_words_and_counterparts_are_passed_on(mini, capsys, tmp_path):
    root = mini("mlaad")
    (root / "M-AILABS").rename(tmp_path / "human")
    assert run(["data", "check", "mlaad", str(root)]) == 0
    assert "warning: mlaad holds only fakes" in capsys.readouterr().err
    assert run(["data", "check", "mlaad", str(root), "--genuine", str(tmp_path / "human")]) == 0
    assert "warning" not in capsys.readouterr().err
    (tmp_path / "mine.tsv").write_text("path\tlabel\na.wav\ttts\n")
    assert run(["data", "check", "tsv", str(tmp_path / "mine.tsv"), "--label", "tts=spoof"]) == 2
    assert "1 of 1 utterances have no audio" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "asv", "."], "unknown corpus 'asv': choose one of asvspoof2019-la"),
        (["check", "tsv", ".", "--by", "colour"], "--by colour: choose one of attack, codec"),
        (["check", "tsv", ".", "--label", "x=maybe"], "the meaning one of bonafide, spoof, ignore"),
        (["check", "asvspoof5", ".", "--label", "x=spoof"], "has official labels"),
        (["miniature", "asv", "x"], "unknown corpus 'asv'"),
        (["miniature", "tsv", "."], "is there and not this miniature"),
    ],
)
def test_mistakes_are_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    assert run(["data", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_list_names_every_corpus(capsys):
    from fakemamba.data.corpora import CORPORA

    assert run(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name} " in out for name in CORPORA)
    assert run(["data", "list", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == list(CORPORA)
    assert run(["data"]) == 0
