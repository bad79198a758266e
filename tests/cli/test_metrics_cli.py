"""`fakemamba metrics` from the outside."""

import json
import random
from pathlib import Path

import pytest

from conftest import shared
from fakemamba.cli import run


@pytest.fixture
def files(tmp_path):
    generator = random.Random(0)
    key, scores, better = [], [], []
    for i in range(200):
        genuine = i % 2 == 0
        label, attack = ("bonafide", "-") if genuine else ("spoof", f"A0{i % 3}")
        subset = "progress" if i < 40 else "eval"
        value = generator.gauss(1.2 if genuine else -1.2, 1)
        key.append(f"s{i % 10} t{i} alaw tx {attack} {label} notrim {subset}")
        scores.append(f"t{i} {value}")
        better.append(f"t{i} {value + (1 if genuine else -1)}")
    paths = {}
    for name, lines in (("key", key), ("scores", scores), ("better", better)):
        paths[name] = tmp_path / f"{name}.txt"
        paths[name].write_text("\n".join(lines))
    paths["asv"] = tmp_path / "asv.txt"
    verifier = [f"bonafide target {i}\nbonafide nontarget {i - 8}\nA1 spoof {i - 3}" for i in range(10)]
    paths["asv"].write_text("\n".join(verifier))
    return {name: str(path) for name, path in paths.items()}


def test_table_with_counts_subset_and_groups(files, capsys):
    assert run(["metrics", files["scores"], files["key"], "--by", "attack", "--by", "codec", "--threshold", "0"]) == 0
    out, err = capsys.readouterr()
    assert "160 of 160 trials scored: 80 bona fide, 80 spoofed" in out.replace("\n", " ")
    assert "by attack" in out
    assert all(word in out for word in ("EER", "Cllr", "A00", "A01", "A02", "alaw", "at 0: accuracy"))
    assert err == "note: subset 'eval' chosen of eval 160, progress 40; --subset picks another\n"


def test_json_holds_everything_asked_for(files, capsys):
    extra = ["--asv", files["asv"], "--bootstrap", "20", "--cluster", "speaker", "--against", files["better"]]
    assert run(["metrics", files["scores"], files["key"], "--subset", "all", "--json", *extra]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["subset"], document["scored"]) == ("all", 200)
    assert "mixed as asked" in document["notes"][0]
    assert "mixed as asked" in err
    assert document["intervals"]["eer"]["low"] <= document["summary"]["eer"] <= document["intervals"]["eer"]["high"]
    assert document["intervals"]["eer"]["clusters"] == 10
    assert 0 < document["tandem"]["min_tdcf_2019"]["value"] <= 1
    assert document["comparison"]["difference"] > 0
    assert document["comparison"]["second"] < document["summary"]["eer"]


def test_warnings_go_to_stderr_and_do_not_fail(files, tmp_path, capsys):
    turned = tmp_path / "turned.txt"
    kept = [line.split() for line in Path(files["scores"]).read_text().splitlines()[:-5]]
    turned.write_text("\n".join(f"{name} {-float(value)}" for name, value in kept))
    assert run(["metrics", str(turned), files["key"]]) == 0
    out, err = capsys.readouterr()
    assert "warning: 5 of 160 trials of subset 'eval' have no score" in err
    assert "warning: the scores look negated" in err
    assert "155 of 160 trials scored" in out


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--subset", "hidden"], "choose a subset with --subset (has eval 160, progress 40"),
        (["--by", "colour"], "no column 'colour'"),
        (["--cluster", "speaker"], "give bootstrap"),
        (["--asv", "KEY"], "not a verifier's score file"),
        (["--bootstrap", "-1"], "--bootstrap"),
    ],
)
def test_mistakes_exit_with_2_and_one_line(files, capsys, extra, message):
    extra = [files["key"] if word == "KEY" else word for word in extra]
    assert run(["metrics", files["scores"], files["key"], *extra]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_published_scores(capsys):
    folder = shared("scores")
    files = [str(folder / "itw_xlsr_mamba.txt.gz"), str(folder / "itw_key.txt.gz")]
    assert run(["metrics", *files]) == 0
    assert "6.7093%" in capsys.readouterr().out
