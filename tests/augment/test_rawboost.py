"""RawBoost: equal to the published code's output, and the fast form equal to the slow one."""

import numpy as np
import pytest

from conftest import shared
from fakemamba.augment import RawBoost, Settings, legacy
from fakemamba.augment.notch import Notches, band_stops
from fakemamba.augment.rawboost import Convolutive, Impulsive, Stationary
from fakemamba.augment.rawboost_legacy import filtered
from fakemamba.augment.white import white
from fakemamba.errors import ConfigError

ALGORITHMS = range(1, 9)


def speechlike(length: int, seed: int = 0) -> np.ndarray:
    """(length,) float32: a chirping vowel with pauses."""
    seconds = np.arange(length) / 16_000
    tone = sum(np.sin(2 * np.pi * 140 * k * seconds + 3 * np.sin(6 * seconds)) / k for k in range(1, 12))
    noise = 0.02 * np.random.default_rng(seed).standard_normal(length)
    return (0.2 * tone * np.abs(np.sin(5 * seconds)) + noise).astype(np.float32)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_legacy_repeats_the_published_code(algorithm):
    golden = np.load(shared("parity") / "rawboost.npz")
    out = legacy(golden["signal"], algorithm, np.random.RandomState(20250822 + algorithm))
    np.testing.assert_allclose(out, golden[f"algo{algorithm}"], rtol=0, atol=1e-9)


