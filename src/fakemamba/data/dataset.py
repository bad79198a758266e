"""A corpus as a list of utterances: what every reader returns, and what training and evaluation take."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.keys import Text
from fakemamba.errors import DataError

# What may be known of an utterance besides its label; "" where it is not.
COLUMNS = ("corpus", "split", "subset", "speaker", "attack", "codec", "vocoder", "language", "source")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording of a corpus.

    Attributes:
        id: unique within its corpus, as its key names it.
        path: the audio file.
        label: 1 = bona fide, 0 = spoof.
        corpus: whose it is, by the name that `open_corpus` takes.
        split: train, dev or eval, in our words.
        subset: the key's own word (eval, progress, hidden, …) where it has one.
        speaker, attack, codec, vocoder, language, source: "" where unknown.
        seconds: its length where the corpus tells it without a look into the file.
        frames: a file of frame labels (PartialSpoof), else None; `read_frame_labels` reads it.
        weight: how often it is drawn in training, relative to others.
    """

    id: str
    path: Path
    label: int
    corpus: str
    split: str = ""
    subset: str = ""
    speaker: str = ""
    attack: str = ""
    codec: str = ""
    vocoder: str = ""
    language: str = ""
    source: str = ""
    seconds: float | None = None
    frames: Path | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """Utterances in a fixed order.

    Attributes:
        name: for messages and reports, for example "asvspoof2021-la eval".
        utterances: what it holds.
        notes: what was chosen on the reader's behalf. warnings: what makes it doubtful.
    """

    name: str
    utterances: tuple[Utterance, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.utterances)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) 1 = bona fide, 0 = spoof."""
        return np.array([u.label for u in self.utterances], dtype=np.int64)

    @property
    def ids(self) -> Text:
        """(n,) as the keys name them."""
        return np.array([u.id for u in self.utterances])

    def column(self, name: str) -> Text:
        """(n,) what is known of each utterance under one of COLUMNS; DataError names them."""
        if name not in COLUMNS:
            raise DataError(f"utterances have no column {name!r}: choose one of {', '.join(COLUMNS)}")
        return np.array([str(getattr(u, name)) for u in self.utterances])

    def where(self, keep: Callable[[Utterance], bool]) -> "Dataset":
        """The utterances that `keep` says yes to, in the same order."""
        return replace(self, utterances=tuple(u for u in self.utterances if keep(u)))
