"""Every effect does what it says: to the level, the spectrum, the place in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.augment import Effect
from fakemamba.augment.band import Band, Equaliser
from fakemamba.augment.edges import Edges, trim_edges
from fakemamba.augment.effect import active_power, power
from fakemamba.augment.level import Clipping, Level, Quantise
from fakemamba.augment.loss import PacketLoss
from fakemamba.augment.noise import BankNoise, Hum, Noise, coloured
from fakemamba.augment.resampling import QUALITIES, RATES, Resampling
from fakemamba.augment.room import Room
from fakemamba.augment.spectral import convolve, fast_length

RATE = 16_000
EFFECTS = (Band, Clipping, Edges, Equaliser, Hum, Level, Noise, PacketLoss, Quantise, Resampling, Room)


def speech(length: int, seed: int = 0) -> np.ndarray:
    """(length,) float32: noise in syllables and pauses, peak 0.5."""
    rng = np.random.default_rng(seed)
    envelope = np.maximum(np.sin(np.arange(length) * (2 * np.pi * 3 / RATE) + 1), 0)
    wave = rng.standard_normal(length) * envelope
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def band_db(wave: np.ndarray, low: float, high: float) -> float:
    """dB of the power between two frequencies."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    return float(10 * np.log10(spectrum[(hertz >= low) & (hertz < high)].sum() + 1e-20))


def lag(reference: np.ndarray, wave: np.ndarray) -> int:
    """Samples by which `wave` is late."""
    size = fast_length(2 * len(reference))
    product = np.fft.rfft(wave, size) * np.conj(np.fft.rfft(reference, size))
    place = int(np.argmax(np.fft.irfft(product, size)))
    return place if place < size // 2 else place - size


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("length", [400, 401, 3333, 64_000])
def test_length_and_type_stay_and_a_seed_repeats(effect, length):
    wave = speech(length)
    before = wave.copy()
    for seed in range(4):
        drawn = effect.draw(np.random.default_rng(seed), 1.0)
        assert isinstance(drawn, Effect)
        assert drawn == effect.draw(np.random.default_rng(seed), 1.0)
        out = drawn.apply(wave)
        assert out.shape == (length,)
        assert out.dtype == np.float32
        np.testing.assert_array_equal(out, drawn.apply(wave))
    np.testing.assert_array_equal(wave, before)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_hard_inputs_stay_finite(effect):
    inputs = (np.zeros(2000), np.full(2000, 0.7), np.sign(speech(2000)), np.eye(1, 2000, 77)[0])
    for seed in range(6):
        for wave in inputs:
            assert np.isfinite(effect.draw(np.random.default_rng(seed)).apply(wave.astype(np.float32))).all()


