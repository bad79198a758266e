"""All clips and their channel-degraded views in one file of 16-bit samples, read by memory map.

Codecs cost more than a training step on two cores, so each clip meets a few drawn chains once, here. Both
classes go through the same chain: nothing about the draw depends on the label.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from fakemamba.augment import CHANCES, Chain
from recipes.builtin.manifest import RATE, Clip, Wave

LONGEST = 4 * RATE
STRENGTHS = (0.0, 0.4, 0.8)  # of the chain, by view
CODECS = ("mp3", "vorbis", "opus", "alaw", "mulaw", "gsm", "ima_adpcm", "ms_adpcm")


@dataclass(frozen=True)
class Bank:
    """`samples[offsets[i, v] : offsets[i, v + 1]]` is view v of clip i; view 0 is clean."""

    samples: NDArray[np.int16]
    offsets: NDArray[np.int64]  # (clips, views + 1)

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


def _views(job: tuple[int, Clip], views: int, seed: int, noises: list[Wave]) -> list[NDArray[np.int16]]:
    number, clip = job
    # Human clips are often native at 16 kHz, fakes come from 22 or 24: both take the same resampling paths.
    # Codecs of the core install only, so that the draws don't depend on what else a machine has.
    chain = Chain(chances={**CHANCES, "resampling": 0.6}, noises=noises, available=CODECS)
    wave = sf.read(clip.path, dtype="float32")[0][:LONGEST]
    made = [wave]
    for view in range(1, views):
        rng = np.random.default_rng([seed, 4, number, view])
        made.append(chain.draw(rng, strength=STRENGTHS[view]).apply(wave))
    return [np.clip(np.round(w * 32767), -32768, 32767).astype(np.int16) for w in made]


def build(clips: Sequence[Clip], path: Path, *, views: int, seed: int, workers: int = 2) -> Bank:
    """Read the bank, making it first when it isn't there or was made from other clips."""
    index = path.with_suffix(".json")
    key = [[clip.path for clip in clips], views, seed]
    kept = json.loads(index.read_text()) if index.exists() else None
    if kept and kept["key"] == key:
        return Bank(np.memmap(path, np.int16, mode="r"), np.array(kept["offsets"]))
    noises = load_noises(clips, "train")
    partial_path, offsets_list, end = path.with_suffix(".partial"), [], 0
    work = partial(_views, views=views, seed=seed, noises=noises)
    with partial_path.open("wb") as file, ProcessPoolExecutor(workers) as pool:
        for made in pool.map(work, list(enumerate(clips)), chunksize=16):
            row = [end]
            for wave in made:
                file.write(wave.tobytes())
                end += len(wave)
                row.append(end)
            offsets_list.append(row)
    partial_path.replace(path)
    index.write_text(json.dumps({"key": key, "offsets": offsets_list}))
    return Bank(np.memmap(path, np.int16, mode="r"), np.array(offsets_list))
