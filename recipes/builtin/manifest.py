"""The one table that every step reads or adds to: a clip a row, in tab-separated text."""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from recipes.builtin import keep

RATE = 16_000
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One stretch of 1-4 s of speech, and what is known of its origin."""

    path: str
    label: str  # bonafide | spoof | noise
    split: str  # train | dev | test
    system: str
    family: str  # synthesizers of one family stay on one side of a split
    speaker: str
    language: str
    source: str
    licence: str
    seconds: float
    # Fake stretches of a partial fake, in seconds: "0.52-1.80,2.10-2.44"; empty where the label holds for all of it.
    spans: str = ""

    @property
    def target(self) -> int:
        """1 = bona fide, 0 = spoof."""
        return int(self.label == "bonafide")

    @property
    def name(self) -> str:
        """Folder and file: the same wherever the work folder and the corpus lie."""
        return "/".join(Path(self.path).parts[-2:])

    @property
    def whole(self) -> bool:
        """Whether the label holds for all of it: speech, and no partial fake."""
        return self.label != "noise" and not self.spans


def write(path: Path, clips: Iterable[Clip]) -> None:
    """Write the table whole or not at all."""
    with keep.whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [f.name for f in fields(Clip)], delimiter="\t", lineterminator="\n")
        table.writeheader()
        # Relative paths, so that the whole work folder can be moved.
        table.writerows({**asdict(clip), "path": os.path.relpath(clip.path, path.parent)} for clip in clips)


def read(path: Path) -> list[Clip]:
    """Read a table that `write` made, or the corpus' own (paths relative to it, no family column)."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    clips = []
    for row in rows:
        row["path"] = str(path.parent / row["path"])
        row.setdefault("family", row["source"])
        clips.append(Clip(**{**row, "seconds": float(row["seconds"])}))  # type: ignore[arg-type]
    return clips


def content(clips: Iterable[Clip]) -> list[list[str | int]]:
    """Name and bytes of every file: what a cache of their audio depends on."""
    return [[clip.name, Path(clip.path).stat().st_size] for clip in clips]


def identity(clips: Iterable[Clip]) -> str:
    """16 letters that change with any clip, its audio or what is told of it; not with the place of the folders."""
    clips = list(clips)
    told = [[*asdict(clip).values()][1:] for clip in clips]  # all but the path
    return keep.mark([content(clips), told])


def cut(wave: Wave, rng: np.random.Generator, *, longest: float = 4.0, shortest: float = 1.0) -> Iterator[Wave]:
    """Trim both ends at -40 dB below the peak frame and cut what is left into stretches of 1-4 s."""
    frame = RATE // 100
    count = len(wave) // frame
    if count < 2:
        return
    energy = np.square(wave[: count * frame]).reshape(count, frame).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 1e-4)
    if energy.max() < 1e-8 or not len(loud):
        return
    wave = wave[loud[0] * frame : (loud[-1] + 1) * frame]
    while len(wave) >= shortest * RATE:
        take = min(len(wave), int(rng.uniform(2.0, longest) * RATE))
        yield wave[:take]
        wave = wave[take:]


def to_rate(wave: Wave, rate: int) -> Wave:
    """The wave at 16 kHz."""
    return wave if rate == RATE else soxr.resample(wave, rate, RATE, quality="HQ")


def save(folder: Path, name: str, wave: Wave, rate: int = RATE) -> tuple[Path, float]:
    """Resample to 16 kHz, bring peaks under 1 and write one FLAC; returns its path and length in seconds."""
    wave = to_rate(wave, rate)
    peak = float(np.abs(wave).max(initial=0.0))
    if peak > 0.99:
        wave = wave * np.float32(0.99 / peak)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.flac"
    sf.write(path, wave, RATE, subtype="PCM_16")
    return path, len(wave) / RATE