@given(strength=st.floats(0, 1), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_strength_can_be_drawn(strength, seed):
    rng = np.random.default_rng(seed)
    for effect in EFFECTS:
        effect.draw(rng, strength)


@pytest.mark.parametrize("snr", [0.0, 5.0, 20.0, 40.0])
def test_noise_meets_its_snr(snr):
    wave, clip = speech(48_000), speech(9_000, seed=3)
    noises = [Noise(snr, exponent, 1) for exponent in (0.0, 1.0, 2.0)]
    noises += [Hum(snr, 60, 8, 3.0, 1), BankNoise(snr, (clip,), (0.7,)), BankNoise(snr, (clip, clip[::-1]), (0.1, 0.5))]
    for noise in noises:
        added = noise.apply(wave).astype(np.float64) - wave
        met = 10 * np.log10(active_power(wave) / power(added.astype(np.float32)))
        assert met == pytest.approx(snr, abs=0.5)


def test_pauses_do_not_lower_the_noise():
    clip = speech(16_000)
    padded = np.concatenate((np.zeros(32_000, np.float32), clip))
    assert 10 * np.log10(active_power(padded) / active_power(clip)) == pytest.approx(0, abs=0.5)


def test_colours_fall_as_they_should():
    for exponent in (0.0, 1.0, 2.0):
        noise = coloured(np.random.default_rng(0), 64_000, exponent)
        # One octave holds 3 dB more than the one below for white, the same for pink, 3 dB less for brown.
        assert band_db(noise, 2000, 4000) - band_db(noise, 1000, 2000) == pytest.approx(3 - 3 * exponent, abs=0.5)


def test_a_bank_of_short_clips_fills_the_whole_wave():
    clip = speech(700) + 0.1
    noise = BankNoise(10.0, (clip,), (0.99,)).apply(speech(10_000)) - speech(10_000)
    assert np.abs(noise[-700:]).max() > 0.5 * np.abs(noise).max()


@pytest.mark.parametrize(("low", "high"), [(300.0, 3400.0), (0.0, 4000.0), (200.0, 8000.0)])
def test_band_limits_cut_outside_and_keep_inside(low, high):
    wave = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.1
    out = Band(low, high, transition=0.1, floor=-90).apply(wave)
    assert band_db(out, low * 1.2, high * 0.85) == pytest.approx(band_db(wave, low * 1.2, high * 0.85), abs=0.1)
    if low:
        assert band_db(out, 0, low * 0.8) < band_db(wave, 0, low * 0.8) - 40
    if high < 8000:
        assert band_db(out, high * 1.15, 8000) < band_db(wave, high * 1.15, 8000) - 60
    assert lag(wave, out) == 0


def test_a_leaky_band_leaks_by_its_floor():
    wave = np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    out = Band(0.0, 3000.0, floor=-30.0).apply(wave)
    assert band_db(out, 5000, 8000) - band_db(wave, 5000, 8000) == pytest.approx(-30, abs=0.5)


def test_equaliser_tilts_and_lifts():
    wave = np.random.default_rng(0).standard_normal(64_000).astype(np.float32)
    tilted = Equaliser(tilt=-3.0, peaks=()).apply(wave)
    assert band_db(tilted, 3900, 4100) - band_db(wave, 3900, 4100) == pytest.approx(-6, abs=0.5)
    lifted = Equaliser(tilt=0.0, peaks=((1000.0, 6.0, 1.0),)).apply(wave)
    assert band_db(lifted, 970, 1030) - band_db(wave, 970, 1030) == pytest.approx(6, abs=0.5)
    assert band_db(lifted, 6000, 7000) == pytest.approx(band_db(wave, 6000, 7000), abs=0.1)


def test_convolution_is_numpys():
    wave, taps = speech(5000), speech(700, seed=2)
    np.testing.assert_allclose(convolve(wave, taps), np.convolve(wave, taps)[:5000], atol=1e-4)


@given(st.integers(2, 200_000))
def test_fast_lengths_are_even_smooth_and_near(length):
    size = fast_length(length)
    assert length <= size <= max(2 * length, 2)
    assert size % 2 == 0
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    assert size == 1


def test_a_room_decays_as_drawn_and_does_not_move_speech():
    room = Room(rt60=0.5, drr=0.0, damping=1.0, crossover=2000, reflections=6, seed=1)
    taps = room.response().astype(np.float64)
    assert taps[0] == 1.0
    assert 10 * np.log10(1 / np.sum(taps[1:] ** 2)) == pytest.approx(0.0, abs=0.1)
    energy = 10 * np.log10(np.cumsum(taps[::-1] ** 2)[::-1])  # Schroeder's backward integral
    early, late = int(0.1 * RATE), int(0.3 * RATE)
    assert (energy[early] - energy[late]) / 0.2 == pytest.approx(60 / 0.5, rel=0.15)
    wave = speech(32_000)
    out = room.apply(wave)
    assert lag(wave, out) == 0
    assert power(out) == pytest.approx(power(wave), rel=1e-3)


def test_highs_decay_faster_when_damped():
    taps = Room(rt60=0.6, drr=0.0, damping=3.0, crossover=2000, reflections=3, seed=1).response()
    first, second = taps[800:3200], taps[4800:7200]
    lows = band_db(first, 200, 1000) - band_db(second, 200, 1000)
    highs = band_db(first, 5000, 7000) - band_db(second, 5000, 7000)
    assert highs > lows + 10


@pytest.mark.parametrize("rate", RATES)
def test_resampling_keeps_time_and_what_fits_into_the_rate(rate):
    wave = Band(0.0, 3000.0).apply(speech(20_000))
    for quality in QUALITIES:
        out = Resampling(rate, quality, quality).apply(wave)
        assert lag(wave, out) == 0
        assert np.corrcoef(wave, out)[0, 1] > 0.98


def test_level_clipping_and_bits():
    wave = speech(20_000)
    assert np.abs(Level(-20.0).apply(wave)).max() == pytest.approx(0.1, rel=1e-4)
    cut = Clipping(share=0.25, soft=False).apply(wave)
    assert (np.abs(cut) > 0.499).mean() > 10 * (np.abs(wave) > 0.499).mean()
    for soft in (True, False):
        assert np.abs(Clipping(share=0.25, soft=soft).apply(wave)).max() == pytest.approx(0.5, rel=1e-4)
    steps = Quantise(bits=8, dither=False, seed=0).apply(wave) * 128
    np.testing.assert_array_equal(steps, np.round(steps))
    error = Quantise(bits=8, dither=True, seed=0).apply(wave) - wave
    assert np.sqrt(power(error)) * 128 == pytest.approx(0.5, rel=0.05)  # 1/12 + 2/12 = 1/4 of a squared step


def test_packets_are_lost_at_the_drawn_rate_and_in_bursts():
    loss = PacketLoss(rate=0.1, burst=2.5, conceal="drop", seed=4)
    lost = np.array(loss.lost(100_000))
    assert len(lost) / 100_000 == pytest.approx(0.1, rel=0.1)
    bursts = 1 + (np.diff(lost) > 1).sum()
    assert len(lost) / bursts == pytest.approx(2.5, rel=0.1)


def test_lost_packets_are_silent_or_the_last_one_weaker():
    wave = speech(32_000) + 0.3
    for conceal in ("drop", "hold"):
        loss = PacketLoss(rate=0.1, burst=1.5, conceal=conceal, seed=1)
        out, lost = loss.apply(wave), loss.lost(100)
        assert lost
        for packet in range(1, 100):
            here, last = out[packet * 320 :][:320], out[(packet - 1) * 320 :][:320]
            wanted = wave[packet * 320 :][:320]
            if packet in lost:
                wanted = last * 0.5 if conceal == "hold" else 0 * wanted
            np.testing.assert_array_equal(here, wanted)


def test_edges_are_muted_or_filled():
    wave = speech(16_000) + 0.2
    muted = Edges("mute", head=0.1, tail=0.05, floor=-80, seed=0).apply(wave)
    assert np.flatnonzero(muted)[[0, -1]].tolist() == [1600, 16_000 - 801]
    filled = Edges("fill", head=0, tail=0, floor=-80, seed=0).apply(muted)
    assert (filled != 0).mean() > 0.99
    assert np.abs(filled[:1600]).max() < 1e-3
    np.testing.assert_array_equal(filled[1600:15_200], muted[1600:15_200])


def test_trimming_keeps_what_sounds_and_a_margin():
    wave = np.concatenate((np.zeros(8000), speech(16_000) + 0.2, np.full(8000, 1e-5))).astype(np.float32)
    assert len(trim_edges(wave, margin=0.05)) == 16_000 + 2 * 800
    assert len(trim_edges(wave, margin=0.0)) == 16_000
    for left in (np.zeros(5000, np.float32), wave[:100], wave[8000:24_000]):
        np.testing.assert_array_equal(trim_edges(left), left)
