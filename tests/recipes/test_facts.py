"""Statistics computed once, and the trainings on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from systems import THREE_KINDS
from test_builtin_recipe import clip

from conftest import ROOT
from fakemamba.checkpoint.folder import TENSOR_FILE
from fakemamba.checkpoint.torch_io import load_system
from fakemamba.config import CepstraConfig, load_model_config
from fakemamba.models.assemble import build as build_system
from fakemamba.models.assemble import statistics_frontend
from fakemamba.models.cepstra import Cepstra
from recipes.builtin import facts as facts_module
from recipes.builtin import recogniser
from recipes.builtin.bank import VIEWS, Bank
from recipes.builtin.bank import build as build_bank
from recipes.builtin.facts import CHUNK, Facts, Given, build
from recipes.builtin.learn import SEEDS, FactBatches, learn, narrow
from recipes.builtin.manifest import Clip

CONFIG = load_model_config(ROOT / "configs" / "compact-statistics.toml").model_copy(update={"width": 2 * SEEDS})
KINDS = THREE_KINDS.model_copy(update={"width": 2 * SEEDS})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Clip], Bank, Facts, Path]:
    folder = tmp_path_factory.mktemp("facts")
    clips = [clip(folder / "librispeech" / f"{i}.flac", "bonafide", seed=i) for i in range(3)]
    clips += [clip(folder / "page-x" / f"{i}.flac", "spoof", "VITS", "page-x", seed=9 + i) for i in range(3)]
    clips += [
        replace(clips[0], split="dev", source="page-x"),
        replace(clips[4], split="dev"),
        replace(clips[1], split="test"),
    ]
    bank = build_bank(clips, folder / "bank.i16", views=VIEWS[:2], seed=1, workers=1)
    return clips, bank, build(clips, bank, folder / "facts", seed=1, workers=1), folder


def test_the_first_view_is_the_whole_clean_clip(made) -> None:
    _, bank, facts, _ = made
    expected = Cepstra()(torch.from_numpy(bank.wave(0, 0))[None])[0].numpy()
    np.testing.assert_allclose(facts.of(0, 0), expected, atol=0.05, rtol=2e-3)
    assert (facts.views, facts.width) == (4, Cepstra().out_width)
    assert np.abs(facts.of(0, 1) - facts.of(0, 0)).max() > 0.1


def test_nothing_of_the_test_is_measured(made) -> None:
    _, _, facts, _ = made
    assert not facts.chunks[0][8].any()
    assert facts.of(6, 0).any()
    assert facts.of(6, 2).any()


def test_finished_chunks_are_read_back_and_other_clips_start_anew(made, monkeypatch) -> None:
    clips, bank, facts, folder = made
    monkeypatch.setattr(facts_module, "_wanted", unwanted)
    again = build(clips, bank, folder / "facts", seed=1, workers=1)
    np.testing.assert_array_equal(again.chunks[0], facts.chunks[0])
    for other in ({"seed": 2}, {"seed": 1, "frontend": CepstraConfig(hop=320)}):
        with pytest.raises(RuntimeError, match="made anew"):
            build(clips, bank, folder / "facts", workers=1, **other)


def test_other_settings_of_the_front_end_are_used(made, tmp_path) -> None:
    clips, bank, _, _ = made
    found = build(clips, bank, tmp_path / "facts", seed=1, frontend=CepstraConfig(ffts=(128, 256, 512)), workers=1)
    expected = Cepstra((128, 256, 512))(torch.from_numpy(bank.wave(0, 0))[None])[0].numpy()
    np.testing.assert_allclose(found.of(0, 0), expected, atol=0.05, rtol=2e-3)


def unwanted(*_given):
    raise RuntimeError("made anew")


def test_batches_are_even_and_repeat(made) -> None:
    clips, _, facts, _ = made
    batches = FactBatches(clips, facts, 3, seed=5)
    one, again, other = batches.batch(0, 1), batches.batch(0, 1), batches.batch(0, 2)
    assert one.targets.mean() == 0.5
    np.testing.assert_array_equal(one.waves, again.waves)
    assert (one.waves != other.waves).any()
    shares = [batches.batch(0, 1, rank=rank, ranks=2).waves for rank in range(2)]
    np.testing.assert_array_equal(np.stack(shares, axis=1).reshape(one.waves.shape), one.waves)


def test_three_trainings_become_one_system_that_takes_waves(made, tmp_path) -> None:
    clips, bank, _, _ = made
    facts = build(clips, bank, tmp_path / "facts", seed=1, workers=1)
    front = statistics_frontend(CONFIG.frontend)
    system = load_system(learn(clips, facts, CONFIG, tmp_path / "learn", steps=15, seed=3, frontend=front))
    scores = system.score(torch.from_numpy(np.stack([bank.wave(i, 0) for i in range(6)])))
    assert scores.shape == (6,)
    assert scores[:3].mean() > scores[3:].mean()


def test_a_kind_is_a_part_of_every_vector() -> None:
    chunks = tuple(np.random.default_rng(n).normal(0, 1, (CHUNK, 4, 9)).astype(np.float16) for n in range(2))
    facts = Facts(chunks, "key")
    kinds = [facts.kind(start, width) for start, width in ((0, 2), (2, 4), (6, 3))]
    assert [kind.width for kind in kinds] == [2, 4, 3]
    assert all(kind.views == 4 for kind in kinds)
    assert len({facts.key, *(kind.key for kind in kinds)}) == 4
    for place in ((0, 0), (CHUNK - 1, 3), (CHUNK + 7, 2)):
        np.testing.assert_array_equal(np.concatenate([kind.of(*place) for kind in kinds]), facts.of(*place))


def test_other_weights_of_the_recogniser_start_anew(made, tmp_path, monkeypatch) -> None:
    clips, bank, _, _ = made
    asked = {"seed": 1, "frontend": KINDS.frontend, "workers": 1}
    weights = recogniser.untrained(KINDS.frontend.recogniser, tmp_path)
    facts = build(clips, bank, tmp_path / "facts", weights=weights, **asked)
    expected = recogniser.frontend(KINDS.frontend, weights)(torch.from_numpy(bank.wave(0, 0))[None])[0].numpy()
    np.testing.assert_allclose(facts.of(0, 0), expected, atol=0.05, rtol=2e-3)
    save_file({name: value + 1 for name, value in load_file(weights).items()}, tmp_path / "other")
    monkeypatch.setattr(facts_module, "_wanted", unwanted)
    again = build(clips, bank, tmp_path / "facts", weights=weights, **asked)
    np.testing.assert_array_equal(again.chunks[0], facts.chunks[0])
    with pytest.raises(RuntimeError, match="made anew"):
        build(clips, bank, tmp_path / "facts", weights=tmp_path / "other", **asked)


def test_each_kind_is_trained_by_itself_and_all_scores_are_added(made, tmp_path) -> None:
    clips, bank, _, _ = made
    weights = recogniser.untrained(KINDS.frontend.recogniser, tmp_path)
    facts = build(clips, bank, tmp_path / "facts", seed=1, frontend=KINDS.frontend, weights=weights, workers=1)
    front = recogniser.frontend(KINDS.frontend, weights)
    path = learn(clips, facts, KINDS, tmp_path / "learn", steps=2, seed=3, frontend=front)
    waves = torch.from_numpy(np.stack([bank.wave(i, 0) for i in range(6)]))
    known = np.stack([facts.of(i, view) for i in range(6) for view in (0, 3)])
    start, expected = 0, torch.zeros(6)
    for number, kind in enumerate(front(waves).split(front.widths, dim=1)):
        runs = [path.parent / f"kind-{number}-run-{run}" for run in range(SEEDS)]
        for run in runs:
            member = build_system(narrow(KINDS), Given(kind.shape[1])).eval()
            (epoch,) = (run / "epochs").iterdir()
            member.load_state_dict(load_file(epoch / TENSOR_FILE))
            own = torch.from_numpy(known[:, start : start + kind.shape[1]]).mean(0)
            torch.testing.assert_close(member.judges[0].norm.mean, own, atol=1e-4, rtol=1e-4)
            expected += member.score(kind).detach() / SEEDS
        start += kind.shape[1]
    system = load_system(path)
    torch.testing.assert_close(system.score(waves).detach(), expected, atol=1e-3, rtol=1e-3)
    assert expected.abs().min() > 1e-3
    taken = system.frontend.parts["recogniser"].state_dict()
    assert all(torch.equal(taken[name], value) for name, value in load_file(weights).items())
