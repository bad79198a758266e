"""A telephone's band and noise are heard; what is neither is left alone."""

import numpy as np
import pytest
from audio_makers import RATE, noise, tone
from test_activity import telephone, voice

from fakemamba.audio import activity, condition
from fakes import speech


def heard(wave):
    return condition(activity(np.asarray(wave, np.float32)))


def with_noise(wave, decibels, seed=0):
    added = noise(len(wave) / RATE, seed=seed)[: len(wave)]
    return wave + added * np.sqrt(np.mean(wave**2) / np.mean(added**2)) * 10 ** (-decibels / 20)


@pytest.mark.parametrize("level", [0.9, 0.3, 0.01])
def test_a_recorded_voice_is_neither_at_any_level(level):
    assert heard(speech(4.0, level=level)) is None


@pytest.mark.parametrize("level", [0.9, 0.3, 0.01])
def test_half_the_band_is_a_telephone_at_any_level(level):
    assert heard(telephone(speech(4.0, level=level))) == "telephone"


@pytest.mark.parametrize("decibels", [0, 5, 10, 15])
def test_noise_is_heard(decibels):
    assert heard(with_noise(speech(4.0), decibels)) == "noise"
    assert heard(telephone(with_noise(speech(4.0), decibels))) == "telephone"


def test_hardly_audible_noise_is_none():
    assert heard(with_noise(speech(4.0), 45)) is None


@pytest.mark.parametrize("wave", [np.zeros(0), np.zeros(RATE), np.zeros(10), tone(1.0), voice(0.3)])
def test_whatever_comes_gets_an_answer(wave):
    assert heard(wave) in (None, "telephone", "noise")
