"""The statistics of every clip's views, computed once: a training step then costs milliseconds instead of a second.

Of each view in the bank there are two: the whole clip, and a stretch of it, so that short recordings are met too.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fakemamba.config import CepstraConfig
from fakemamba.models.statistics import Facets
from recipes.builtin import keep, recogniser
from recipes.builtin.bank import Bank, studied
from recipes.builtin.manifest import RATE, Clip, Wave

CHUNK = 256  # clips in a file
STRETCH = (0.9, 3.0)  # seconds of the shorter view
Facts16 = NDArray[np.float16]


class Given(nn.Module):
    """Stands in for a front-end whose work is done already: statistics in, statistics out."""

    shortest = 1

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.widths, self.out_width = widths, sum(widths)

    def frames(self, samples: int) -> int:
        """One."""
        return min(1, samples)

    def forward(self, facts: Tensor, lengths: Tensor | None = None) -> Tensor:  # noqa: ARG002 - there are none
        return facts


@dataclass(frozen=True)
class Facts:
    """`of(clip, view)` is a vector; view 2v is the bank's view v, whole, 2v + 1 a stretch of it."""

    chunks: tuple[Facts16, ...]  # (CHUNK, views, width) each
    key: str = ""  # of what they were computed from

    @property
    def views(self) -> int:
        return int(self.chunks[0].shape[1])

    @property
    def width(self) -> int:
        return int(self.chunks[0].shape[2])

    def kind(self, start: int, width: int) -> "Facts":
        """Some of the statistics alone."""
        return Facts(tuple(chunk[:, :, start : start + width] for chunk in self.chunks), f"{self.key}:{start}+{width}")

    def of(self, clip: int, view: int) -> NDArray[np.float32]:
        """(width,) float32."""
        return self.chunks[clip // CHUNK][clip % CHUNK, view].astype(np.float32)


def _views(wave: Wave, rng: np.random.Generator) -> tuple[Wave, Wave]:
    length = min(len(wave), int(rng.uniform(*STRETCH) * RATE))
    start = int(rng.integers(len(wave) - length + 1))
    return wave, wave[start : start + length]


@cache
def _frontend(config: CepstraConfig, weights: Path | None) -> Facets:
    """One for each process, on one thread."""
    torch.set_num_threads(1)
    return recogniser.frontend(config, weights)


def _measure(job: tuple[int, list[Wave]], seed: int, config: CepstraConfig, weights: Path | None) -> Facts16:
    """All views of one clip, as (views, width); none of a clip that isn't trained on."""
    frontend, (number, waves) = _frontend(config, weights), job
    found = np.zeros((2 * len(waves), frontend.out_width), np.float16)
    for view, wave in enumerate(waves):
        if not len(wave):
            continue
        for part, piece in enumerate(_views(wave, np.random.default_rng([seed, 6, number, view]))):
            long_enough = np.resize(piece, max(len(piece), RATE // 2))
            with torch.inference_mode():
                found[2 * view + part] = frontend(torch.from_numpy(long_enough)[None])[0].numpy()
    return found


def _wanted(clips: Sequence[Clip], bank: Bank, number: int) -> list[Wave]:
    """The waves to measure: every view of training and dev clips, nothing of the test."""
    wanted = studied(clips[number])
    return [bank.wave(number, view) if wanted else np.zeros(0, np.float32) for view in range(bank.views)]


def build(clips: Sequence[Clip], bank: Bank, folder: Path, *, seed: int, frontend: CepstraConfig | None = None,
          weights: Path | None = None, workers: int = 2) -> Facts:  # fmt: skip
    """Read the statistics, computing first what isn't there or was computed from other clips or in another way.

    `weights` are the recogniser's, where `frontend` has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    measure = partial(_measure, seed=seed, config=frontend or CepstraConfig(), weights=weights)
    key = _claim(clips, bank, folder, measure)
    chunks = []
    with ProcessPoolExecutor(workers) as pool:
        for start in range(0, len(clips), CHUNK):
            path = folder / f"{start // CHUNK:04d}.npy"
            if not path.exists():
                jobs = [(i, _wanted(clips, bank, i)) for i in range(start, min(start + CHUNK, len(clips)))]
                made = np.stack(list(pool.map(measure, jobs, chunksize=16)))
                with keep.whole(path) as fresh, fresh.open("wb") as file:
                    np.save(file, made)
            chunks.append(np.load(path, mmap_mode="r"))
    return Facts(tuple(chunks), key)


def _claim(clips: Sequence[Clip], bank: Bank, folder: Path, measure: "partial[Facts16]") -> str:
    """Make the folder this bank's and these settings', whose mark is returned; what others left there goes first."""
    place = folder / "key.json"
    seed, config, weights = (measure.keywords[name] for name in ("seed", "config", "weights"))
    wanted = [[clip.split, clip.whole] for clip in clips]
    width = _frontend(config, weights).out_width
    heard = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else None
    key = keep.mark([bank.key, wanted, seed, STRETCH, CHUNK, config.model_dump(mode="json"), width, heard])
    if not (place.exists() and keep.read_json(place) == key):
        for old in (place, *folder.glob("*.npy")):
            old.unlink(missing_ok=True)
        keep.put_json(place, key)
    return key
