"""Which clips a batch holds: classes even, and within a class every group by its weight, not by its size."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakemamba.errors import DataError
from recipes.builtin.bank import Bank
from recipes.builtin.human import PACKAGES
from recipes.builtin.manifest import RATE, Clip, Wave

# Shares within a class. In batches of waves a copy brings its own recording along; of statistics both are drawn apart.
# Demo pages hold most kinds of fakes and the genuine twins of those fakes.
SHARES: dict[str, dict[str, float]] = {
    "spoof": {"page": 0.4, "mimic3": 0.06, "copy-hifigan": 0.14, "copy-fargan": 0.1, "copy-own": 0.08,
              "copy-world": 0.03, "neural": 0.14, "classical": 0.05},
    "bonafide": {"page": 0.3, "librispeech": 0.15, "speechocean": 0.1, "gcompris": 0.12, "commands": 0.1,
                 "debian": 0.23},
}  # fmt: skip
NAMES = {"intents": "commands", "wakewords": "commands", "mycroft": "commands", "espeak-ng": "classical",
         "flite": "classical", "pico": "classical", "kokoro": "neural", "hibari": "neural", "piper-joe": "neural",
         **{package.name: "debian" for package in PACKAGES}}  # fmt: skip
COPIES = ("copy-hifigan", "copy-fargan", "copy-own", "copy-world")  # how their systems' names begin
LENGTHS = (1.0, 2.0, 3.0, 4.0)  # seconds of a batch's crops
SECONDS = 96.0  # of audio in a batch
# How often a clip is met in each view of the bank: clean, light, heavy, line, noise; shares of those that there are.
VIEWS = (0.3, 0.25, 0.15, 0.15, 0.15)


def group(clip: Clip) -> str:
    """The row of SHARES that a clip belongs to.

    Raises:
        DataError: nothing tells how often clips of this source should be drawn.
    """
    for name in COPIES:
        if clip.system.startswith(name):
            return name
    if clip.source.startswith("page-"):
        return "page"
    name = NAMES.get(clip.source, clip.source)
    shares = SHARES[clip.label]
    if name not in shares:
        own = set(shares) - {*NAMES.values(), *COPIES, "page"}  # groups of one source
        known = sorted(own | {source for source, row in NAMES.items() if row in shares})
        raise DataError(
            f"{clip.name}: no share of {clip.label} clips is set for the source {clip.source!r}; give it a row in "
            f"NAMES or SHARES of recipes/builtin/sampling.py; there are page-*, {', '.join(known)}"
        )
    return name


@dataclass(frozen=True)
class Batch:
    """waves (B, N) float32, targets (B,) with 1 = bona fide."""

    waves: Wave
    targets: np.ndarray


def view_odds(views: int) -> np.ndarray:
    """(views,) the chance of each of the first `views` views of the bank."""
    shares = np.array(VIEWS[:views])
    return shares / shares.sum()


class Draw:
    """Draws training clips by the shares of their groups."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        members: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for index, clip in enumerate(clips):
            if clip.split == "train" and clip.whole:
                # Pages are drawn evenly; elsewhere every clip counts the same.
                name = group(clip)
                members[clip.label, name][clip.source if name == "page" else name].append(index)
        self.members = members

    def counts(self) -> dict[str, int]:
        """Clips that may be drawn, by class."""
        found = dict.fromkeys(SHARES, 0)
        for (label, _), parts in self.members.items():
            found[label] += sum(map(len, parts.values()))
        return found

    def row(self, label: str, rng: np.random.Generator) -> int:
        """The number of a clip of this class."""
        names = [name for name in SHARES[label] if (label, name) in self.members]
        weights = np.array([SHARES[label][name] for name in names])
        parts = self.members[label, str(rng.choice(names, p=weights / weights.sum()))]
        return int(rng.choice(parts[str(rng.choice(list(parts)))]))


class Sampler:
    """Draws batches of waves; one depends on the seed and its number alone, so a resumed run sees the same ones."""

    def __init__(self, clips: Sequence[Clip], bank: Bank, seed: int) -> None:
        self.bank, self.seed, self._draw = bank, seed, Draw(clips)
        self.targets = np.array([clip.target for clip in clips])
        by_name = {f"{Path(c.path).parent.name}-{Path(c.path).stem}": i for i, c in enumerate(clips) if c.target}
        self.original = {i: by_name[Path(c.path).stem] for i, c in enumerate(clips) if c.system.startswith("copy-")}

    def batch(self, number: int) -> Batch:
        """The batch of a step."""
        rng = np.random.default_rng([self.seed, 5, number])
        length = int(rng.choice(LENGTHS) * RATE)
        count = int(SECONDS * RATE / length) // 2 * 2
        rows, waves = [], []
        for _ in range(count // 2):
            fake = self._draw.row("spoof", rng)
            # The same words from the same microphone, cut alike: nothing but the vocoder tells them apart.
            genuine = self.original[fake] if fake in self.original else self._draw.row("bonafide", rng)
            seed = int(rng.integers(2**32))
            rows += [fake, genuine]
            waves += [self._crop(row, length, np.random.default_rng(seed)) for row in (fake, genuine)]
        return Batch(np.stack(waves), self.targets[rows])

    def _crop(self, row: int, length: int, rng: np.random.Generator) -> Wave:
        wave = self.bank.wave(row, int(rng.choice(self.bank.views, p=view_odds(self.bank.views))))
        if len(wave) < length:  # end to end, as in the paper
            wave = np.tile(wave, -(-length // max(len(wave), 1)))
        start = int(rng.integers(len(wave) - length + 1))
        return wave[start : start + length]
