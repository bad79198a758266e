"""Partial fakes: stretches of a genuine clip replaced by their own copies, with exact marks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.manifest import RATE, Clip, Wave, save
from recipes.builtin.steps import Context
from recipes.builtin.vocode import as_loud
from recipes.builtin.vocoders import fargan, hifigan

FADE = RATE // 100  # 10 ms: nobody who splices leaves a click
SOURCES = ("copies", "varied", "fargan", "fargan-moved", "own")
CLIPS, DEV_CLIPS = 500, 200


def quiet_points(wave: Wave) -> np.ndarray:
    """Samples at which to cut: the quietest 10 ms of every 100 ms, as an editor would choose them."""
    frame = RATE // 100
    energy = np.square(wave[: len(wave) // (10 * frame) * 10 * frame]).reshape(-1, 10, frame).sum(axis=2)
    return (np.arange(len(energy)) * 10 + energy.argmin(axis=1)) * frame + frame // 2


def spans(wave: Wave, rng: np.random.Generator) -> list[tuple[int, int]]:
    """One or two stretches of 0.3-2 s, together at most 70 % of the clip, in samples."""
    points = quiet_points(wave)
    found: list[tuple[int, int]] = []
    for _ in range(int(rng.integers(1, 3))):
        start = int(rng.choice(points))
        ends = points[(points >= start + 0.3 * RATE) & (points <= start + 2.0 * RATE)]
        if not len(ends):
            continue
        end = int(rng.choice(ends))
        total = sum(b - a for a, b in found) + end - start
        apart = all(end + 0.2 * RATE < a or b + 0.2 * RATE < start for a, b in found)
        if apart and total <= 0.7 * len(wave):
            found.append((start, end))
    return sorted(found)


def replaced(wave: Wave, copy: Wave, where: list[tuple[int, int]]) -> Wave:
    """The clip with the copy in those stretches, faded over 10 ms around each border."""
    mask = np.zeros(len(wave), np.float32)
    for start, end in where:
        mask[start:end] = 1.0
    mask = np.convolve(mask, np.ones(FADE, np.float32) / FADE, mode="same").astype(np.float32)
    return wave + mask * (copy - wave)


def aligned(wave: Wave, copy: Wave, most: int = RATE // 50) -> Wave:
    """The copy moved by up to 20 ms to where it agrees best with its recording, as long as that."""
    copy = np.pad(copy, (0, max(0, len(wave) - len(copy))))[: len(wave)]
    size = 2 ** int(np.ceil(np.log2(2 * len(wave))))
    match = np.fft.irfft(np.fft.rfft(wave, size) * np.conj(np.fft.rfft(copy, size)), size)
    lags = np.r_[0 : most + 1, -most:0]
    return np.roll(copy, int(lags[np.argmax(match[lags])]))


def spliced(context: Context, clip: Clip, system: str, family: str, copy: Wave, rng: np.random.Generator, name: str
            ) -> Iterator[Clip]:  # fmt: skip
    """A human clip with stretches of its copy as a row; none where no stretch fits."""
    wave, _ = sf.read(clip.path, dtype="float32")
    where = spans(wave, rng)
    if not where or len(copy) < len(wave) - RATE // 10:
        return
    path, seconds = save(context.work / "audio" / "partial", name, replaced(wave, aligned(wave, copy), where))
    marks = ",".join(f"{a / RATE:.3f}-{b / RATE:.3f}" for a, b in where)
    yield Clip(str(path), "spoof", clip.split, f"partial-{system.removeprefix('copy-')}", family, clip.speaker,
               clip.language, clip.source, clip.licence, seconds, marks)  # fmt: skip


def make(context: Context, part: int) -> Iterator[Clip]:
    """Splices of training copies into their own recordings."""
    rng = np.random.default_rng([context.seed, 9, part])
    human = {f"{Path(c.path).parent.name}-{Path(c.path).stem}": c
             for c in [*context.base(), *context.clips("human")] if c.label == "bonafide"}  # fmt: skip
    pool = [c for c in context.clips(*SOURCES) if c.seconds >= 2.0 and Path(c.path).stem in human]
    made = 0
    for index in rng.permutation(len(pool)):
        if made >= context.amount(CLIPS):
            return
        clip = pool[index]
        copy, _ = sf.read(clip.path, dtype="float32")
        name = f"{part:02d}-{made:04d}"
        for row in spliced(context, human[Path(clip.path).stem], clip.system, clip.family, copy, rng, name):
            made += 1
            yield replace(row, licence=clip.licence)


def make_dev(context: Context, _part: int) -> Iterator[Clip]:
    """Splices for choosing: dev speakers, vocoders that training knows; `source` keeps them apart from other fakes."""
    rng = np.random.default_rng([context.seed, 16])
    copy_of = {"copy-fargan": ("fargan", "BSD-3", fargan.single(context.work)),
               "copy-hifigan": ("hifigan", "local use only", hifigan.plain(context.work))}  # fmt: skip
    clips = [c for c in context.base() if (c.label, c.split) == ("bonafide", "dev") and c.seconds >= 2.0]
    for made, index in enumerate(rng.permutation(len(clips))[: context.amount(DEV_CLIPS)]):
        system = list(copy_of)[made % 2]
        family, licence, copy = copy_of[system]
        wave, _ = sf.read(clips[index].path, dtype="float32")
        raw = as_loud(copy(wave, rng)[0], wave)
        for row in spliced(context, clips[index], system, family, raw, rng, f"dev-{made:04d}"):
            yield replace(row, source="partial", licence=licence)
