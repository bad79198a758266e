"""All clips and their channel-degraded views in one file of 16-bit samples, read by memory map.

Codecs cost more than a training step on two cores, so each clip meets a few drawn chains once, here. Both
classes go through the same chain: nothing about the draw depends on the label.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from fakemamba.augment import CHANCES, Chain
from recipes.builtin import keep
from recipes.builtin.manifest import RATE, Clip, Wave, content

LONGEST = 4 * RATE
STRENGTHS = (0.0, 0.4, 0.8)  # of the chain, by view
# Human clips are often native at 16 kHz, fakes come from 22 or 24: both take the same resampling paths.
ODDS = {**CHANCES, "resampling": 0.6}
# Codecs of the core install only, so that the draws don't depend on what else a machine has.
CODECS = ("mp3", "vorbis", "opus", "alaw", "mulaw", "gsm", "ima_adpcm", "ms_adpcm")


SPOTS = 24  # clips that tell whether a bank of an earlier version is this one
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


def _views(job: tuple[int, Clip], views: int, seed: int, noises: list[Wave]) -> Views:
    number, clip = job
    chain = Chain(chances=ODDS, noises=noises, available=CODECS)
    wave = sf.read(clip.path, dtype="float32")[0][:LONGEST]
    made = [wave]
    for view in range(1, views):
        rng = np.random.default_rng([seed, 4, number, view])
        made.append(chain.draw(rng, strength=STRENGTHS[view]).apply(wave))
    return [np.clip(np.round(w * 32767), -32768, 32767).astype(np.int16) for w in made]


def build(clips: Sequence[Clip], path: Path, *, views: int, seed: int, workers: int = 2) -> Bank:
    """Read the bank, making it first when it isn't there or was made from other clips or in another way."""
    index = path.with_suffix(".index.json")
    noise = [clip.name for clip in clips if clip.label == "noise" and clip.split == "train"]
    key = keep.mark([content(clips), noise, views, seed, STRENGTHS[:views], CODECS, ODDS, LONGEST])
    kept = keep.read_json(index) if index.exists() else None
    if kept and kept["key"] == key:
        return Bank(np.memmap(path, np.int16, mode="r"), np.array(kept["offsets"]), key)
    work = partial(_views, views=views, seed=seed, noises=load_noises(clips, "train"))
    former = path.with_suffix(".json")  # the index of earlier versions, which told less
    offsets = _earlier(former, path, clips, work, [views, seed])
    if offsets is None:
        former.unlink(missing_ok=True)
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


def _earlier(former: Path, path: Path, clips: Sequence[Clip], work: "partial[Views]", how: list[int]
             ) -> list[list[int]] | None:  # fmt: skip
    """The offsets of a bank whose index knew paths alone, if lengths and some clips' samples are what they would be."""
    if not (former.exists() and path.exists()):
        return None
    (paths, *before), offsets = (found := keep.read_json(former))["key"], found["offsets"]
    if before != how or ["/".join(Path(p).parts[-2:]) for p in paths] != [clip.name for clip in clips]:
        return None
    lengths = [min(sf.info(clip.path).frames, LONGEST) for clip in clips]
    if [b - a for a, b, *_ in offsets] != lengths or path.stat().st_size != 2 * offsets[-1][-1]:
        return None
    samples = np.memmap(path, np.int16, mode="r")
    for number in np.linspace(0, len(clips) - 1, min(SPOTS, len(clips))).astype(int).tolist():
        rows = zip(work((number, clips[number])), pairwise(offsets[number]), strict=True)
        if not all(np.array_equal(wave, samples[a:b]) for wave, (a, b) in rows):
            return None
    return offsets
