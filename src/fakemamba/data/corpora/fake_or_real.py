"""Fake-or-Real (FoR): four versions of one collection; one is opened at a time, they hold the same speech."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Listing, Options, Part
from fakemamba.data.corpora.files import audio_below, check_root, folders
from fakemamba.data.dataset import Utterance
from fakemamba.errors import DataError

_LAYOUT = "for-norm/{training,validation,testing}/{real,fake}/*.wav (or for-original, for-2sec, for-rerec)"
_SPLITS = {"train": "training", "dev": "validation", "eval": "testing"}


def _parts(root: Path, _options: Options) -> list[Part]:
    check_root(root, _LAYOUT)
    versions = _versions(root, 3)
    if not versions:
        raise DataError(f"{root}: training/real and training/fake are not there; expected {_LAYOUT}")
    if len(versions) > 1:
        listed = ", ".join(str(version.relative_to(root)) for version in versions)
        raise DataError(f"{root} holds {len(versions)} versions of the same speech: give one of them ({listed})")
    return [
        Part(split, partial(_list, versions[0], split, word))
        for split, word in _SPLITS.items()
        if (versions[0] / word).is_dir()
    ]


def _versions(folder: Path, depth: int) -> list[Path]:
    if any((folder / word / "real").is_dir() or (folder / word / "fake").is_dir() for word in _SPLITS.values()):
        return [folder]
    return [found for below in folders(folder) if depth for found in _versions(below, depth - 1)]


def _list(version: Path, split: str, word: str) -> Listing:
    made = [
        Utterance(f"{word}/{name}/{path}", version / word / name / path, label, "for", split, word)
        for name, label in (("real", 1), ("fake", 0))
        if (version / word / name).is_dir()
        for path in audio_below(version / word / name)
    ]
    return Listing(tuple(made))


CORPUS = Corpus(
    name="for",
    title="Fake-or-Real",
    site="https://bil.eecs.yorku.ca/datasets",
    licence="see its site",
    layout=_LAYOUT,
    parts=_parts,
)
