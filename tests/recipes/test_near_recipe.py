"""Fitting the near pass: from clips of known truth to a model's card, and what it then does through `detect`."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fakemamba.checkpoint.folder import Calibration, Near
from fakemamba.detect import Detector, load
from fakemamba.errors import DataError
from fakes import RATE, WINDOW, FakeScorer, Wave, speech, tiny_card, write_tiny_model
from recipes.builtin import near
from recipes.builtin.manifest import Clip

QUIET, LOUD = 0.02, 0.3


def spliced(seed: int, start: float = 1.0, end: float = 2.0) -> Wave:
    wave = speech(3.0, seed=seed, level=QUIET)
    wave[round(start * RATE) : round(end * RATE)] *= LOUD / QUIET
    return wave


def clip(path: Path, label: str, spans: str = "") -> Clip:
    return Clip(str(path), label, "dev", "s", "f", "sp", "en", "partial", "", 3.0, spans)


def dev(folder: Path, count: int = 6) -> list[Clip]:
    """Quiet genuine clips, and partial fakes that are loud from 1 to 2 s."""
    clips = []
    for seed in range(count):
        sf.write(folder / f"g{seed}.flac", speech(3.0, seed=seed, level=QUIET), RATE)
        sf.write(folder / f"p{seed}.flac", spliced(seed), RATE)
        clips += [clip(folder / f"g{seed}.flac", "bonafide"), clip(folder / f"p{seed}.flac", "spoof", "1.000-2.000")]
    return clips


def sounds(folder: Path) -> tuple[list[near.Sound], list[near.Sound]]:
    clips = dev(folder)
    return near.sounds([c for c in clips if not c.spans]), near.sounds([c for c in clips if c.spans])


def test_the_threshold_leaves_few_genuine_clips_marked_and_growth_is_the_tails_mean_excess() -> None:
    evidence = [*np.zeros(79), *np.arange(1, 22) / 10]  # 100 clips: 0.1 to 2.1
    threshold, growth, length = near.limit(evidence, [3.0] * 100)
    assert threshold == pytest.approx(1.65)  # five reach it: 1.7 to 2.1
    assert growth == pytest.approx(np.mean(np.arange(2, 22) / 10) - 0.2)
    assert length == 3.0
    assert near.limit([0.0] * 30, [1.0] * 30)[0] == 0.1
    assert near.limit([0.5, 0.4, 0.3], [1.0] * 3)[0] > 0.5  # of so few none may be marked


def test_few_genuine_clips_are_marked_whatever_their_lengths() -> None:
    rng = np.random.default_rng(0)
    seconds = rng.uniform(1.0, 60.0, 400)
    evidence = rng.exponential(1.0, 400) + np.log(seconds)
    threshold, growth, length = near.limit(evidence, seconds)
    assert length == pytest.approx(seconds.mean())
    asked = threshold + growth * np.log(np.maximum(1.0, seconds / length))
    assert (evidence >= asked).sum() == 20  # one in twenty


def test_a_fitted_section_finds_the_fake_part_through_detect(tmp_path: Path) -> None:
    genuine, partial = sounds(tmp_path)
    detector = Detector(FakeScorer(lambda wave: 3.0 - 100.0 * float(np.abs(wave).mean())), tiny_card())
    told: list[str] = []
    section = near.fit(detector, genuine, partial, told.append)
    assert section.seconds in near.SECONDS
    assert section.hop == pytest.approx(section.seconds * near.HOP)
    assert section.length == pytest.approx(3.0, abs=0.1)
    assert [line.split(":")[0] for line in told] == [f"windows of {s:g} s" for s in near.SECONDS]
    done = Detector(detector.scorer, tiny_card(near=section))
    counts = near.counted(done, "dev", genuine, partial)
    assert (counts.genuine, counts.genuine_marked, counts.partial, counts.partial_found) == (6, 0, 6, 6)


def test_where_short_windows_tell_nothing_there_is_no_section(tmp_path: Path) -> None:
    genuine, partial = sounds(tmp_path)
    blind = FakeScorer(lambda wave: 3.0 - 100.0 * float(np.abs(wave).mean()) if len(wave) == WINDOW else 1.0)
    with pytest.raises(DataError, match="all scores are equal"):
        near.fit(Detector(blind, tiny_card()), genuine, partial)


def test_a_mark_beside_the_fake_part_finds_nothing() -> None:
    section = Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=0.5, length=3.0)
    detector = Detector(
        FakeScorer(lambda w: 5.0 if len(w) == WINDOW or np.abs(w).max() < 0.1 else -5.0), tiny_card(near=section)
    )
    labels = near.span_labels([(0.0, 0.2, 0)], 3.0)
    assert near.finds(detector, near.Sound(spliced(0), labels)) == (True, False)
    assert near.finds(detector, near.Sound(spliced(0), 1 - labels)) == (True, True)


def test_the_light_channel_keeps_the_labels_and_hangs_on_the_name_alone(tmp_path: Path) -> None:
    clips = dev(tmp_path, 2)
    clean = near.sounds(clips)
    one, two = (near.through_light(clean, clips, [], seed) for seed in (1, 1))
    for before, first, second in zip(clean, one, two, strict=True):
        assert (first.wave == second.wave).all()
        assert len(first.wave) == len(before.wave)
        assert (first.labels == before.labels).all()


def test_the_command_writes_the_section_and_leaves_the_rest_of_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_model(tmp_path / "model")
    before = json.loads((model / "config.json").read_text())
    (tmp_path / "corpus.tsv").touch()
    monkeypatch.setattr(near, "everything", lambda work, corpus: dev(tmp_path))
    monkeypatch.setattr(near, "SECONDS", (0.5,))
    near.main(["--model", str(model), "--corpus", str(tmp_path), "--work", str(tmp_path)])
    after = json.loads((model / "config.json").read_text())
    section = after.pop("near")
    assert after == before
    assert [counts["on"] for counts in section["measured"]] == ["dev, clean", "dev, light channel"]
    assert (section["measured"][0]["genuine"], section["measured"][0]["partial"]) == (6, 6)
    card = load(model).card
    assert card.near is not None
    assert card.near.seconds == 0.5


def test_without_partial_fakes_the_command_says_how_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "corpus.tsv").write_text("path\tlabel\tsplit\tsystem\tspeaker\tlanguage\tsource\tlicence\tseconds\n")
    with pytest.raises(SystemExit, match="--only partial-dev"):
        near.main(["--model", str(tmp_path), "--corpus", str(tmp_path), "--work", str(tmp_path)])


def test_a_card_loses_a_section_that_nothing_supports(tmp_path: Path) -> None:
    old = Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=0.5, length=3.0)
    model = write_tiny_model(tmp_path / "model", near=old)
    assert near.note_near(model, [], 1) is None
    assert load(model).card.near is None
