"""Codecfake (Xie et al.): speech through neural codecs; eval conditions C1–C7 and A1–A3 (arXiv 2405.04880)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Listing, Options, Part, keyed, require
from fakemamba.data.corpora.files import seek

_LAYOUT = "label/*.txt (SSB13650058.wav real 0), train/*.wav, dev/*.wav and test/C1/*.wav … test/A3/*.wav"
_CONDITIONS = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "A1", "A2", "A3")
# 132 277 recordings: 105 821 and 13 228 of them with six codecs each in train and dev; one codec more in C1–C6 each.
_TRAIN, _DEV = (105_821, 634_926), (13_228, 79_368)
_EVAL = {**dict.fromkeys(_CONDITIONS[:6], (13_228, 13_228)), "C7": (13_228, 132_277)}


def _parts(root: Path, _options: Options) -> list[Part]:
    home = require(root, _LAYOUT, "label")
    parts = [
        Part(split, partial(_split, home, split, root), {"": official})
        for split, official in (("train", _TRAIN), ("dev", _DEV))
        if (home / f"{split}.txt").is_file() or (home.parent / split).is_dir()
    ]
    there = tuple(name for name in _CONDITIONS if (home / f"{name}.txt").is_file())
    if there:
        parts.append(Part("eval", partial(_conditions, home, there, root), _EVAL, there))
    return parts


def _split(home: Path, split: str, root: Path) -> Listing:
    return _named(keyed("codecfake", split, home / f"{split}.txt", (_place(home, split, root),)), "")


def _place(home: Path, name: str, root: Path) -> Path:
    """Where the audio of a split or condition was unpacked."""
    beside = (f"{name}", f"test/{name}")
    return seek(home.parent, *beside, depth=1) or seek(root, *beside, depth=1) or home.parent / beside[-1]


def _conditions(home: Path, names: tuple[str, ...], root: Path) -> Listing:
    """Every condition as a subset; the genuine recordings recur from one to the next, so ids get its name."""
    read = [
        _named(keyed("codecfake", "eval", home / f"{name}.txt", (_place(home, name, root),)), name) for name in names
    ]
    return Listing(
        tuple(u for listing in read for u in listing.utterances),
        frozenset().union(*(listing.missing for listing in read)),
        sum(listing.outside for listing in read),
        (),
        tuple(text for listing in read for text in listing.warnings),
    )


def _named(listing: Listing, condition: str) -> Listing:
    """F03_SSB13650058.wav is codec F03; without a prefix the recording itself."""
    front = f"{condition}/" if condition else ""
    made = []
    for utterance in listing.utterances:
        codec, mark, _ = utterance.id.partition("_")
        coded = bool(mark) and not utterance.label and codec[:1] in "FL" and codec[1:].isdigit()
        word = codec if coded else ""
        made.append(replace(utterance, id=front + utterance.id, subset=condition, attack=word, codec=word))
    return replace(listing, utterances=tuple(made), missing=frozenset(front + name for name in listing.missing))


CORPUS = Corpus(
    name="codecfake",
    title="Codecfake",
    site="https://zenodo.org/records/13838106",
    licence="see its site",
    layout=_LAYOUT,
    parts=_parts,
)
