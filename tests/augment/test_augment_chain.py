"""Chains: reproducible, bounded, as likely and as strong as asked, blind to labels."""

import inspect
from collections import Counter

import numpy as np
import pytest

from fakemamba.augment import CHANCES, Chain, Drawn, RawBoost, apply, draw
from fakemamba.errors import ConfigError

CHEAP = ("alaw", "mulaw", "ima_adpcm", "ms_adpcm")


def voice(length: int) -> np.ndarray:
    """(length,) float32 with an envelope."""
    rng = np.random.default_rng(length)
    return (0.3 * rng.standard_normal(length) * np.sin(np.arange(length) / 3000) ** 2).astype(np.float32)


def chain() -> Chain:
    """With banks, and codecs that cost nothing."""
    return Chain(noises=[voice(9000)], voices=[voice(5000), voice(7000)], available=CHEAP)


def test_same_seed_same_chain_same_sound():
    wave = voice(20_000)
    for seed in range(20):
        one, two = (chain().draw(np.random.default_rng(seed)) for _ in range(2))
        assert one == two
        np.testing.assert_array_equal(one.apply(wave), two.apply(wave))


@pytest.mark.parametrize("length", [400, 401, 1600, 12_345, 64_000])
def test_any_length_comes_back_bounded(length):
    wave = voice(length)
    before = wave.copy()
    for seed in range(25):
        out = chain().draw(np.random.default_rng(seed)).apply(wave)
        assert out.shape == (length,)
        assert out.dtype == np.float32
        assert np.abs(out).max() <= 1
    np.testing.assert_array_equal(wave, before)


def test_silence_constants_and_clipped_speech_stay_finite():
    for wave in (np.zeros(4000), np.ones(4000), np.sign(voice(4000))):
        for seed in range(40):
            assert np.isfinite(chain().draw(np.random.default_rng(seed)).apply(wave.astype(np.float32))).all()


def test_effects_come_in_a_recordings_order_and_as_often_as_promised():
    everything = chain()
    makers = list(CHANCES)
    draws = [everything.draw(np.random.default_rng(seed)) for seed in range(2000)]
    alone = {
        name: type(
            Chain({name: 1.0}, everything.noises, everything.voices, CHEAP).draw(np.random.default_rng(0)).effects[0]
        )
        for name in makers
    }
    counts = Counter(type(effect) for drawn in draws for effect in drawn.effects)
    for kind in set(alone.values()):
        wanted = sum(CHANCES[name] for name in makers if alone[name] is kind)
        assert counts[kind] / 2000 == pytest.approx(wanted, abs=0.05)
    kinds = [alone[name] for name in makers]
    for drawn in draws:
        places = iter(kinds)
        assert all(type(effect) in places for effect in drawn.effects)  # a subsequence


def test_strength_zero_does_nothing_and_more_does_more():
    wave = voice(8000)
    nothing = chain().draw(np.random.default_rng(1), 0.0)
    assert nothing == Drawn()
    np.testing.assert_array_equal(nothing.apply(wave), wave)
    number = [sum(len(chain().draw(np.random.default_rng(s), x).effects) for s in range(200)) for x in (0.2, 0.6, 1.0)]
    assert number[0] < number[1] < number[2]


def test_without_banks_their_noises_are_left_out():
    for seed in range(50):
        assert Chain({"noise": 1.0, "babble": 1.0}).draw(np.random.default_rng(seed)) == Drawn()


def test_an_unknown_effect_is_named_with_the_choices():
    with pytest.raises(ConfigError, match=r"unknown effect 'reverb'.*room"):
        Chain({"reverb": 0.5})


def test_module_level_draw_and_apply():
    wave = voice(3000)
    for params in (draw(np.random.default_rng(2), 0.5), RawBoost(5).draw(np.random.default_rng(2))):
        np.testing.assert_array_equal(apply(wave, params), params.apply(wave))


def test_no_effect_can_see_a_label():
    for function in (Chain.draw, Drawn.apply, RawBoost.draw, draw, apply):
        assert not {"label", "labels", "target", "bonafide", "spoof"} & set(inspect.signature(function).parameters)
