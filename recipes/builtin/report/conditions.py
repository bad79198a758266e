"""What may happen to a clip before it is judged: channels, lengths, noise, codecs, one thing at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from fakemamba.augment.codec import Codec, codecs
from fakemamba.augment.noise import BankNoise, Noise
from recipes.builtin.bank import CODECS, LONGEST, Bank
from recipes.builtin.manifest import RATE, Clip, Wave

Change = Callable[[Wave, np.random.Generator], Wave]
SNRS = (20, 15, 10, 5)  # dB
SECONDS = (3.0, 2.0, 1.0, 0.5)
STRENGTH = 0.8  # of a codec's draw: its bit rates from the best to nearly the worst


@dataclass(frozen=True)
class Condition:
    """`group` and `title` say where the report tells of it; the change is drawn anew for every clip, by its name."""

    name: str
    group: str
    title: str
    view: int = 0  # of the bank
    seconds: float = LONGEST / RATE
    change: Change | None = None

    def wave(self, bank: Bank, row: int, clip: Clip, seed: int) -> Wave:
        """The clip as it is judged under this condition; noises and codecs of a clip are alike in all of them."""
        wave = bank.wave(row, self.view)[: int(self.seconds * RATE)]
        if self.change is None:
            return wave
        rng = np.random.default_rng([seed, 21, crc32(clip.name.encode())])
        return np.clip(self.change(wave, rng), -1, 1).astype(np.float32)


CLEAN = Condition("clean", "channel", "clean")


def noisy(snr: float, backgrounds: list[Wave]) -> Change:
    """Noise at `snr` dB: by turns a recording that training did not meet, and steady noise from white to brown."""

    def change(wave: Wave, rng: np.random.Generator) -> Wave:
        recorded, start, colour, seed = rng.random() < 0.5, rng.random(), rng.uniform(0, 2), int(rng.integers(2**32))
        if recorded and backgrounds:
            background = backgrounds[seed % len(backgrounds)]
            return BankNoise(snr, (background,), (start,)).apply(wave)
        return Noise(snr, colour, seed).apply(wave)

    return change


def coded(*names: str) -> Change:
    """Through one of these codecs."""
    return lambda wave, rng: Codec.draw(rng, STRENGTH, names).apply(wave)


def all_conditions(views: int, backgrounds: list[Wave]) -> list[Condition]:
    """Everything that the dev split is judged under; `backgrounds` are its own noises."""
    found = [CLEAN]
    for view, title in ((1, "light channel (strength 0.4)"), (2, "heavy channel (strength 0.8)"))[: views - 1]:
        found.append(Condition(f"channel-{view}", "channel", title, view=view))
    found += [Condition(f"first-{s:g}", "duration", f"first {s:g} s", seconds=s) for s in SECONDS]
    found += [Condition(f"noise-{snr}", "noise", f"{snr} dB", change=noisy(snr, backgrounds)) for snr in SNRS]
    for name in sorted(codecs(), key=lambda name: (name not in CODECS, name)):
        met = "" if name in CODECS else " (not met in training)"
        found.append(Condition(f"codec-{name}", "codec", name + met, change=coded(name)))
    return [*found, line(backgrounds)]


def line(backgrounds: list[Wave]) -> Condition:
    """Noise at 15 dB and one codec, the target's condition."""
    noise, codec = noisy(15, backgrounds), coded(*CODECS)
    return Condition("line", "line", "noise at 15 dB, then one codec", change=lambda w, rng: codec(noise(w, rng), rng))
