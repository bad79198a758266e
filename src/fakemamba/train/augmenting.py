"""The configured augmentation: a clip and a generator in, a changed clip of the same length out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import load_audio
from fakemamba.augment import CHANCES, Chain, RawBoost, codecs, legacy
from fakemamba.augment.rawboost import Algorithm
from fakemamba.errors import ConfigError
from fakemamba.train.settings import AugmentConfig

Wave = NDArray[np.float32]


class Augmenter(Protocol):
    """(N,) float32 16 kHz and the clip's own generator -> (N,) float32."""

    def __call__(self, wave: Wave, rng: np.random.Generator) -> Wave: ...


def make_augmenter(config: AugmentConfig) -> Augmenter | None:
    """What the configuration names, or None.

    Raises:
        ConfigError: an unknown codec. AudioError: a noise recording cannot be read.
    """
    if config.kind == "none":
        return None
    if config.kind == "chain":
        return _Chains(config)
    return _Boost(config.algorithm) if config.form == "fast" else _Legacy(config.algorithm)


# Classes, not functions within functions: workers may get them by pickling.
@dataclass(frozen=True)
class _Boost:
    algorithm: Algorithm

    def __call__(self, wave: Wave, rng: np.random.Generator) -> Wave:
        return RawBoost(self.algorithm).draw(rng).apply(wave)


@dataclass(frozen=True)
class _Legacy:
    algorithm: Algorithm

    def __call__(self, wave: Wave, rng: np.random.Generator) -> Wave:
        return legacy(wave, self.algorithm, np.random.RandomState(rng.integers(2**32))).astype(np.float32)


class _Chains:
    def __init__(self, config: AugmentConfig) -> None:
        unknown = sorted(set(config.codecs) - set(codecs()))
        if unknown:
            raise ConfigError(f"augment.codecs: no {unknown[0]!r} on this machine; choose from {', '.join(codecs())}")
        noises = [load_audio(path) for path in _recordings(config.noises)]
        self._chain = Chain(chances=CHANCES, noises=noises, available=config.codecs or None)
        chances = np.array(config.chances or [1.0] * len(config.strengths))
        self._strengths, self._chances = config.strengths, chances / chances.sum()

    def __call__(self, wave: Wave, rng: np.random.Generator) -> Wave:
        strength = float(rng.choice(self._strengths, p=self._chances))
        return self._chain.draw(rng, strength).apply(wave) if strength else wave


def _recordings(places: tuple[Path, ...]) -> list[Path]:
    """The files named, and those in the folders named, in order."""
    found = []
    for place in places:
        found += sorted(p for p in place.iterdir() if p.is_file()) if place.is_dir() else [place]
    return found
