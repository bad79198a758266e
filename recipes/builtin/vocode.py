"""Copy-synthesis: a human recording in, a vocoded fake out. Only the vocoder's trace tells them apart."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.manifest import Clip, Wave, save
from recipes.builtin.mel import distance
from recipes.builtin.steps import Context
from recipes.builtin.vocoders import hifigan, world

Copy = Callable[[Wave, np.random.Generator], tuple[Wave, str]]  # -> the copy, and its kind ("" for none)
FARTHEST = 9.0  # dB of log-mel distance; what is farther is broken


@dataclass(frozen=True)
class Vocoder:
    """What copies; `share` of the human training clips; `family` keeps relatives on one side of a split."""

    name: str
    family: str
    share: float
    licence: str
    prepare: Callable[[Path], Copy]


PLAIN = (
    Vocoder("copy-hifigan", "hifigan", 0.6, "local use only", hifigan.plain),
    Vocoder("copy-world", "world", 0.12, "as its recording", world.plain),
)
VARIED = (
    Vocoder("copy-hifigan", "hifigan", 0.6, "local use only", hifigan.varied),
    Vocoder("copy-world-smooth", "world", 0.1, "as its recording", world.smooth),
)


def recordings(context: Context) -> list[Clip]:
    """Human training clips, evenly over speakers and sources in any stretch of the list."""
    human = [c for c in [*context.base(), *context.clips("human")] if c.label == "bonafide" and c.split == "train"]
    order = np.random.default_rng([context.seed, 3]).permutation(len(human))
    return [human[i] for i in order[: context.amount(len(human))]]


def as_loud(copy: Wave, wave: Wave) -> Wave:
    """As long and as loud as its recording."""
    copy = copy[: len(wave)]
    gain = np.sqrt(np.mean(wave**2) / max(float(np.mean(copy**2)), 1e-12))
    return (copy * gain).astype(np.float32)


def sound(wave: Wave, copy: Wave, farthest: float = FARTHEST) -> bool:
    """Whether a copy is worth keeping: as long as its recording, finite, not far from it."""
    if len(copy) < 0.9 * len(wave) or not np.isfinite(copy).all() or np.abs(copy).max() < 1e-3:
        return False
    return distance(wave, copy) < farthest


def kept(context: Context, clip: Clip, wave: Wave, raw: Wave, *, name: str, family: str, licence: str,
         farthest: float = FARTHEST) -> Iterator[Clip]:  # fmt: skip
    """The copy of a clip as a row, or none where it is broken; it keeps its recording's speaker, language, loudness."""
    made = as_loud(raw, wave)
    if sound(wave, made, farthest):
        stem = f"{Path(clip.path).parent.name}-{Path(clip.path).stem}"
        path, seconds = save(context.work / "audio" / name, stem, made)
        yield Clip(str(path), "spoof", clip.split, name, family, clip.speaker, clip.language, clip.source, licence,
                   seconds)  # fmt: skip


def copies(context: Context, part: int, parts: int, vocoders: tuple[Vocoder, ...], stream: int) -> Iterator[Clip]:
    """Copies of every `parts`-th recording."""
    for number, vocoder in enumerate(vocoders):
        rng = np.random.default_rng([context.seed, stream, number, part])
        copy = vocoder.prepare(context.work)
        for clip in recordings(context)[part::parts]:
            if rng.random() > vocoder.share:
                continue
            wave, _ = sf.read(clip.path, dtype="float32")
            raw, kind = copy(wave, rng)
            name = f"{vocoder.name}-{kind}" if kind else vocoder.name
            yield from kept(context, clip, wave, raw, name=name, family=vocoder.family, licence=vocoder.licence)
