"""One study: its output folder, where its corpora and weights lie, and what it was asked for.

OUT/
  study.json                      whether it is a miniature; the two never mix
  runs/SYSTEM.TARGET.seedN/       a training, as `fakemamba train` leaves it
  evaluations/RUN/CORPUS.PROTOCOL/   scores.tsv and evaluation.json
  rtf/  scan/  embeddings/        timings and maps, a JSON file a cell
  report.html  report.json  report.txt  figures/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from fakemamba.config import Frozen, parse, read_toml
from fakemamba.data.corpora import CORPORA, open_corpus
from fakemamba.data.dataset import Dataset
from fakemamba.errors import ConfigError, DataError
from fakemamba.train.folder import put, writing

SEED = 1234  # of the released recipe
MARK = "study.json"


class Place(Frozen):
    """Where a corpus lies, and its human counterpart where that comes apart."""

    root: Path
    genuine: tuple[Path, ...] = ()


class _Places(Frozen):
    corpora: dict[str, str | Place] = Field(default_factory=dict)
    xlsr: str | None = None


@dataclass(frozen=True)
class Study:
    """What is common to all cells.

    Attributes:
        out: the output folder.
        places: corpus -> where it lies. xlsr: the model folder of XLS-R's weights.
        seeds: one training of each system and target for each.
        miniature: tiny systems on made-up audio, to see that everything works; its numbers mean nothing.
        changes: of training settings, as `table.key=value`.
        cpu: stay off the GPU. processes: of one training, on as many GPUs.
        batch: clips scored at once. resamples: of the bootstrap.
        warmup, repeats: of timings.
    """

    out: Path
    places: Mapping[str, Place] = field(default_factory=dict)
    xlsr: Path | None = None
    seeds: tuple[int, ...] = (SEED,)
    miniature: bool = False
    changes: tuple[str, ...] = ()
    cpu: bool = False
    processes: int = 1
    batch: int = 16
    resamples: int = 1000
    warmup: int = 10
    repeats: int = 100

    @property
    def first_seed(self) -> int:
        """The seed of what is drawn once: the first of the trainings'."""
        return self.seeds[0]

    @property
    def device(self) -> str:
        """What computes: "cpu", or "cuda" where there is one and it may be used."""
        import torch

        return "cuda" if torch.cuda.is_available() and not self.cpu else "cpu"

    def claim(self) -> None:
        """Make the output folder, or find that it is of the same kind.

        Raises:
            ConfigError: it holds something else, or a miniature and this is none (or the reverse).
        """
        mark = self.out / MARK
        if self.out.exists() and not mark.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise ConfigError(f"{self.out} is no study and not empty: choose another place with --out")
        if mark.exists() and is_miniature(self.out) != self.miniature:
            kind = "a real study" if self.miniature else "a miniature"
            raise ConfigError(f"{self.out} holds {kind}: choose another place with --out")
        with writing(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            put(mark, json.dumps({"miniature": self.miniature}) + "\n")


def is_miniature(out: Path) -> bool:
    """Whether the study in a folder is a miniature; ConfigError if its mark is damaged."""
    found = read_json(out / MARK)
    if not isinstance(found.get("miniature"), bool):
        raise ConfigError(f"{out / MARK} is damaged: choose another place with --out")
    return bool(found["miniature"])


def read_places(file: Path) -> tuple[dict[str, Place], Path | None]:
    """Where things lie, from TOML; relative paths start at the file's folder.

    xlsr = "weights/xlsr"
    [corpora]
    asvspoof2019-la = "/data/LA"
    mlaad = { root = "/data/MLAAD", genuine = ["/data/M-AILABS"] }

    Returns:
        corpus -> its place, and the folder of XLS-R if it is named.

    Raises:
        ConfigError: no such file, an unknown corpus, a wrong value.
    """
    known = parse(_Places, read_toml(file), str(file))
    base = file.absolute().parent
    places = {}
    for name, value in known.corpora.items():
        if name not in CORPORA:
            raise ConfigError(f"{file}: unknown corpus {name!r}: choose from {', '.join(CORPORA)}")
        place = Place(root=Path(value)) if isinstance(value, str) else value
        genuine = tuple(_from(base, path) for path in place.genuine)
        places[name] = Place(root=_from(base, place.root), genuine=genuine)
    return places, None if known.xlsr is None else _from(base, Path(known.xlsr))


class Library:
    """The corpora of a study, each opened and checked once."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self._open: dict[str, Dataset] = {}

    def dataset(self, corpus: str) -> Dataset:
        """What a system is evaluated on: the official eval subset, or all where there is but one.

        Raises:
            DataError: it cannot be used as it is.
        """
        if corpus not in self._open:
            place = self._places[corpus]
            self._open[corpus] = open_corpus(corpus, place.root, genuine=place.genuine)
        return self._open[corpus]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that this package wrote; DataError where it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): delete it to have it made again") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: delete it to have it made again")
    return found


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all; folders are made."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _from(base: Path, path: Path) -> Path:
    return base / path.expanduser()
