"""The report of the second test: refused until its tables are there, kept for one model, told in tables."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fakemamba.detect import Detector
from fakes import FakeScorer, speech, tiny_card
from recipes.builtin import keep, manifest
from recipes.builtin.manifest import RATE, Clip
from recipes.builtin.report import __main__ as command
from recipes.builtin.report import docs, second
from recipes.builtin.second.steps import STEPS

FAMILIES = [step.name.removeprefix("test2-") for step in STEPS[1:]]


def clip(path: Path, label: str, source: str, seed: int) -> Clip:
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, speech(1.5, seed=seed, level=0.3 if label == "bonafide" else 0.9), RATE)
    return Clip(
        str(path), label, "test", "human" if label == "bonafide" else source, source, "s", "it", source, "", 1.5
    )


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder with every table: two human sources, a source a family, two clips each."""
    humans = [clip(tmp_path / "human" / f"{i}.flac", "bonafide", f"prompts-{i % 2}", i) for i in range(4)]
    manifest.write(tmp_path / f"{STEPS[0].name}.tsv", humans)
    for number, family in enumerate(FAMILIES):
        made = [clip(tmp_path / family / f"{i}.flac", "spoof", family, 10 * number + i) for i in range(2)]
        for part in range(STEPS[number + 1].parts):
            manifest.write(STEPS[number + 1].path(tmp_path, part), made if part == 0 else [])
    return tmp_path


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> FakeScorer:
    """Calls what is loud fake; `load` gives a detector with it."""
    made = FakeScorer(lambda wave: -6.0 if np.abs(wave).max() > 0.5 else 6.0)
    monkeypatch.setattr(second, "load", lambda *_, **__: Detector(made, tiny_card(), model_sha256="ab" * 32))
    return made


def test_it_names_what_is_not_made_and_asks_nothing(work: Path, scorer: FakeScorer) -> None:
    (work / "test2-lpc10.tsv").unlink()
    with pytest.raises(SystemExit, match=r"lacks test2-lpc10; python -m recipes\.builtin\.second --work"):
        second.measure("m", [], work, work / "report", seed=1)
    assert not scorer.shapes
    assert not (work / second.OPENED).exists()


def test_every_pair_is_measured_and_the_answers_are_kept(work: Path, scorer: FakeScorer) -> None:
    told: list[str] = []
    found = second.measure("m", [], work, work / "report", seed=1, say=told.append)
    assert told == ["second test, clean", "second test, noise at 15 dB, then one codec"]
    clean = found["pairs"]["clean"]
    assert set(clean["cells"]) == {f"prompts-{i} / {family}" for i in range(2) for family in FAMILIES}
    assert (clean["macro"], clean["worst"]) == (0.0, 0.0)
    assert clean["clips"] == {"prompts-0": 2, "prompts-1": 2, **dict.fromkeys(FAMILIES, 2)}
    assert found["verdicts"]["clean"]["wrong_outside_unsure"] == 0.0
    assert found["calibration"]["clean"]["difference"] == pytest.approx(found["calibration"]["clean"]["cllr"])
    assert found["calibration"]["line"]["clips"] == (4, 2 * len(FAMILIES))
    asked = len(scorer.shapes)
    assert second.measure("m", [], work, work / "report", seed=1)["pairs"] == found["pairs"]
    assert len(scorer.shapes) == asked


def test_it_belongs_to_the_model_that_it_was_opened_for(work: Path, scorer: FakeScorer) -> None:
    keep.put_json(work / second.OPENED, ["cd" * 32])
    found = second.measure("m", [], work, work / "report", seed=1)
    assert found["opened_before"] == 1
    assert second.measure("m", [], work, work / "report", seed=1)["opened_before"] == 1
    assert keep.read_json(work / second.OPENED) == ["cd" * 32, "ab" * 32]
    assert second.kept(work / "report", "ab" * 32) == keep.read_json(work / "report" / second.FILE)
    assert second.kept(work / "report", "cd" * 32) is None
    with pytest.raises(SystemExit, match=r"the page tells of old with other weights than new's"):
        second.check_page({"model": {"name": "old", "sha256": "cd" * 32}}, "new")


def test_its_tables_stand_on_a_page(work: Path, scorer: FakeScorer) -> None:
    found = second.measure("m", [], work, work / "report", seed=1)
    page = "".join(f"<!-- table {name} -->\n<!-- end -->\n" for name in second.SECTIONS)
    assert docs.filled(page, {}).count(second.UNOPENED) == len(second.SECTIONS)
    text = docs.filled(page, {"second": found})
    assert "| prompts-0 | 2 | " + " | ".join(["0.0"] * len(FAMILIES)) + " |" in text
    assert "| mean over all pairs | 0.0 | " in text
    assert "No model was measured on it before." in text
    assert "| lpc10 | 0 / 2 |" in text
    assert "| second test, clean | 4 / 10 |" in text
    assert second.markdown(found).count("## second") == len(second.SECTIONS)


def test_the_command_opens_it_only_when_asked(work: Path, scorer: FakeScorer, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    manifest.write(work / "corpus.tsv", [])
    given = ["--corpus", str(work), "--work", str(work), "--out", str(work / "report")]
    monkeypatch.setattr(command, "build_bank", lambda *_, **__: None)
    monkeypatch.setattr(command, "report", lambda *_, **__: {})
    command.main(given)
    assert not scorer.shapes
    command.main([*given, "--second-test"])
    assert scorer.shapes
    assert (work / "report" / "second-test.md").read_text().startswith("## second\n")
    assert "second-test.md" in capsys.readouterr().out
