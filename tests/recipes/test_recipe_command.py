"""What the recipe's command checks before it works, and what it calls its model."""

from pathlib import Path

import pytest

from conftest import ROOT
from recipes.builtin import __main__ as command
from recipes.builtin import catalogue, heldout, manifest, steps
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Needs, Step


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any tool."""
    monkeypatch.setattr(steps.shutil, "which", lambda name: None)


@pytest.mark.usefixtures("bare")
def test_only_steps_that_are_still_to_be_made_need_their_tools(tmp_path: Path) -> None:
    made, missing = Step("made", lambda *_: [], needs=Needs(("lathe",))), Step("next", lambda *_: [])
    manifest.write(tmp_path / "made.tsv", [])
    command.check_tools([made, missing], tmp_path)
    needy = Step("needy", lambda *_: [], 2, needs=Needs(("saw", "drill"), ("no_such_module",)))
    with pytest.raises(SystemExit, match=r"^missing: saw, drill, no_such_module; apt-get install "):
        command.check_tools([made, needy], tmp_path)


def test_voices_are_asked_of_festival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    festival = tmp_path / "festival"
    festival.write_text("#!/bin/sh\necho '(kal_diphone ked_diphone)'\n")
    festival.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert Needs(("festival",), voices=("ked_diphone", "lp_diphone")).missing() == ["voice lp_diphone"]
    test = next(step for step in catalogue.STEPS if step.name == "test")
    assert set(test.needs.voices) == {*heldout.HTS, *heldout.DIPHONES}


@pytest.mark.usefixtures("bare")
def test_tables_as_they_are_need_no_tools(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    table = "path\tlabel\tsplit\tsystem\tspeaker\tlanguage\tsource\tlicence\tseconds\n"
    (tmp_path / "corpus" / "corpus.tsv").write_text(table)
    clip = Clip(str(tmp_path / "a.flac"), "bonafide", "train", "human", "human", "s", "en", "fillets-ng-data-cs", "", 1)
    manifest.write(tmp_path / "human.tsv", [clip])
    told = ["--as-is", "--corpus", str(tmp_path / "corpus"), "--work", str(tmp_path)]
    assert [c.name for c in command.gathered(command.parse(told))] == [clip.name]
    with pytest.raises(SystemExit, match=r"missing: .*espeak-ng.*festvox-czech-ph"):
        command.main(told[1:])


def test_a_corpus_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no corpus\.tsv there; give the corpus with --corpus"):
        command.main(["--as-is", "--corpus", str(tmp_path)])


@pytest.mark.parametrize(
    ("told", "name", "said"),
    [
        ([], "compact-3", "python -m recipes.builtin"),
        (["--config", "configs/compact.toml", "--as-is"], "compact",
         "python -m recipes.builtin --config compact.toml --as-is"),
        (["--out", "models/mine", "--smoke"], "mine", "python -m recipes.builtin --smoke"),
    ],
)  # fmt: skip
def test_a_model_is_called_as_its_folder_and_tells_its_command(told: list[str], name: str, said: str) -> None:
    options = command.parse(told)
    assert command.model_folder(options).name == name
    assert command.command(options) == said


@pytest.mark.parametrize("page", ["built-in-model", "training-data"])
def test_the_documented_installation_has_all_that_the_steps_need(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    lines = text.replace("\\\n", " ").splitlines()
    installed = {word for line in lines if line.startswith("apt-get install") for word in line.split()}
    assert set(command.DEBIAN.split()) <= installed


def test_an_own_steps_part_waits_until_it_is_there(tmp_path: Path) -> None:
    step = Step("own", lambda *_: [], 2)
    assert step.waits(tmp_path)
    manifest.write(tmp_path / "own-00.tsv", [])
    assert step.waits(tmp_path)
    manifest.write(tmp_path / "own-01.tsv", [])
    assert not step.waits(tmp_path)
