"""What is planned, shared, refused and printed before anything runs; and that no number was invented."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT
from fakemamba.cli import run as cli
from fakemamba.config import load_model_config
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.errors import ConfigError
from fakemamba.paper.experiments import EXPERIMENTS
from fakemamba.paper.maps import agreement, draw
from fakemamba.paper.plan import chosen, plan
from fakemamba.paper.published import EERS, GROWTH, RTF, SHORT_CLIPS
from fakemamba.paper.rates import rate_cell
from fakemamba.paper.report import gather, render
from fakemamba.paper.study import Place, Study, read_places
from fakemamba.paper.systems import SYSTEMS
from fakemamba.paper.training import Training
from fakemamba.train.toml import load_settings

CORPORA = ("asvspoof2019-la", "asvspoof2021-la", "asvspoof2021-df", "in-the-wild")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    places = {name: Place(root=tmp_path / name) for name in CORPORA}
    for place in places.values():
        place.root.mkdir()
    (tmp_path / "xlsr").mkdir()
    return Study(tmp_path / "out", places, tmp_path / "xlsr", cpu=True)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_what_its_file_says(name):
    assert SYSTEMS[name].model == load_model_config(ROOT / "configs" / f"{name}.toml")


def test_published_numbers_are_those_of_the_reference():
    """As REFERENCE.md, sections 1 and 2, gives them; whoever adds one here adds its source there."""
    table = {
        "fake-mamba-l": (["0.97"], ["1.74"], ["5.85", "5.83"]),
        "xlsr-mamba": (["0.93"], ["1.88"], ["6.71", "6.709"]),
        "xlsr-conformer": (["1.40", "1.38", "0.87"], ["2.27"], ["8.42"]),
        "xlsr-conformer-tcm": (["1.03"], ["2.06"], ["7.79"]),
        "xlsr-aasist": (["0.82"], ["2.85"], ["10.46"]),
        "xlsr-sls": (["2.87"], ["1.92"], ["7.46", "7.464"]),
        "nes2net-x": (["1.61–1.88"], ["1.49"], ["5.15"]),
        "mambo-3-hydra-n3": (["0.81"], ["1.70"], ["4.97"]),
    }
    found = {key: [one.text for one in values] for key, values in EERS.items()}
    assert found == {(name, corpus): cells[k] for name, cells in table.items() for k, corpus in enumerate(CORPORA[1:])}
    assert {name: one.text for name, one in GROWTH.items()} == {
        "ablation-unidirectional": "35",
        "ablation-no-norm": "62.6",
    }
    assert (SHORT_CLIPS.text, SHORT_CLIPS.source, RTF.text) == ("9.44", "second-hand", "0.37–0.47")


def test_tables_share_their_trainings(study):
    cells = plan(study, chosen(["table1", "table2", "table3", "table4"]))
    runs = [cell.run for cell in cells if isinstance(cell, Training)]
    assert len(runs) == len(set(runs)) == 2 * len(SYSTEMS)  # one for LA and one for DF and In-the-Wild
    assert len(cells) == len(set(cells)) == len(runs) + 3 * 2 * len(SYSTEMS)
    place = {cell: k for k, cell in enumerate(cells)}
    assert all(place[cell.after] < place[cell] for cell in cells if cell.after is not None)
    assert plan(study, chosen(["table4"])) == plan(study, chosen(["table1"]))


def test_seeds_multiply_trainings(study):
    three = replace(study, seeds=(1, 2, 3))
    assert len(plan(three, chosen(["table2"]))) == 3 * len(plan(study, chosen(["table2"])))


@pytest.mark.parametrize("target", ["la", "df"])
def test_a_command_by_hand_is_the_same_run(study, target, monkeypatch):
    monkeypatch.chdir(ROOT)
    training = Training("con-bimamba", target, 7)
    study = replace(study, changes=("train.precision=bf16", "batch.accumulate=2"))
    words = shlex.split(training.command(study))
    files = [Path(word) for word in words if word.endswith(".toml")]
    changes = [words[k + 1] for k, word in enumerate(words) if word == "-s"]
    assert load_settings(files, changes) == training.settings(study)


def test_changes_reach_the_run_and_wrong_ones_are_refused(study):
    assert Training("fake-mamba-l", "la", 1).settings(replace(study, changes=("batch.size=5",))).batch.size == 5
    with pytest.raises(ConfigError, match="no such key"):
        Training("fake-mamba-l", "la", 1).settings(replace(study, changes=("batch.sise=5",)))


def test_everything_that_is_missing_stands_in_one_line(tmp_path, capsys):
    places = tmp_path / "corpora.toml"
    places.write_text('[corpora]\nasvspoof2019-la = "nowhere"\n')
    assert cli(["paper", "table1", "--corpora", str(places), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fakemamba data check asvspoof2019-la" in said
    assert "fakemamba data check in-the-wild DIR" in said
    assert "fakemamba models import" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["table9"], "choose from table1"),
        (["table1", "--seeds", "1,1"], "different whole numbers"),
        (["report"], "holds no study"),
        (["table1", "--corpora", "no.toml"], "no such file"),
    ],
)
def test_slips_of_the_pen_are_one_line(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli(["paper", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_places_start_at_their_file_and_unknown_corpora_are_refused(tmp_path):
    file = tmp_path / "corpora.toml"
    file.write_text('xlsr = "w"\n[corpora]\nmlaad = { root = "m", genuine = ["g"] }\nin-the-wild = "/data/w"\n')
    places, xlsr = read_places(file)
    assert places["mlaad"] == Place(root=tmp_path / "m", genuine=(tmp_path / "g",))
    assert places["in-the-wild"].root == Path("/data/w")
    assert xlsr == tmp_path / "w"
    file.write_text('[corpora]\nasvspoof = "x"\n')
    with pytest.raises(ConfigError, match="unknown corpus 'asvspoof'"):
        read_places(file)


def test_a_dry_run_prints_cells_and_commands_and_leaves_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    assert cli(["paper", "table2", "--dry-run", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "[to do] train trans-bimamba.df.seed1234" in said.out
    assert "fakemamba train configs/trans-bimamba.toml configs/train/released-df.toml" in said.out
    assert "missing: in-the-wild" in said.err
    assert not out.exists()


def test_list_says_what_there_is(tmp_path, capsys):
    assert cli(["paper", "list", "--out", str(tmp_path / "none")]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in EXPERIMENTS)
    assert "not known" in said  # GPU hours


def test_empty_cells_are_seen_to_be_empty(study):
    report = gather(study)
    page = render(report)
    assert 'class="num empty">not run' in page
    assert "MINIATURE" not in page
    table = report.sections[0].grids[0]
    assert {cell.kind for row in table.rows for cell in row} == {"words", "empty", "published"}
    assert [cell.text for cell in table.rows[0]][3::3] == ["0.97", "1.74", "5.85"]
    assert all(section.done == 0 for section in report.sections)


def test_rates_over_seeds_name_spread_counts_and_missing_seeds():
    one = rate_cell([0.0097], (14_816, 133_360), 1, (0.008, 0.012))
    assert (one.text, one.below) == ("0.97", ("0.80 – 1.20", "14\u202f816 / 133\u202f360"))
    three = rate_cell([0.01, 0.02, 0.03], (5, 6), 4, None)
    assert (three.text, three.below) == ("2.00 ± 1.00", ("1.00; 2.00; 3.00", "5 / 6", "3 of 4 seeds"))


def test_neighbours_agree_where_classes_lie_apart():
    import numpy as np

    labels = np.repeat([0, 1], 20)
    apart = np.random.default_rng(0).normal(size=(40, 3)) + 50 * labels[:, None]
    assert agreement(apart, labels) == 1.0
    assert agreement(apart, np.tile([0, 1], 20)) < 0.8


def test_a_sample_keeps_order_and_both_classes():
    clips = tuple(Utterance(str(k), Path(f"{k}.wav"), int(k % 3 == 0), "x") for k in range(60))
    some = draw(Dataset("x", clips), 5, 1)
    assert [int(u.id) for u in some.utterances] == sorted(int(u.id) for u in some.utterances)
    assert some.labels.sum() == 5
    assert len(some) == 10