def test_a_band_stop_is_scipys():
    signal = pytest.importorskip("scipy.signal")
    ours = band_stops([1000.0, 40.0, 7900.0], [300.0, 500.0, 900.0], [101, 11, 33])
    for row, edges, length in zip(ours, [(850, 1150), (1e-3, 290), (7450, 8000 - 1e-3)], [101, 11, 33], strict=True):
        theirs = signal.firwin(length, edges, window="hamming", fs=16_000)
        np.testing.assert_allclose(row[50 - length // 2 : 51 + length // 2], theirs, atol=1e-12)


@pytest.mark.parametrize("length", [400, 1539, 1540, 1541, 40_000])
def test_fast_convolution_equals_the_slow_one(length):
    wave = speechlike(length)
    drawn = Convolutive.draw(np.random.default_rng(length), Settings())
    slow = sum(filtered(wave.astype(np.float64) ** (i + 1), one) for i, one in enumerate(drawn.filters))
    slow -= slow.mean()
    slow /= max(1.0, np.abs(slow).max())
    np.testing.assert_allclose(drawn.apply(wave), slow, atol=2e-6)


def test_very_long_filters_are_applied_whole():
    notches = Notches((900.0,) * 12, (200.0,) * 12, (301,) * 12, gain=0.0)  # 3601 taps: more than one usual block
    wave = speechlike(20_000)
    slow = filtered(wave.astype(np.float64), notches)
    fast = Convolutive((notches,)).apply(wave)
    slow = slow - slow.mean()
    np.testing.assert_allclose(fast, slow / max(1.0, np.abs(slow).max()), atol=1e-4)


def level_and_bands(wave: np.ndarray) -> np.ndarray:
    """(9,) dB: the whole, and eight bands of 1 kHz."""
    spectrum = np.abs(np.fft.rfft(wave, 16_000)) ** 2
    bands = spectrum[:8000].reshape(8, 1000).mean(axis=1)
    return 10 * np.log10(np.append(bands, bands.mean()) + 1e-12)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_fast_and_legacy_have_the_same_statistics(algorithm):
    wave, draws = speechlike(8_000), 150
    # One shared source of drawn filters is no use here: both forms draw for themselves.
    old, new = np.random.RandomState(1), np.random.default_rng(2)
    slow = np.array([level_and_bands(legacy(wave, algorithm, old)) for _ in range(draws)])
    fast = np.array([level_and_bands(RawBoost(algorithm).draw(new).apply(wave)) for _ in range(draws)])
    error = np.sqrt((slow.var(axis=0) + fast.var(axis=0)) / draws)
    assert np.all(np.abs(slow.mean(axis=0) - fast.mean(axis=0)) < 4 * error + 0.05)
    assert np.all(np.abs(slow.std(axis=0) - fast.std(axis=0)) < 4 * error + 0.05)


def test_impulses_touch_the_drawn_share_and_no_more():
    wave = np.full(10_000, 0.25, np.float32)
    out = Impulsive(share=0.1, scale=2.0, seed=5).apply(wave)
    moved = out != wave
    assert moved.sum() == 1000
    assert np.abs(out - wave).max() <= 2.0 * 0.25


def test_fast_white_noise_is_white_and_gaussian_and_seeded():
    stats = pytest.importorskip("scipy.stats")
    noises = np.stack([white(np.random.default_rng(seed), 50_000) for seed in range(40)])
    np.testing.assert_array_equal(noises[3], white(np.random.default_rng(3), 50_000))
    assert stats.kstest(noises[0], "norm").pvalue > 1e-3
    assert noises.mean() == pytest.approx(0, abs=4 / np.sqrt(noises.size))
    assert noises.var() == pytest.approx(1, abs=0.005)
    assert stats.kurtosis(noises.ravel()) == pytest.approx(0, abs=0.02)
    spectrum = (np.abs(np.fft.rfft(noises)) ** 2).mean(axis=0)[1:24_991].reshape(-1, 51).mean(axis=1) / 50_000
    assert np.abs(spectrum - 1).max() < 6 / np.sqrt(40 * 51)  # flat: 490 bands of 2040 periodogram values each
    alike = np.corrcoef(noises) - np.eye(40)
    assert np.abs(alike).max() < 6 / np.sqrt(50_000)  # no two clips hear the same
    assert white(np.random.default_rng(0), 500_000).std() == pytest.approx(1, abs=0.01)


def test_stationary_noise_meets_its_snr():
    wave = speechlike(30_000)
    drawn = Stationary.draw(np.random.default_rng(0), Settings())
    noise = drawn.apply(wave) - wave
    assert 10 * np.log10(np.sum(wave**2) / np.sum(noise**2)) == pytest.approx(drawn.snr, abs=0.05)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", ["silence", "constant", "square", "speech"])
def test_any_input_gives_finite_float32_of_the_same_length(algorithm, kind):
    square = np.sign(speechlike(3000))
    wave = {"silence": square * 0, "constant": square * 0 + 0.5, "square": square, "speech": speechlike(3000)}[kind]
    for seed in range(3):
        drawn = RawBoost(algorithm).draw(np.random.default_rng(seed))
        out = drawn.apply(wave)
        assert out.shape == wave.shape
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        np.testing.assert_array_equal(out, drawn.apply(wave))
        assert np.isfinite(legacy(wave, algorithm, np.random.RandomState(seed))).all()


def test_apply_leaves_its_input_alone():
    wave = speechlike(5000)
    before = wave.copy()
    for algorithm in ALGORITHMS:
        RawBoost(algorithm).draw(np.random.default_rng(0)).apply(wave)
    np.testing.assert_array_equal(wave, before)


def test_strength_is_a_curriculum():
    wave = speechlike(8000)

    def moved(strength: float) -> float:
        draws = (RawBoost(3).draw(np.random.default_rng(seed), strength).apply(wave) for seed in range(20))
        return float(np.mean([np.abs(out - wave).mean() for out in draws]))

    assert moved(0.1) < moved(0.5) < moved(1.0)


def test_an_unknown_algorithm_is_named_with_the_choices():
    with pytest.raises(ConfigError, match=r"no algorithm 9.*1, 2, 3"):
        RawBoost(9)
    with pytest.raises(ConfigError, match="no algorithm 0"):
        legacy(np.zeros(500), 0, np.random.RandomState(0))
