"""All clips and their channel-degraded views in one file of 16-bit samples, read by memory map.

Codecs cost more than a training step on two cores, so each clip meets a few drawn chains once, here. Both
classes go through the same chain: nothing about the draw depends on the label.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from fakemamba.augment import CHANCES, Chain
from recipes.builtin import keep
from recipes.builtin.manifest import RATE, Clip, Wave, content

LONGEST = 4 * RATE
# Human clips are often native at 16 kHz, fakes come from 22 or 24: both take the same resampling paths.
ODDS = {**CHANCES, "resampling": 0.6}
# Codecs of the core install only, so that the draws don't depend on what else a machine has.
CODECS = ("mp3", "vorbis", "opus", "alaw", "mulaw", "gsm", "ima_adpcm", "ms_adpcm")
# A call: what a handset's surroundings add, then a line that keeps half of the band or less.
LINE_CODECS = ("alaw", "mulaw", "gsm", "ima_adpcm", "ms_adpcm", "opus")
LINE = {"edges": 0.1, "room": 0.25, "noise": 0.2, "coloured": 0.2, "hum": 0.05, "equaliser": 0.5, "clipping": 0.05,
        "level": 0.8, "band": 0.5, "codec": 1.0, "second_codec": 0.2, "loss": 0.1}  # fmt: skip
# A recording among noises, half of them recorded, then often a codec.
NOISE = {"room": 0.25, "noise": 0.6, "coloured": 0.6, "equaliser": 0.2, "level": 0.8, "resampling": 0.4, "band": 0.15,
         "codec": 0.6, "second_codec": 0.05, "loss": 0.05}  # fmt: skip


@dataclass(frozen=True)
class View:
    """How one view of every clip is degraded: the chain's strength (0 leaves the clip as it is), odds and codecs."""

    name: str
    strength: float
    chances: Mapping[str, float] = field(default_factory=lambda: ODDS)
    codecs: tuple[str, ...] = CODECS


VIEWS = (View("clean", 0.0), View("light", 0.4), View("heavy", 0.8), View("line", 1.0, LINE, LINE_CODECS),
         View("noise", 1.0, NOISE))  # fmt: skip
Views = list[NDArray[np.int16]]


@dataclass(frozen=True)
class Bank:
    """`samples[offsets[i, v] : offsets[i, v + 1]]` is view v of clip i; view 0 is clean."""

    samples: NDArray[np.int16]
    offsets: NDArray[np.int64]  # (clips, views + 1)
    key: str = ""  # of what it was made from

    @property
    def views(self) -> int:
        return self.offsets.shape[1] - 1

    def wave(self, clip: int, view: int) -> Wave:
        """One view as float32 in [-1, 1]."""
        start, end = self.offsets[clip, view : view + 2]
        return self.samples[start:end].astype(np.float32) / 32768


def load_noises(clips: Sequence[Clip], split: str) -> list[Wave]:
    """The background recordings of a split, whole."""
    return [sf.read(c.path, dtype="float32")[0] for c in clips if c.label == "noise" and c.split == split]


def studied(clip: Clip) -> bool:
    """Whether a clip is trained on or chosen by: only these are degraded and measured in all views."""
    return clip.whole and clip.split in {"train", "dev"}


def _views(job: tuple[int, Clip], views: Sequence[View], seed: int, noises: list[Wave]) -> Views:
    number, clip = job
    wave = sf.read(clip.path, dtype="float32")[0][:LONGEST]
    made = []
    for place, view in enumerate(views if studied(clip) else views[:1]):
        rng = np.random.default_rng([seed, 4, number, place])
        chain = Chain(chances=view.chances, noises=noises, available=view.codecs)
        made.append(chain.draw(rng, strength=view.strength).apply(wave))
    made += [wave[:0]] * (len(views) - len(made))
    return [np.clip(np.round(w * 32767), -32768, 32767).astype(np.int16) for w in made]


def build(clips: Sequence[Clip], path: Path, *, seed: int, views: Sequence[View] = VIEWS, workers: int = 2) -> Bank:
    """Read the bank, making it first when it isn't there or was made from other clips or in another way."""
    index = path.with_suffix(".index.json")
    noise = [clip.name for clip in clips if clip.label == "noise" and clip.split == "train"]
    key = keep.mark([content(clips), noise, seed, [asdict(view) for view in views], LONGEST])
    kept = keep.read_json(index) if index.exists() else None
    if kept and kept["key"] == key:
        return Bank(np.memmap(path, np.int16, mode="r"), np.array(kept["offsets"]), key)
    work = partial(_views, views=views, seed=seed, noises=load_noises(clips, "train"))
    index.unlink(missing_ok=True)
    with keep.whole(path) as fresh, ProcessPoolExecutor(workers) as pool:
        offsets = _fill(fresh, pool.map(work, list(enumerate(clips)), chunksize=16))
    keep.put_json(index, {"key": key, "offsets": offsets})
    return Bank(np.memmap(path, np.int16, mode="r"), np.array(offsets), key)


def _fill(path: Path, made: Iterable[Views]) -> list[list[int]]:
    """Write all views one behind the other; returns where each begins and the last one ends, by clip."""
    offsets, end = [], 0
    with path.open("wb") as file:
        for views in made:
            row = [end]
            for wave in views:
                file.write(wave.tobytes())
                row.append(row[-1] + len(wave))
            end = row[-1]
            offsets.append(row)
    return offsets
