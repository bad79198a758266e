"""RawBoost (Tak et al., arXiv 2111.04433) as draw + apply: the fast form, in float32 and by FFT.

    LnL  linear and non-linear convolutive noise   y = sum_i  h_i * x^i,  i = 1 .. orders, then zero mean
    ISD  impulsive signal-dependent noise          y[p] = x[p] (1 + g u v) at random places p, |u|, |v| <= 1
    SSI  stationary signal-independent noise       y = x + noise through one h, at a drawn SNR

Every h is a cascade of band-stops (`notch.py`). What exceeds 1 after LnL or ISD is scaled back. The published
order of draws, bit for bit, is in `rawboost_legacy.py`.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import numpy as np

from fakemamba.augment.effect import Effect, FloatArray, between, draw_seed, peak
from fakemamba.augment.notch import Notches, filter_powers
from fakemamba.augment.white import white
from fakemamba.errors import ConfigError

Algorithm = Literal[1, 2, 3, 4, 5, 6, 7, 8]
# Which noises follow each other; 8 is LnL and ISD side by side, then summed.
SERIES: dict[int, str] = {1: "L", 2: "I", 3: "S", 4: "LIS", 5: "LI", 6: "LS", 7: "IS", 8: "LI"}
Range = tuple[float, float]


@dataclass(frozen=True)
class Settings:
    """RawBoost's parameters, with the published defaults (the names in the paper's code behind them).

    Attributes:
        orders: powers of the signal in LnL (N_f).
        bands: band-stops in a filter (nBands).
        centre: Hz (minF, maxF).
        width: Hz (minBW, maxBW).
        taps: length of one band-stop; even ones are made odd (minCoeff, maxCoeff).
        gain: dB of a filter (minG, maxG).
        nonlinear: dB by which the second and higher powers are weaker than `gain` (minBiasLinNonLin, maxBiasLinNonLin).
        impulses: largest share of samples that ISD touches, per cent (P).
        impulse_scale: how far it moves them (g_sd).
        snr: dB of SSI (SNRmin, SNRmax).
    """

    orders: int = 5
    bands: int = 5
    centre: Range = (20.0, 8000.0)
    width: Range = (100.0, 1000.0)
    taps: Range = (10, 100)
    gain: Range = (0.0, 0.0)
    nonlinear: Range = (5.0, 20.0)
    impulses: float = 10.0
    impulse_scale: float = 2.0
    snr: Range = (10.0, 40.0)

    def gain_of(self, order: int) -> Range:
        """dB range of the filter of the power `order` + 1."""
        weaker = self.nonlinear if order else (0.0, 0.0)
        return self.gain[0] - weaker[0], self.gain[1] - weaker[1]

    def milder(self, strength: float) -> Self:
        """The same, weaker: for a curriculum. `strength` 1 changes nothing, 0 leaves almost no noise.

        Filters keep their shape but the powers get weaker, impulses rarer, and the SNR's lower end rises.
        """
        down = 40.0 * (1 - strength)
        return replace(
            self,
            nonlinear=(self.nonlinear[0] + down, self.nonlinear[1] + down),
            impulses=self.impulses * strength,
            snr=(self.snr[1] - (self.snr[1] - self.snr[0]) * strength, self.snr[1]),
        )


def draw_notches(rng: np.random.Generator | np.random.RandomState, settings: Settings, gain: Range) -> Notches:
    """One filter, in the published order: centre, width, length of each band, then the gain."""
    bands = []
    for _ in range(settings.bands):
        centre, width = _uniform(rng, settings.centre), _uniform(rng, settings.width)
        bands.append((centre, width, int(_uniform(rng, settings.taps)) | 1))
    centres, widths, lengths = zip(*bands, strict=True)
    return Notches(centres, widths, lengths, gain=_uniform(rng, gain))


def _uniform(rng: np.random.Generator | np.random.RandomState, span: Range) -> float:
    """As the legacy `uniform`, which lets the ends stand in either order (gains do)."""
    return float(span[0] + (span[1] - span[0]) * rng.random())


@dataclass(frozen=True)
class Convolutive:
    """LnL; `filters[i]` shapes the power i + 1 of the signal."""

    filters: tuple[Notches, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, settings: Settings) -> Self:
        """One filter for every power."""
        return cls(tuple(draw_notches(rng, settings, settings.gain_of(order)) for order in range(settings.orders)))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        out = filter_powers(wave, self.filters)
        return within(out - out.mean())


@dataclass(frozen=True)
class Impulsive:
    """ISD: `share` of the samples (0 .. 1) are moved by up to `scale` times themselves."""

    share: float
    scale: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, settings: Settings) -> Self:
        """A share of 0 .. `impulses` per cent."""
        return cls(between(rng, 0.0, settings.impulses / 100), settings.impulse_scale, draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        rng = np.random.default_rng(self.seed)
        out, count = wave.copy(), int(len(wave) * self.share)
        places = rng.choice(len(wave), count, replace=False, shuffle=False)
        u, v = rng.uniform(-1, 1, (2, count)).astype(np.float32)
        out[places] += np.float32(self.scale) * u * v * wave[places]
        return within(out)


@dataclass(frozen=True)
class Stationary:
    """SSI: Gaussian noise through `notches`, `snr` dB below the signal's energy."""

    notches: Notches
    snr: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, settings: Settings) -> Self:
        """One filter and an SNR."""
        notches = draw_notches(rng, settings, settings.gain)
        return cls(notches, between(rng, *settings.snr), draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        noise = filter_powers(white(np.random.default_rng(self.seed), len(wave)), (self.notches,))
        wanted = np.dot(wave, wave) / max(float(np.dot(noise, noise)), 1e-20)
        noise *= np.float32(np.sqrt(wanted) * 10 ** (-self.snr / 20))
        noise += wave
        return noise


_NOISES: dict[str, type[Convolutive] | type[Impulsive] | type[Stationary]] = {
    "L": Convolutive,
    "I": Impulsive,
    "S": Stationary,
}


@dataclass(frozen=True)
class Boost:
    """What `RawBoost.draw` decided: noises one after the other, or each on the clean wave and then summed."""

    effects: tuple[Effect, ...]
    parallel: bool = False

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) float32 -> (N,) float32."""
        clean = np.asarray(wave, np.float32)
        if self.parallel:
            return within(np.sum([effect.apply(clean) for effect in self.effects], axis=0, dtype=np.float32))
        out = clean
        for effect in self.effects:
            out = effect.apply(out)
        return out


@dataclass(frozen=True)
class RawBoost:
    """Draws RawBoost noises.

    Attributes:
        algorithm: 1 LnL, 2 ISD, 3 SSI; in series 4 all three, 5 LnL + ISD, 6 LnL + SSI, 7 ISD + SSI; 8 LnL beside ISD.
            The Fake-Mamba recipe takes 5 for telephony (2021 LA) and 3 for compressed speech (2021 DF).
        settings: the parameters.

    Raises:
        ConfigError: an algorithm other than 1 .. 8.
    """

    algorithm: Algorithm = 5
    settings: Settings = Settings()

    def __post_init__(self) -> None:
        check_algorithm(self.algorithm)

    def draw(self, rng: np.random.Generator, strength: float = 1.0) -> Boost:
        """One set of noises; `strength` below 1 draws from `settings.milder(strength)`."""
        settings = self.settings if strength >= 1 else self.settings.milder(strength)
        effects = tuple(_NOISES[letter].draw(rng, settings) for letter in SERIES[self.algorithm])
        return Boost(effects, parallel=self.algorithm == 8)


def check_algorithm(algorithm: int) -> None:
    """Raises ConfigError unless `algorithm` is one of RawBoost's eight."""
    if algorithm not in SERIES:
        raise ConfigError(
            f"RawBoost has no algorithm {algorithm!r}; choose from {', '.join(map(str, get_args(Algorithm)))}"
        )


def within(wave: FloatArray) -> FloatArray:
    """Scaled to a peak of 1 where it exceeds 1, else as it is."""
    loudest = peak(wave)
    return wave / np.float32(loudest) if loudest > 1 else wave
