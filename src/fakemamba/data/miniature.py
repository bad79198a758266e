"""Tiny corpora in the official formats, for dry runs: right keys and folders, made-up audio, a marker that says so."""

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from fakemamba.data.corpora import CORPORA
from fakemamba.data.corpora.marker import Marker, read_marker, write_marker
from fakemamba.data.hum import RATE, Wave, hum
from fakemamba.errors import ConfigError, DataError

# Seconds, in turn for either class: every bucket of Table IV (< 3, 3–4, 4–5, 5–6, > 6 s) has some of both.
_LENGTHS = (0.8, 3.4, 4.5, 5.5, 7.0, 2.0)
_PITCHES = (95.0, 120.0, 175.0, 220.0)  # one a speaker


@dataclass(frozen=True)
class Clip:
    """One made-up recording: its place in its split, its class, who speaks, which attack, and the audio."""

    number: int
    label: int
    speaker: int
    attack: int
    wave: Wave


@dataclass
class Yard:
    """Where a miniature is built.

    Attributes:
        root: the folder. per_class: clips of either class and split.
        counts: "split/subset" -> bona fide and spoofed clips so far.
    """

    root: Path
    rng: np.random.Generator
    per_class: int
    counts: dict[str, Counter[int]] = field(default_factory=dict)

    def clips(self, part: str, attacks: int = 3, *, genuine: bool = True) -> Iterator[Clip]:
        """The clips of one "split/subset", the classes in turn."""
        tally = self.counts.setdefault(part, Counter())
        labels = (1, 0) if genuine else (0,)
        for number in range(self.per_class * len(labels)):
            label, turn = labels[number % len(labels)], number // len(labels)
            speaker, attack = turn % len(_PITCHES), turn % attacks
            seconds = _LENGTHS[turn % len(_LENGTHS)]
            wave = hum(self.rng, seconds, pitch=_PITCHES[speaker], fake=not label, attack=attack)
            tally[label] += 1
            yield Clip(number, label, speaker, attack, wave)

    def audio(self, path: str, wave: Wave) -> None:
        """Write 16-bit audio in the format of its ending; folders are made."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, wave, RATE, subtype="PCM_16")

    def text(self, path: str, lines: list[str]) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_miniature(name: str, root: str | Path, *, seed: int = 0, per_class: int = 6) -> Path:
    """Write a miniature of a corpus into `root`, which must not exist, be empty, or be this very miniature.

    Args:
        name: one of CORPORA.
        root: the folder to make; what `open_corpus(name, root)` then takes.
        seed: of the audio: the same call writes the same bytes.
        per_class: clips of either class in each split or subset.

    Raises:
        ConfigError: no such corpus, or per_class below 1.
        DataError: `root` holds something else, or cannot be written.
    """
    from fakemamba.data.miniatures import MAKERS

    root = Path(root)
    if name not in CORPORA:
        raise ConfigError(f"unknown corpus {name!r}: choose one of {', '.join(CORPORA)}")
    if per_class < 1:
        raise ConfigError(f"per_class {per_class}: a miniature needs at least 1 clip a class")
    if _is_there(root, name, seed, per_class):
        return root
    _build(MAKERS[name], name, root, seed, per_class)
    return root


def _is_there(root: Path, name: str, seed: int, per_class: int) -> bool:
    if not root.exists():
        return False
    marker = read_marker(root, name) if root.is_dir() else None
    if marker is not None and (marker.seed, marker.per_class) == (seed, per_class):
        return True
    if not root.is_dir() or any(root.iterdir()):
        raise DataError(f"{root} is there and not this miniature: give a folder that does not exist yet")
    return False


def _build(make: Callable[[Yard], None], name: str, root: Path, seed: int, per_class: int) -> None:
    """Whole or not at all."""
    partial = root.with_name(f".{root.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        yard = Yard(partial, np.random.default_rng([seed, *name.encode()]), per_class)
        make(yard)
        counts = {part: (tally[1], tally[0]) for part, tally in yard.counts.items()}
        write_marker(partial, Marker(name, seed, per_class, counts))
        if root.is_dir():
            root.rmdir()
        partial.rename(root)
    except OSError as error:
        raise DataError(f"{root} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
