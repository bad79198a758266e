import csv

import numpy as np
import pytest
from audio_makers import RATE, noise, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import shared
from fakemamba.audio import FRAME, load_audio, speech_activity


def seconds(wave):
    return speech_activity(wave.astype(np.float32)).sum() * FRAME / RATE


def voice(length=4.0, seed=0):
    """Like speech in what is measured: gliding pitch, formants on the move, syllables and pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(length * RATE)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t) + 5 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = [500 + 250 * np.sin(2 * np.pi * 3.1 * t), 1500 + 600 * np.sin(2 * np.pi * 3.7 * t + 1), 2600 + 0 * t]
    wave = np.zeros(len(t))
    for k in range(1, 30):
        gain = sum(1 / (1 + ((k * pitch - formant) / 80) ** 2) / 2**i for i, formant in enumerate(formants))
        wave += gain * np.sin(k * phase)
    syllables = np.clip(2 * np.sin(2 * np.pi * 2 * t) + 0.5, 0, 1)
    wave = wave * syllables + 0.001 * rng.standard_normal(len(t))
    return (0.1 * wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def telephone(wave):
    spectrum, hertz = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / RATE)
    return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(wave))


T = np.arange(4 * RATE) / RATE
NOT_SPEECH = {
    "silence": 0 * T,
    "DC": 0 * T + 0.3,
    "dither": np.random.default_rng(0).integers(-1, 2, 4 * RATE) / 32768,
    "white": noise(4),
    "brown": 0.01 * np.cumsum(noise(4)) - 0.01 * np.cumsum(noise(4)).mean(),
    "hum": sum(np.sin(2 * np.pi * 50 * k * T + k) / k for k in range(1, 12)) / 10,
    **{f"sine {hertz}": tone(4, hertz=hertz) for hertz in (60, 200, 440, 3000)},
    "chirp": 0.3 * np.sin(2 * np.pi * (50 * T + 800 * T**2)),
    "DTMF": (tone(4, hertz=770) + tone(4, hertz=1336)) * (T * 5 % 1 < 0.5),
    "beeps": tone(4, hertz=1000) * (T % 1 < 0.3),
    "clicks": (np.arange(4 * RATE) % 8000 == 0) * 0.9,
    "bursts": noise(4) * (T % 0.4 < 0.15),
    "chord": sum(tone(4, hertz=f * k) / k / 9 for f in (261, 329, 392) for k in range(1, 13)),
}


@pytest.mark.parametrize("name", NOT_SPEECH)
def test_what_is_no_speech(name):
    assert seconds(np.asarray(NOT_SPEECH[name])) < 0.3


def test_what_may_be_speech():
    wave = voice()
    mixed = wave + np.sqrt(np.mean(wave**2) / 10) * np.random.default_rng(1).standard_normal(len(wave))
    for heard in (wave, telephone(wave), mixed, wave * 10 ** (-30 / 20)):
        assert seconds(heard) > 1.5


def test_pauses_stay_empty():
    wave = np.concatenate([np.zeros(2 * RATE), voice(2.0), np.zeros(2 * RATE)]).astype(np.float32)
    active = speech_activity(wave)
    assert active[100:200].mean() > 0.4
    assert not active[:98].any()
    assert not active[202:].any()


@given(st.integers(0, 5000))
@settings(max_examples=30, deadline=None)
def test_one_flag_for_each_begun_frame(count):
    assert speech_activity(noise(count / RATE)).shape == (-(-count // FRAME),)


def test_long_audio_is_analysed_in_pieces_without_seams():
    wave = voice(50.0)
    active = speech_activity(wave)
    assert active.shape == (2500,)
    inner = speech_activity(wave[900 * FRAME : 1200 * FRAME])
    np.testing.assert_array_equal(active[950:1150], inner[50:250])


def test_clips_of_the_corpus():
    corpus = shared("corpus")
    with (corpus / "corpus.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for label in ("bonafide", "spoof"):
        clips = [row for row in rows if row["label"] == label][::25]
        found = [seconds(load_audio(corpus / row["path"])) >= 0.3 for row in clips]
        assert np.mean(found) >= 0.97
    for row in rows:
        if row["label"] == "noise":
            assert seconds(load_audio(corpus / row["path"])[: 4 * RATE]) < 0.3
