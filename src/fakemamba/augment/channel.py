"""A whole recording chain: room -> noise -> level -> line or codec -> loss, each present by chance."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from fakemamba.augment.band import Band, Equaliser
from fakemamba.augment.codec import Codec
from fakemamba.augment.edges import Edges
from fakemamba.augment.effect import Effect, FloatArray
from fakemamba.augment.level import Clipping, Level, Quantise
from fakemamba.augment.loss import PacketLoss
from fakemamba.augment.noise import BankNoise, Hum, Noise
from fakemamba.augment.resampling import Resampling
from fakemamba.augment.room import Room
from fakemamba.errors import ConfigError

# In the order of a real recording; the chance of each at strength 1. "noise" and "babble" need a bank.
CHANCES: Mapping[str, float] = MappingProxyType(
    {
        "edges": 0.10,
        "room": 0.35,
        "noise": 0.25,
        "babble": 0.10,
        "coloured": 0.25,
        "hum": 0.08,
        "equaliser": 0.30,
        "clipping": 0.10,
        "level": 0.80,
        "quantise": 0.10,
        "resampling": 0.30,
        "band": 0.25,
        "codec": 0.38,
        "second_codec": 0.05,
        "loss": 0.08,
    }
)


@dataclass(frozen=True)
class Drawn:
    """What `Chain.draw` decided: effects in the order in which they are applied."""

    effects: tuple[Effect, ...] = ()

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) float32 mono 16 kHz in [-1, 1] -> (N,) of the same; the input is left as it is."""
        out = np.array(wave, np.float32)
        for effect in self.effects:
            out = effect.apply(out)
        return np.clip(out, -1, 1)  # what a converter would do


@dataclass(frozen=True)
class Chain:
    """Draws recording chains.

    Attributes:
        chances: the probability of each effect at strength 1; what is missing never happens. Keys of `CHANCES`.
        noises: recordings for "noise", (M,) float32 16 kHz each; without them that effect is left out.
        voices: speech for "babble", likewise.
        available: codecs that may be drawn; None for all of this machine, a fixed set for reproducible draws.

    Raises:
        ConfigError: an unknown effect in `chances`.
    """

    chances: Mapping[str, float] = field(default_factory=lambda: CHANCES)
    noises: Sequence[FloatArray] = field(default=(), repr=False)
    voices: Sequence[FloatArray] = field(default=(), repr=False)
    available: Collection[str] | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.chances) - set(CHANCES))
        if unknown:
            raise ConfigError(f"unknown effect {unknown[0]!r} in the chain's chances; choose from {', '.join(CHANCES)}")

    def draw(self, rng: np.random.Generator, strength: float = 1.0) -> Drawn:
        """One chain. `strength` (0 .. 1) scales every chance and how far every effect may go: a curriculum."""
        makers = self._makers()
        effects = []
        for name in CHANCES:
            # One number for every effect, drawn whether it is used or not: the same seed stays comparable.
            wanted = rng.random() < self.chances.get(name, 0.0) * strength
            if wanted and name in makers:
                effects.append(makers[name](rng, strength))
        return Drawn(tuple(effects))

    def _makers(self) -> dict[str, Callable[[np.random.Generator, float], Effect]]:
        makers: dict[str, Callable[[np.random.Generator, float], Effect]] = {
            "edges": Edges.draw,
            "room": Room.draw,
            "coloured": Noise.draw,
            "hum": Hum.draw,
            "equaliser": Equaliser.draw,
            "clipping": Clipping.draw,
            "level": Level.draw,
            "quantise": Quantise.draw,
            "resampling": Resampling.draw,
            "band": Band.draw,
            "codec": self._codec,
            "second_codec": self._codec,
            "loss": PacketLoss.draw,
        }
        if self.noises:
            makers["noise"] = lambda rng, strength: BankNoise.draw(rng, self.noises, strength)
        if self.voices:
            makers["babble"] = self._babble
        return makers

    def _codec(self, rng: np.random.Generator, strength: float) -> Codec:
        return Codec.draw(rng, strength, self.available)

    def _babble(self, rng: np.random.Generator, strength: float) -> BankNoise:
        return BankNoise.draw(rng, self.voices, strength, voices=int(rng.integers(3, 9)))


def draw(rng: np.random.Generator, strength: float = 1.0) -> Drawn:
    """One chain with the default chances and no banks."""
    return Chain().draw(rng, strength)


def apply(wave: FloatArray, params: Effect) -> FloatArray:
    """`params.apply(wave)`, for whatever was drawn: a whole chain or one effect."""
    return params.apply(wave)
