"""Small data sets whose scores can be worked out by head."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.detect import Detector
from fakemamba.evaluation.clips import Origin, ScoredClip
from fakemamba.evaluation.judged import Judged, from_clips
from fakes import RATE, FakeScorer, speech, tiny_card


def detector(rule=None, **card) -> Detector:
    """Judges by the wave's mean magnitude unless told otherwise: loud is fake, 0 lies at 0.02."""
    return Detector(FakeScorer(rule or loudness), tiny_card(**card), model_sha256="00" * 32)


def loudness(wave) -> float:
    return 4.0 - 200.0 * float(np.abs(wave).mean())


def write_clips(root: Path, *, real: int = 3, fake: int = 3, seconds: float = 2.5) -> Path:
    """real/ quiet and fake/a, fake/b loud."""
    for k in range(real):
        write_wave(root / "real" / f"r{k}.wav", speech(seconds, seed=k, level=0.1))
    for k in range(fake):
        write_wave(root / "fake" / "ab"[k % 2] / f"f{k}.wav", speech(seconds, seed=k, level=0.9))
    return root


def write_wave(path: Path, wave) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    return path


def dataset(root: Path, name: str = "mine") -> Dataset:
    """The folder's clips without the reader of corpora."""
    utterances = []
    for path in sorted(root.rglob("*.wav")):
        parts = path.relative_to(root).parts
        label = int(parts[0] == "real")
        utterances.append(
            Utterance(path.stem, path, label, "mine", attack="" if label else parts[1], speaker=f"s{path.stem[-1]}")
        )
    return Dataset(name, tuple(utterances))


def judged(rows, *, model: str = "m", calibrated: bool = True, threshold: float | None = 0.0, **origin) -> Judged:
    """Trials from (id, label, llr) or (id, label, llr, {columns})."""
    clips = []
    for name, label, llr, *more in rows:
        utterance = Utterance(name, Path(f"{name}.wav"), label, "mine")
        known = dict(more[0]) if more else {}
        verdict = known.pop("verdict", None)
        clips.append(ScoredClip(replace(utterance, **known), llr, llr if calibrated else None, verdict))
    return from_clips(clips, Origin("mine", model=model, protocol="fixed", threshold=threshold, **origin))
