"""Utterances as batches: lengths, crops, augmentation, and that a clip's draws depend on nothing but its key."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.sampling import EpochSampler
from fakemamba.data.waves import lengths
from fakemamba.errors import ConfigError, DataError
from fakemamba.train.augmenting import make_augmenter
from fakemamba.train.corpus import Clips, CorpusBatches
from fakemamba.train.run import check_shares
from fakemamba.train.settings import AugmentConfig, BatchConfig

RATE = 16_000


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("clips")
    utterances = []
    for number in range(12):
        samples = 1000 + 200 * number
        wave = np.arange(1, samples + 1) / 5000
        soundfile.write(folder / f"{number}.wav", wave, RATE, subtype="FLOAT")
        utterances.append(Utterance(str(number), folder / f"{number}.wav", number % 2, "made", seconds=samples / RATE))
    return Dataset("made", tuple(utterances))


def batches(dataset: Dataset, clips: Clips, **more: object) -> CorpusBatches:
    return CorpusBatches(clips, EpochSampler(dataset, seed=1, batch=4, **more), seed=1)  # type: ignore[arg-type]


def test_short_clips_are_repeated_and_long_ones_cut(dataset):
    clips = Clips(dataset, samples=1500, masked=False)
    batch = clips.batch([0, 11], [(0,), (1,)])
    np.testing.assert_allclose(batch.waves[0], np.resize(np.arange(1, 1001) / 5000, 1500), atol=1e-6)
    np.testing.assert_allclose(batch.waves[1], np.arange(1, 1501) / 5000, atol=1e-6)
    assert batch.targets.tolist() == [0, 1]
    assert batch.lengths is None


def test_masked_clips_keep_their_lengths(dataset):
    batch = Clips(dataset, samples=1500, masked=True).batch([0, 11, 1], [(0,), (1,), (2,)])
    assert batch.lengths.tolist() == [1000, 1500, 1200]
    assert batch.waves.shape == (3, 1500)
    assert not batch.waves[0, 1000:].any()


def test_crops_follow_the_key_and_lie_anywhere(dataset):
    clips = Clips(dataset, samples=500, masked=False, crop="random", seed=7)
    starts = {round(float(clips.wave(11, (key,), 500)[0]) * 5000) for key in range(40)}
    assert len(starts) > 30
    assert min(starts) >= 1
    assert max(starts) <= 3200 - 500 + 1
    np.testing.assert_array_equal(clips.wave(11, (3,), 500), clips.wave(11, (3,), 500))


def test_an_epoch_holds_every_clip_once_and_shares_are_parts_of_the_batch(dataset):
    made = batches(dataset, Clips(dataset, samples=1000, masked=False, crop="random"))
    assert made.count(0) == 3
    firsts = np.concatenate([made.batch(0, place).targets for place in range(3)])
    assert firsts.sum() == 6
    whole = made.batch(1, 2)
    for rank in range(3):
        np.testing.assert_array_equal(made.batch(1, 2, rank=rank, ranks=3).waves, whole.waves[rank::3])
    assert not np.array_equal(made.batch(0, 2).waves, whole.waves)


def test_batches_of_like_length_pad_little(dataset):
    clips = Clips(dataset, samples=5000, masked=True)
    made = batches(dataset, clips, lengths=lengths(dataset))
    spans = [np.ptp(made.batch(0, place).lengths) for place in range(made.count(0))]
    assert len(spans) == 3
    assert max(spans) == 600  # four neighbours of the twelve


def test_a_length_is_drawn_for_each_batch(dataset):
    clips = Clips(dataset, samples=1000, masked=False, crop="random")
    made = CorpusBatches(clips, EpochSampler(dataset, seed=1, batch=4), seconds=(0.05, 0.1), seed=1)
    assert {made.batch(epoch, place).waves.shape[1] for epoch in range(4) for place in range(3)} == {800, 1600}


def test_batches_travel_to_workers(dataset):
    for form in ("fast", "legacy"):
        augment = make_augmenter(AugmentConfig(kind="rawboost", form=form))
        made = batches(dataset, Clips(dataset, samples=500, masked=False, augment=augment))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).batch(0, 1).waves, made.batch(0, 1).waves)


def test_too_few_clips_are_told(dataset):
    with pytest.raises(DataError, match=r"12 clips don.t fill one batch of 20"):
        CorpusBatches(Clips(dataset, samples=100, masked=False), EpochSampler(dataset, seed=1, batch=20))
    with pytest.raises(ConfigError, match=r"too small for 2 parts .* on 3 processes: give at least 6"):
        check_shares(BatchConfig(size=4, accumulate=2), 3)


@pytest.mark.parametrize("form", ["fast", "legacy"])
def test_rawboost_hears_the_whole_clip_before_the_cut(dataset, form):
    augment = make_augmenter(AugmentConfig(kind="rawboost", algorithm=3, form=form))
    clips = Clips(dataset, samples=800, masked=False, augment=augment, seed=2)
    long = Clips(dataset, samples=3000, masked=True, augment=augment, seed=2)
    np.testing.assert_array_equal(clips.wave(9, (1, 2), 800), long.wave(9, (1, 2), 3000)[:800])
    assert clips.wave(9, (1, 2), 800).dtype == np.float32
    assert not np.array_equal(clips.wave(9, (1, 2), 800), clips.wave(9, (1, 3), 800))


def test_the_chain_takes_its_strengths_by_their_chances(tmp_path: Path):
    clean = make_augmenter(AugmentConfig(kind="chain", strengths=(0.0, 1.0), chances=(1, 0)))
    wave = np.linspace(-0.5, 0.5, 16_000, dtype=np.float32)
    np.testing.assert_array_equal(clean(wave, np.random.default_rng(0)), wave)
    soundfile.write(tmp_path / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), RATE)
    loud = make_augmenter(AugmentConfig(kind="chain", strengths=(1.0,), noises=(tmp_path,), codecs=("alaw",)))
    assert any(not np.array_equal(loud(wave, np.random.default_rng(seed)), wave) for seed in range(5))
    with pytest.raises(ConfigError, match=r"augment\.codecs: no 'mp9'.*choose from .*alaw"):
        make_augmenter(AugmentConfig(kind="chain", codecs=("mp9",)))
    assert make_augmenter(AugmentConfig()) is None
