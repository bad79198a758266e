"""`fakemamba paper all --miniature` from end to end, once; then that nothing is made again."""

import json
from pathlib import Path

import pytest

from fakemamba.cli import run as cli
from fakemamba.paper.experiments import EXPERIMENTS

pytest.importorskip("accelerate", reason="needs the extra train")
pytest.importorskip("sklearn", reason="needs the extra paper")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper") / "out"
    assert cli(["paper", "all", "--miniature", "--cpu", "--quiet", "--out", str(folder)]) == 0
    return folder


def test_every_cell_of_every_experiment_is_there(out):
    report = json.loads((out / "report.json").read_text())
    assert report["miniature"] is True
    assert [section["name"] for section in report["sections"]] == list(EXPERIMENTS)
    for section in report["sections"]:
        assert section["done"] == section["total"] > 0, section["name"]
        texts = [cell["text"] for grid in section["grids"] for row in grid["rows"] for cell in row]
        assert "not run" not in texts


def test_the_page_says_what_it_is_and_shows_counts_and_pictures(out):
    page = (out / "report.html").read_text()
    assert "MINIATURE" in page
    assert page.count("<figure>") >= 16
    assert "ASVspoof 2021 LA, subset eval" in page
    assert "<small>6 / 6</small>" in page  # the eval subset alone, of three
    assert str(out) not in page
    assert "MINIATURE" in (out / "report.txt").read_text()


def test_the_same_command_makes_nothing_again(out, capsys):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.parent != out}
    assert cli(["paper", "all", "--miniature", "--cpu", "--out", str(out)]) == 0
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.parent != out}
    assert before == after
    assert "/" not in capsys.readouterr().err


def test_a_lost_cell_alone_is_made_again(out, capsys):
    lost = out / "evaluations" / "fake-mamba-s.la.seed1234" / "asvspoof2021-la.fixed" / "evaluation.json"
    lost.unlink()
    assert cli(["paper", "table1", "--miniature", "--cpu", "--out", str(out)]) == 0
    assert capsys.readouterr().err.startswith("1/1 evaluate fake-mamba-s.la.seed1234")
    assert lost.exists()


def test_miniatures_and_real_studies_never_mix(out, capsys):
    assert cli(["paper", "report", "--out", str(out)]) == 2
    assert "holds a miniature" in capsys.readouterr().err


def test_other_settings_are_refused(out, capsys):
    words = ["paper", "table1", "--miniature", "--cpu", "--out", str(out), "-s", "optim.lr=0.5"]
    assert cli(words) == 2
    assert "other settings" in capsys.readouterr().err
