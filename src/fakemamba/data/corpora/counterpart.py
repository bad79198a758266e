"""Corpora of fakes alone, with the human recordings that they were made from in folders of their own."""

from collections.abc import Callable, Iterable
from pathlib import Path

from fakemamba.data.corpora.corpus import Listing
from fakemamba.data.corpora.files import audio_below, check_root, folders
from fakemamba.data.dataset import Utterance

Naming = Callable[[str, Path, str], Utterance]  # (id, file, path below the folder) -> what is known of it


def both(
    fakes: tuple[Path, ...], genuine: tuple[Path, ...], name_fake: Naming, name_genuine: Naming, hint: str
) -> Listing:
    """What lies below the folders of fakes and of human recordings; ids are paths that begin with the folder's name."""
    made = [utterance for folder in fakes for utterance in _below(folder, name_fake)]
    for folder in genuine:
        check_root(folder, "the human recordings")
        made += _below(folder, name_genuine)
    warnings = () if genuine else (hint,)
    return Listing(tuple(made), warnings=warnings)


def _below(folder: Path, name: Naming) -> Iterable[Utterance]:
    for path in audio_below(folder):
        yield name(f"{folder.name}/{path}", folder / path, path)


def beside(root: Path, names: frozenset[str]) -> tuple[Path, ...]:
    """Folders in `root` that go by one of `names`, in lower case."""
    return tuple(folder for folder in folders(root) if folder.name.lower() in names)


def no_genuine(corpus: str, counterpart: str) -> str:
    """The warning where only fakes are there."""
    return f"{corpus} holds only fakes: give the folder of {counterpart} as its genuine counterpart"
