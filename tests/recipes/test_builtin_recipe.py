"""The recipe's own parts, on a handful of made-up clips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fakemamba.checkpoint.folder import open_folder
from fakemamba.config import EncoderConfig, ModelConfig, SpectrumConfig
from fakemamba.errors import ConfigError, DataError
from recipes.builtin import manifest
from recipes.builtin.bank import VIEWS, Bank, build
from recipes.builtin.evaluate import tabulate
from recipes.builtin.manifest import RATE, Clip
from recipes.builtin.mel import filters as mel_filters
from recipes.builtin.sampling import Draw, Sampler
from recipes.builtin.train import BankBatches, plan, run, train

TINY = ModelConfig(
    frontend=SpectrumConfig(fft=128, channels=(4, 4), time_strides=(2, 2)),
    width=16,
    encoder=EncoderConfig(depth=1),
    score="logit_difference",
    short="as_is",
)


def clip(path: Path, label: str, system: str = "human", source: str = "librispeech", seed: int = 0) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    soundfile.write(path, rng.normal(0, 0.1, int(1.5 * RATE)), RATE)
    return Clip(str(path), label, "train", system, system, "s", "en", source, "CC0", 1.5)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    folder = tmp_path / "audio"
    genuine = [clip(folder / "librispeech" / f"{i}.flac", "bonafide", seed=i) for i in range(3)]
    copies = [
        clip(folder / "copy-hifigan" / f"librispeech-{i}.flac", "spoof", "copy-hifigan", seed=9) for i in range(3)
    ]
    page = clip(folder / "page-x" / "a.flac", "spoof", "VITS", "page-x", seed=5)
    return [*genuine, *copies, page]


@pytest.fixture
def bank(clips: list[Clip], tmp_path: Path) -> Bank:
    return build(clips, tmp_path / "bank.i16", views=VIEWS[:3], seed=1, workers=1)


def test_tables_survive_a_move(clips: list[Clip], tmp_path: Path) -> None:
    manifest.write(tmp_path / "clips.tsv", clips)
    read = manifest.read(tmp_path / "clips.tsv")
    assert [Path(c.path).resolve() for c in read] == [Path(c.path).resolve() for c in clips]
    assert [c.target for c in read] == [1, 1, 1, 0, 0, 0, 0]
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "audio").rename(moved / "audio")
    (tmp_path / "clips.tsv").rename(moved / "clips.tsv")
    assert all(Path(c.path).exists() for c in manifest.read(moved / "clips.tsv"))


def test_cutting_drops_silent_edges_and_scraps() -> None:
    rng = np.random.default_rng(0)
    voice = rng.normal(0, 0.2, 5 * RATE).astype(np.float32)
    wave = np.concatenate([np.zeros(RATE, np.float32), voice, np.zeros(RATE, np.float32)])
    parts = list(manifest.cut(wave, rng))
    assert all(RATE <= len(part) <= 4 * RATE for part in parts)
    assert 4 * RATE <= sum(map(len, parts)) <= 5 * RATE + RATE // 100
    assert list(manifest.cut(np.zeros(3 * RATE, np.float32), rng)) == []


def test_the_bank_keeps_the_clean_clip_and_is_read_back(clips: list[Clip], bank: Bank, tmp_path: Path) -> None:
    original, _ = soundfile.read(clips[0].path, dtype="float32")
    np.testing.assert_allclose(bank.wave(0, 0), original, atol=1 / 32_000)
    assert len(bank.wave(0, 1)) == len(original)
    again = build(clips, tmp_path / "bank.i16", views=VIEWS[:3], seed=1, workers=1)
    np.testing.assert_array_equal(again.samples, bank.samples)


def test_batches_are_even_and_a_copy_meets_its_recording(clips: list[Clip], bank: Bank) -> None:
    sampler = Sampler(clips, bank, seed=3)
    assert sampler.original == {3: 0, 4: 1, 5: 2}
    batch = sampler.batch(7)
    assert batch.targets.sum() * 2 == len(batch.targets)
    np.testing.assert_array_equal(batch.waves, Sampler(clips, bank, seed=3).batch(7).waves)
    assert not np.array_equal(batch.waves[:, :100], sampler.batch(8).waves[:, :100])


def test_the_recipe_trains_with_the_packages_loop(clips: list[Clip], bank: Bank, tmp_path: Path, capsys) -> None:
    rows = [replace(c, split="dev", source="page-x") for c in clips]
    both, twice = [*clips, *rows], Bank(bank.samples, np.concatenate([bank.offsets, bank.offsets]))
    wanted = plan(TINY, steps=3, every=2, seed=5)
    best = train(both, twice, wanted, tmp_path / "run")
    card = open_folder(best).card
    assert card.training["step"] in (2, 3)
    assert set(card.training["dev"]) == {"macro", "pooled", "page-x"}
    assert train(both, twice, wanted, tmp_path / "run") == best  # the same command finds it done
    assert "other clips" not in capsys.readouterr().out
    # Other settings and other clips have runs of their own.
    assert train(both, twice, plan(TINY, steps=4, every=2, seed=5), tmp_path / "run") != best
    assert "other clips or settings than in run-" in capsys.readouterr().out
    relabelled = [*both[:-1], replace(both[-1], label="bonafide")]
    other = train(relabelled, twice, wanted, tmp_path / "run")
    assert other != best
    assert len(list(tmp_path.glob("run-*"))) == 3
    with pytest.raises(ConfigError, match=r"other settings .data was"):
        run(wanted.model_copy(update={"data": "x"}), None, None, None, other.parents[1])


def test_a_mark_of_clips_knows_what_is_told_of_them_and_their_bytes_but_not_their_place(
    clips: list[Clip], tmp_path: Path
) -> None:
    mark = manifest.identity(clips)
    for change in ({"label": "spoof"}, {"split": "dev"}, {"spans": "0.1-0.4"}, {"system": "VITS"}):
        assert manifest.identity([replace(clips[0], **change), *clips[1:]]) != mark
    assert manifest.identity(clips[1:]) != mark
    moved = tmp_path / "elsewhere"
    (tmp_path / "audio").rename(moved)
    there = [replace(c, path=c.path.replace("/audio/", "/elsewhere/")) for c in clips]
    assert manifest.identity(there) == mark
    with Path(there[2].path).open("ab") as file:
        file.write(b"x")
    assert manifest.identity(there) != mark


def test_a_source_without_a_share_is_named(clips: list[Clip]) -> None:
    foreign = replace(clips[6], source="my-fakes")
    with pytest.raises(DataError, match=r"no share of spoof clips .* source 'my-fakes'.*mimic3, pico"):
        Draw([*clips, foreign])
    with pytest.raises(DataError, match=r"bonafide clips .*festvox-ru.*wakewords"):
        Draw([replace(clips[0], source="podcast")])
    assert Draw([*clips, replace(foreign, split="test")]).counts() == {"spoof": 4, "bonafide": 3}


def test_the_bank_is_made_anew_when_a_file_changed(clips: list[Clip], bank: Bank, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    soundfile.write(clips[1].path, rng.normal(0, 0.1, RATE), RATE)
    again = build(clips, tmp_path / "bank.i16", views=VIEWS[:3], seed=1, workers=1)
    assert len(again.wave(1, 0)) == RATE
    assert again.key != bank.key


def test_epochs_end_where_the_steps_do_and_processes_share_a_batch(clips: list[Clip], bank: Bank) -> None:
    batches = BankBatches(Sampler(clips, bank, 3), steps=600, every=250)
    assert [batches.count(epoch) for epoch in range(4)] == [250, 250, 100, 0]
    whole, halves = batches.batch(1, 7), [batches.batch(1, 7, rank=rank, ranks=2) for rank in range(2)]
    np.testing.assert_array_equal(whole.waves, Sampler(clips, bank, 3).batch(257).waves)
    np.testing.assert_array_equal(whole.waves[1::2], halves[1].waves)
    np.testing.assert_array_equal(whole.targets[::2], halves[0].targets)


def test_a_page_stands_against_its_own_genuine_clips() -> None:
    def row(label: str, source: str) -> Clip:
        return Clip("x", label, "dev", "s", "s", "s", "en", source, "", 1)

    clips = [row("bonafide", "librispeech"), row("bonafide", "page-a"), row("spoof", "page-a"), row("spoof", "larynx")]
    found = tabulate(clips, np.array([5.0, 1.0, 2.0, 3.0]))
    assert found.parts == {"larynx": 0.0, "page-a": 100.0}
    assert found.counts == {"larynx": (1, 1), "page-a": (1, 1)}
    assert found.macro == 50.0


def test_mel_filters_have_equal_area() -> None:
    filters = mel_filters(22_050, 1024, 80, 0, 8_000)
    assert filters.shape == (80, 513)
    areas = filters.sum(axis=1) * 22_050 / 1024
    assert areas[20:] == pytest.approx(np.ones(60), abs=0.15)
