"""The contract of public benchmarks, as their runner uses it."""

import numpy as np
import pytest
from evaluation_makers import detector, loudness

from fakemamba.errors import ConfigError
from fakemamba.evaluation.board import BoardModel
from fakes import RATE, WINDOW, speech, write_tiny_model


def test_the_runner_of_speech_spoof_bench_is_served():
    entry = BoardModel(detector())
    assert (entry.name, entry.expected_sample_rate) == ("tiny", 16_000)
    assert entry.batch_size >= 1
    entry.load()
    audios = [speech(1.0, level=0.1), speech(3.0, level=0.9), speech(2.0)]
    scores = entry.score_batch(audios, [RATE] * 3)
    assert all(type(score) is float for score in scores)
    expected = [loudness(np.resize(wave, WINDOW)) for wave in audios]
    assert scores == pytest.approx(expected, abs=1e-4)
    assert scores[0] > scores[1]  # higher = bona fide
    assert entry.score_batch(audios[:1], [RATE]) == scores[:1]
    entry.unload()
    with pytest.raises(ConfigError, match=r"call load\(\) before"):
        entry.score_batch(audios, [RATE] * 3)


def test_pairs_and_other_rates_are_taken_too():
    entry = BoardModel(detector(), protocol="whole")
    entry.load()
    wave = speech(2.0)
    pairs = entry.score_batch([(wave, RATE), (np.repeat(wave, 2), 2 * RATE)])
    assert pairs[0] == pytest.approx(loudness(wave), abs=1e-4)
    assert pairs[1] == pytest.approx(pairs[0], abs=1.0)
    with pytest.raises(ConfigError, match="1 clips but 2 sample rates"):
        entry.score_batch([wave], [RATE, RATE])


def test_a_subclass_names_its_model_and_needs_no_arguments(tmp_path):
    folder = write_tiny_model(tmp_path / "mine")

    class Mine(BoardModel):
        name = "my system"
        model = folder
        protocol = "detect"

    entry = Mine()
    entry.load("cpu")
    assert entry.name == "my system"
    assert entry.score_batch([speech(3.0)], [RATE])[0] == pytest.approx(
        entry._detector.detect((speech(3.0), RATE)).score
    )
    with pytest.raises(ConfigError, match="one score a clip"):
        BoardModel(folder, protocol="locate")
