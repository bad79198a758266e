"""What a training misses, and that it misses all of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_builtin_recipe import clip

from conftest import ROOT
from fakemamba.checkpoint.torch_io import load_system
from fakemamba.config import load_model_config
from recipes.builtin import keep, leave_out
from recipes.builtin.bank import VIEWS
from recipes.builtin.bank import build as build_bank
from recipes.builtin.facts import build
from recipes.builtin.learn import SEEDS
from recipes.builtin.leave_out import Fold, family_folds, held_humans, page_folds, rates
from recipes.builtin.manifest import Clip

CONFIG = load_model_config(ROOT / "configs" / "compact-statistics.toml").model_copy(update={"width": 2 * SEEDS})


def row(folder: str, name: str, label: str, system: str, source: str, family: str = "", speaker: str = "s") -> Clip:
    return Clip(f"/x/{folder}/{name}.flac", label, "train", system, family or source, speaker, "en", source, "", 3.0)


def corpus() -> list[Clip]:
    """Ten speakers with copies by two vocoders, a package of one speaker, a synthesizer, three pages with a copy."""
    clips = [row("librispeech", f"{i}", "bonafide", "human", "librispeech", speaker=f"s{i % 10}") for i in range(20)]
    clips += [row("klettres-data", f"{i}", "bonafide", "human", "klettres-data", speaker="one") for i in range(10)]
    for family in ("hifigan", "world"):
        clips += [replace(row(f"copy-{family}", c.name.replace("/", "-").removesuffix(".flac"), "spoof",
                              f"copy-{family}", c.source, family), speaker=c.speaker) for c in clips[:30]]  # fmt: skip
    clips += [row("kokoro-heard", f"{i}", "spoof", "kokoro", "kokoro") for i in range(6)]
    for page in ("page-a", "page-b", "page-c"):
        own = [row(page, f"g{i}", "bonafide", "human", page) for i in range(5)]
        fakes = [row(page, f"f{i}", "spoof", "VITS", page) for i in range(6 if page != "page-c" else 2)]
        clips += [*own, *fakes, row("copy-world", f"{page}-g0", "spoof", "copy-world", page, "world")]
    return clips


def test_pages_are_missed_with_all_copies_and_small_ones_are_in_no_fold() -> None:
    clips = corpus()
    folds = page_folds(clips, count=5)
    assert [fold.name for fold in folds] == ["pages-0", "pages-1"]
    assert {clips[i].source for fold in folds for i in fold.missed} == {"page-a", "page-b"}
    for fold in folds:
        (page,) = {clips[i].source for i in fold.missed}
        assert len(fold.judged) == 11  # without the copy
        assert fold.missed == {i for i, c in enumerate(clips) if c.source == page}


def test_a_fifth_of_the_human_clips_is_held_by_speaker_where_there_are_some() -> None:
    clips = corpus()
    held = held_humans(clips)
    assert len(held) == 4 + 2
    speakers = {clips[i].speaker for i in held} - {"one"}
    assert len(speakers) == 2
    assert {i for i, c in enumerate(clips) if c.label == "bonafide" and c.speaker in speakers} <= held


def test_families_are_missed_with_the_held_recordings_and_all_their_copies() -> None:
    clips = corpus()
    held = held_humans(clips)
    folds = {fold.name: fold for fold in family_folds(clips)}
    assert set(folds) == {"family-hifigan", "family-world", "family-kokoro"}
    names = {clips[i].name.replace("/", "-").removesuffix(".flac") for i in held}
    for name, fold in folds.items():
        family = name.removeprefix("family-")
        trained = [c for i, c in enumerate(clips) if i not in fold.missed]
        assert not [c for c in trained if c.family == family]
        assert not [c for c in trained if Path(c.path).stem in names]
        assert set(fold.judged) <= fold.missed
        assert {i for i in fold.judged if clips[i].target} == held
    of_hifigan = [clips[i] for i in folds["family-hifigan"].judged if not clips[i].target]
    assert {Path(c.path).stem for c in of_hifigan} == names
    assert len([i for i in folds["family-kokoro"].judged if not clips[i].target]) == 6


def test_rates_are_of_each_page_and_of_the_family() -> None:
    clips = [
        row("page-a", "g", "bonafide", "human", "page-a"),
        row("page-a", "f", "spoof", "VITS", "page-a"),
        row("page-b", "g", "bonafide", "human", "page-b"),
        row("page-b", "f", "spoof", "VITS", "page-b"),
    ]
    scores = {"clean": [1.0, 0.0, 0.0, 1.0]}
    assert rates(Fold("pages-0", frozenset(), (0, 1, 2, 3)), clips, scores) == {
        "clean": {"page-a": 0.0, "page-b": 100.0}
    }
    assert rates(Fold("family-vits", frozenset(), (0, 1, 2, 3)), clips, scores) == {"clean": {"vits": 50.0}}


def test_a_finished_fold_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip(tmp_path / page / f"{kind}{i}.flac", kind, source=page, seed=i)
             for page in ("page-a", "page-b") for kind in ("bonafide", "spoof") for i in range(2)]  # fmt: skip
    clips += [replace(c, split="dev") for c in clips[:4]]
    bank = build_bank(clips, tmp_path / "bank.i16", views=VIEWS[:2], seed=1, workers=1)
    facts = build(clips, bank, tmp_path / "facts", seed=1, workers=1)
    folds, said = page_folds(clips, count=2, least=2), list[str]()
    wanted = {"steps": 2, "seed": 1, "widths": [facts.width], "folds": folds, "say": said.append}
    found = leave_out.leave_out(clips, facts, CONFIG, tmp_path / "out", **wanted)
    assert set(found["pages"]["clean"]) == {"page-a", "page-b"}
    assert set(found["pages"]) == {"clean", "light"}  # the bank has no heavy view
    assert found["clips"] == {"page-a": [2, 2], "page-b": [2, 2]}
    kept = keep.read_json(tmp_path / "out" / "left-out.json")
    assert (kept["pages"], kept["units"], kept["training_clips"]) == (found["pages"], 2, 8)
    (run,) = (tmp_path / "out").glob("pages-0-*")
    given = keep.read_json(run / "left-out.json")["clean"]
    system = load_system(next((run / "kind-0-run-0" / "epochs").iterdir()))
    waves = (torch.from_numpy(bank.wave(i, 0))[None] for i in folds[0].judged)
    assert given == pytest.approx([system.score(wave).item() for wave in waves], abs=0.01)
    monkeypatch.setattr(leave_out, "learn_kinds", None)
    again = leave_out.leave_out(clips, facts, CONFIG, tmp_path / "out", **wanted)
    assert again["pages"] == found["pages"]
    np.testing.assert_equal(len(said), 4)
