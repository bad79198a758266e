"""Reading utterances: whole, their beginning, a stretch by chance; lengths; frame labels."""

import pickle

import numpy as np
import pytest
import soundfile

from fakemamba.data.corpora import open_corpus
from fakemamba.data.frames import read_frame_labels
from fakemamba.data.miniature import make_miniature
from fakemamba.data.waves import lengths, read_wave, repeat_to, with_seconds
from fakemamba.errors import AudioError, ConfigError, DataError


@pytest.fixture
def ramp(tmp_path):
    """1000 samples that tell their place."""
    wave = (np.arange(1000) / 2000).astype(np.float32)
    soundfile.write(tmp_path / "ramp.wav", wave, 16_000, subtype="FLOAT")
    return tmp_path / "ramp.wav", wave


def test_whole_and_first_samples(ramp):
    path, wave = ramp
    assert np.array_equal(read_wave(path), wave)
    assert np.array_equal(read_wave(path, 300), wave[:300])


def test_short_audio_is_repeated_end_to_end(ramp):
    path, wave = ramp
    expected = np.concatenate([wave, wave, wave[:500]])
    assert np.array_equal(read_wave(path, 2500), expected)
    assert np.array_equal(read_wave(path, 2500, crop="random", rng=np.random.default_rng(0)), expected)
    assert np.array_equal(repeat_to(wave, 1000), wave)


def test_random_stretches_lie_anywhere_and_follow_the_rng(ramp):
    path, wave = ramp
    starts = set()
    for seed in range(60):
        stretch = read_wave(path, 990, crop="random", rng=np.random.default_rng(seed))
        starts.add(int(np.flatnonzero(wave == stretch[0])[0]))
        assert np.array_equal(stretch, read_wave(path, 990, crop="random", rng=np.random.default_rng(seed)))
    assert starts == set(range(11))  # both ends included


def test_any_rate_becomes_16_khz_mono(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros((48_000, 2)), 48_000)
    assert read_wave(tmp_path / "a.flac").shape == (16_000,)


def test_a_long_file_is_not_read_to_its_end(tmp_path):
    """Twelve seconds whose end is damaged: the first ten are decoded, the rest is never looked at."""
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, 60 * 16_000)
    soundfile.write(tmp_path / "a.flac", wave, 16_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[-50_000:-1000] = bytes(49_000)
    (tmp_path / "a.flac").write_bytes(content)
    assert read_wave(tmp_path / "a.flac", 66_800).shape == (66_800,)


def test_what_cannot_be_read_is_told(ramp, tmp_path):
    path, _ = ramp
    with pytest.raises(AudioError, match="no such file"):
        read_wave(tmp_path / "none.wav")
    with pytest.raises(ConfigError, match="0 samples"):
        read_wave(path, 0)
    with pytest.raises(ConfigError, match="needs an rng"):
        read_wave(path, 10, crop="random")


def test_lengths_are_filled_in_from_headers(tmp_path):
    dataset = open_corpus("for", make_miniature("for", tmp_path / "for", per_class=2), split="train")
    assert np.isnan(lengths(dataset)).all()
    seen = []
    filled = with_seconds(dataset, lambda done, of: seen.append((done, of)))
    assert sorted(lengths(filled).tolist()) == [0.8, 0.8, 3.4, 3.4]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert with_seconds(filled) == filled


def test_frame_labels_of_partialspoof(tmp_path):
    dataset = open_corpus("partialspoof", make_miniature("partialspoof", tmp_path / "ps", per_class=2), split="dev")
    labels = read_frame_labels(dataset.utterances[0].frames)
    assert set(labels) == {u.id for u in dataset.utterances}
    for utterance in dataset.utterances:
        cells = labels[utterance.id]
        assert len(cells) == np.ceil(len(read_wave(utterance)) / 320)
        assert cells.min() == utterance.label  # genuine throughout, or spoofed somewhere
        assert cells[0] == 1


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_a_pickle_that_wants_more_than_labels_is_refused(tmp_path, capsys):
    np.save(tmp_path / "evil.npy", np.array({"x": Evil()}, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"asks for builtins\.print"):
        read_frame_labels(tmp_path / "evil.npy")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read as frame labels"),
        (pickle.dumps({}), "cannot be read as frame labels"),
        (None, "cannot read"),
    ],
)
def test_damaged_frame_labels_are_told(tmp_path, content, words):
    path = tmp_path / "labels.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_frame_labels(path)


def test_other_arrays_are_told(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match="float64, not a dict of frame labels"):
        read_frame_labels(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.array({"u": np.array(["2", "1"])}, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="u has labels other than 0 and 1"):
        read_frame_labels(tmp_path / "b.npy")
