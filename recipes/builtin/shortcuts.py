"""What tells the classes apart without listening: each cue alone should leave an error near 50 %."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from recipes.builtin import keep
from recipes.builtin.evaluate import rate
from recipes.builtin.manifest import RATE, Clip, Wave

FRAME = RATE // 50  # 20 ms
LOW, HIGH = 40.0, 60.0  # per cent between which a cue is harmless


def cues(wave: Wave) -> dict[str, float]:
    """Edge silence (s), level (dB), peak (dB), bandwidth (Hz), noise floor (dB), length (s), of one clip."""
    count = max(1, len(wave) // FRAME)
    frames = np.resize(wave, count * FRAME).reshape(count, FRAME)
    energy = np.maximum(np.square(frames).mean(axis=1), 1e-12)
    loud = np.flatnonzero(energy > energy.max() * 1e-3)
    power = np.square(np.abs(np.fft.rfft(frames[loud] * np.hanning(FRAME)))).mean(axis=0)
    share = np.cumsum(power) / max(float(power.sum()), 1e-20)
    top = 10 * np.log10(np.maximum(power, 1e-12))
    return {
        "leading silence": loud[0] * FRAME / RATE,
        "trailing silence": (count - 1 - loud[-1]) * FRAME / RATE,
        "level": 10 * np.log10(float(energy[loud].mean())),
        "peak": 20 * np.log10(float(np.abs(wave).max()) + 1e-9),
        "99 % of the energy below": float(np.searchsorted(share, 0.99) * RATE / FRAME),
        "energy above 7 kHz": float(top[int(7000 * FRAME / RATE) :].mean() - top.max()),
        "noise floor": 10 * np.log10(float(np.quantile(energy, 0.05))),
        "noise floor under the voice": 10 * np.log10(float(np.quantile(energy, 0.05) / energy[loud].mean())),
        "exact zeros": float(np.mean(wave == 0)),
        "length": len(wave) / RATE,
    }  # fmt: skip


def table(waves: Iterable[tuple[Clip, Wave]]) -> dict[str, dict[str, float]]:
    """Cue -> EER in per cent of all fakes, and of each family, against all genuine clips; 50 tells nothing."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for clip, wave in waves:
        for cue, value in cues(wave).items():
            values[cue]["" if clip.label == "bonafide" else clip.family].append(value)
    found: dict[str, dict[str, float]] = {}
    for cue, groups in values.items():
        genuine = np.array(groups.pop(""))
        fakes = {name: np.array(group) for name, group in sorted(groups.items()) if len(group) >= 20}
        found[cue] = {"all": one_way(genuine, np.concatenate([np.array(g) for g in groups.values()])),
                      **{name: one_way(genuine, group) for name, group in fakes.items()}}  # fmt: skip
    return found


def one_way(genuine: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    """EER in per cent with a higher cue read as genuine; ties are broken evenly by a hair of noise."""
    rng = np.random.default_rng(0)
    spread = 1e-9 + 1e-6 * float(np.std(np.r_[genuine, fake]))
    return 100 * rate(genuine + rng.normal(0, spread, len(genuine)), fake + rng.normal(0, spread, len(fake)))


def read(clips: Iterable[Clip], most: int, seed: int) -> Iterable[tuple[Clip, Wave]]:
    """Up to `most` clips of each class, at random."""
    rng, clips = np.random.default_rng([seed, 10]), list(clips)
    for label in ("bonafide", "spoof"):
        group = [c for c in clips if c.label == label and c.split == "train" and not c.spans]
        for index in rng.permutation(len(group))[:most]:
            yield group[index], sf.read(group[index].path, dtype="float32")[0]


def markdown(found: dict[str, dict[str, float]]) -> str:
    """The table, with what is out of bounds set in bold."""
    names = list(next(iter(found.values())))
    lines = ["| cue alone, EER % | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for cue, row in found.items():
        cells = (f"{row[n]:.0f}" if n in row and LOW <= row[n] <= HIGH else f"**{row.get(n, 50):.0f}**" for n in names)
        lines.append(f"| {cue} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def report(clips: Iterable[Clip], out: Path, *, most: int = 1500, seed: int = 1234) -> dict[str, dict[str, float]]:
    """Measure and write beside the manifest."""
    found = table(read(clips, most, seed))
    keep.put(out, "# What tells the classes apart without listening\n\n" + markdown(found))
    return found
