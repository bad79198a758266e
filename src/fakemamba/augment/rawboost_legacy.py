"""RawBoost in float64 with numpy's legacy generator, in the published order of draws: for exact replication.

Slow and plain, the trusted twin of `rawboost.py`: filters are convolved sample by sample.
"""

import numpy as np

from fakemamba.augment.notch import DoubleArray, Notches
from fakemamba.augment.rawboost import SERIES, Algorithm, Settings, check_algorithm, draw_notches


def legacy(
    wave: np.ndarray, algorithm: Algorithm, rng: np.random.RandomState, *, settings: Settings | None = None
) -> DoubleArray:
    """Add RawBoost noise exactly as the published code does with `numpy.random.seed(s)` and `rng = RandomState(s)`.

    Args:
        wave: (N,) in [-1, 1], 16 kHz.
        algorithm: 1 .. 8, see `RawBoost`.
        rng: consumed in the published order.
        settings: the published defaults when None.

    Returns:
        (N,) float64.

    Raises:
        ConfigError: an algorithm other than 1 .. 8.
    """
    check_algorithm(algorithm)
    chosen, clean = settings or Settings(), np.asarray(wave, np.float64)
    if algorithm == 8:
        return _within(_convolutive(clean, rng, chosen) + _impulsive(clean, rng, chosen))
    steps = {"L": _convolutive, "I": _impulsive, "S": _stationary}
    for letter in SERIES[algorithm]:
        clean = steps[letter](clean, rng, chosen)
    return clean


def _convolutive(wave: DoubleArray, rng: np.random.RandomState, settings: Settings) -> DoubleArray:
    total = np.zeros_like(wave)
    for order in range(settings.orders):
        notches = draw_notches(rng, settings, settings.gain_of(order))
        total += filtered(wave ** (order + 1), notches)
    return _within(total - total.mean())


def _impulsive(wave: DoubleArray, rng: np.random.RandomState, settings: Settings) -> DoubleArray:
    share = rng.uniform(0, settings.impulses)
    count = int(len(wave) * (share / 100))
    places = rng.permutation(len(wave))[:count]
    factors = (2 * rng.random_sample(count) - 1) * (2 * rng.random_sample(count) - 1)
    out = wave.copy()
    out[places] += settings.impulse_scale * wave[places] * factors
    return _within(out)


def _stationary(wave: DoubleArray, rng: np.random.RandomState, settings: Settings) -> DoubleArray:
    noise = filtered(rng.normal(0, 1, len(wave)), draw_notches(rng, settings, settings.gain))
    snr = rng.uniform(*settings.snr)
    scale = np.linalg.norm(wave) / max(float(np.linalg.norm(noise)), 1e-300)
    return np.asarray(wave + noise * (scale / 10 ** (snr / 20)), np.float64)


def filtered(wave: DoubleArray, notches: Notches) -> DoubleArray:
    """(N,) -> (N,): filtered, and shifted back by the filter's delay and one sample more, as published."""
    taps = notches.taps()
    delay = len(taps) // 2 + 1
    return np.asarray(np.convolve(wave, taps)[delay : delay + len(wave)], np.float64)


def _within(wave: DoubleArray) -> DoubleArray:
    loudest = np.abs(wave).max(initial=0.0)
    return np.asarray(wave / loudest, np.float64) if loudest > 1 else wave
