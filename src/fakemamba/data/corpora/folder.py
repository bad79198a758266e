"""A plain folder: whatever lies below `real/` is genuine, whatever lies below `fake/` is not, at any depth."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import SPLITS, Corpus, Listing, Options, Part
from fakemamba.data.corpora.files import audio_below, check_root
from fakemamba.data.dataset import Utterance
from fakemamba.data.tables import LABELS, sample
from fakemamba.errors import DataError

_LAYOUT = "folders real/ and fake/ (also genuine, bonafide, human; spoof, deepfake, synthetic) at any depth"
_LABELS: dict[str, int | None] = {
    **LABELS,
    **dict.fromkeys(("reals", "original", "authentic", "natural"), 1),
    **dict.fromkeys(("fakes", "generated", "synthesized", "cloned", "ai", "ai-generated"), 0),
}


def _parts(root: Path, options: Options) -> list[Part]:
    check_root(root, _LAYOUT)
    known = {**_LABELS, **options.words}
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    unlabelled = []
    for path in audio_below(root):
        folders = [name.lower() for name in path.split("/")[:-1]]
        label = _label(root, path, folders, known)
        split = next((SPLITS[name] for name in folders if name in SPLITS), "")
        if label is None:
            unlabelled.append(path)
        else:
            found[split].append((path, label))
    if not found:
        lost = f"; {len(unlabelled)} audio files lie elsewhere: {sample(unlabelled)}" if unlabelled else ""
        raise DataError(f"{root} holds no audio in {_LAYOUT}{lost}")
    if "" in found and len(found) > 1:
        named = ", ".join(sorted(name for name in found if name))
        homeless = [path for path, _ in found[""]]
        raise DataError(f"{root}: {len(homeless)} files lie outside its split folders ({named}): {sample(homeless)}")
    order = ("train", "dev", "eval", "")
    splits = [split for split in order if split in found]
    outside = {splits[0]: len(unlabelled)}
    return [Part(split, partial(_list, root, split, found[split], outside.get(split, 0), known)) for split in splits]


def _label(root: Path, path: str, folders: list[str], known: Mapping[str, int | None]) -> int | None:
    """By the folders' names; DataError where they say both."""
    said = {known[name] for name in folders if name in known}
    if len(said) > 1:
        raise DataError(f"{root}: {path} lies below a folder of either class; move it")
    return next(iter(said), None)


def _list(
    root: Path, split: str, files: list[tuple[str, int]], outside: int, known: Mapping[str, int | None]
) -> Listing:
    """Folders below the label's name the attack: fake/hifigan/x.wav."""
    made = []
    for path, label in files:
        folders = path.split("/")[:-1]
        place = next(k for k, name in enumerate(folders) if name.lower() in known)
        attack = "" if label or place + 1 == len(folders) else folders[place + 1]
        made.append(Utterance(path, root / path, label, "folder", split, attack=attack))
    twins = [name for name, count in Counter(u.id.rpartition(".")[0] for u in made).items() if count > 1]
    warnings = (f"{len(twins)} recordings lie there in two formats: {sample(twins)}",) if twins else ()
    return Listing(tuple(made), frozenset(), outside, (), warnings)


CORPUS = Corpus(
    name="folder",
    title="a folder of your own",
    site="",
    licence="yours",
    layout=_LAYOUT,
    open_words=True,
    parts=_parts,
)
