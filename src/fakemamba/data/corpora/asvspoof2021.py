"""ASVspoof 2021 LA and DF: evaluation sets only; keys come apart from the audio (arXiv 2210.02437)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Counts, Options, Part, keyed, require
from fakemamba.data.corpora.files import check_root, folders, seek
from fakemamba.errors import DataError

_SUBSETS = ("eval", "progress", "hidden")
_KEY = "CM/trial_metadata.txt"


def _parts(track: str, official: dict[str, Counts], root: Path, _options: Options) -> list[Part]:
    name, layout = f"asvspoof2021-{track.lower()}", _layout(track)
    key = _key(root, track, layout)
    audio = _audio(root, track, layout)
    load = partial(keyed, name, "eval", key, audio, expect=f"2021 {track} key")
    return [Part("eval", load, official, _SUBSETS)]


def _layout(track: str) -> str:
    part = "ASVspoof2021_DF_eval_part00/ASVspoof2021_DF_eval" if track == "DF" else "ASVspoof2021_LA_eval"
    return f"{part}/flac/*.flac and beside it keys/{track}/{_KEY}"


def _key(root: Path, track: str, layout: str) -> Path:
    check_root(root, layout)
    certain = (f"keys/{track}/{_KEY}", f"{track}-keys-full/keys/{track}/{_KEY}", f"{track}/{_KEY}")
    found = seek(root, *certain) or seek(root, f"keys/{_KEY}", _KEY, "trial_metadata.txt")
    found = found or seek(root.absolute().parent, *certain, depth=0)
    if found is None:
        raise DataError(f"{root}: the key keys/{track}/{_KEY} is not there (a download of its own); expected {layout}")
    return found


def _audio(root: Path, track: str, layout: str) -> tuple[Path, ...]:
    """The folder of the audio, or for DF its four parts, wherever they were unpacked."""
    whole = f"ASVspoof2021_{track}_eval"
    first = seek(root, *(f"{whole}_part{part:02}" for part in range(4)))
    if first is None:
        return (root,) if root.name == whole else (require(root, layout, whole),)
    return tuple(folder for folder in folders(first.parent) if folder.name.startswith(whole))


LA = Corpus(
    name="asvspoof2021-la",
    title="ASVspoof 2021, logical access",
    site="https://zenodo.org/records/4837263",
    licence="ODC-By 1.0",
    layout=_layout("LA"),
    parts=partial(_parts, "LA", {"eval": (14_816, 133_360)}),
)
DF = Corpus(
    name="asvspoof2021-df",
    title="ASVspoof 2021, deepfake",
    site="https://zenodo.org/records/4835108",
    licence="ODC-By 1.0",
    layout=_layout("DF"),
    parts=partial(_parts, "DF", {"eval": (14_869, 519_059)}),
)
