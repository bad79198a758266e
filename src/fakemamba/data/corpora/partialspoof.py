"""PartialSpoof: genuine sentences with spoofed stretches, and frame labels for them (arXiv 2204.05177)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Listing, Options, Part, keyed, require
from fakemamba.data.corpora.files import seek

_PROTOCOLS = "protocols/PartialSpoof_LA_cm_protocols"
_LAYOUT = f"database/train/con_wav/*.wav, database/{_PROTOCOLS}/*.txt and database/segment_labels/*_seglab_0.02.npy"
# The recordings of ASVspoof 2019 LA, each spoof replaced by a partial one.
_OFFICIAL = {"train": (2_580, 22_800), "dev": (2_548, 22_296), "eval": (7_355, 63_882)}


def _parts(root: Path, _options: Options) -> list[Part]:
    protocols = require(root, _LAYOUT, _PROTOCOLS)
    home = protocols.parent.parent
    return [
        Part(split, partial(_list, home, split, protocols / f"PartialSpoof.LA.cm.{split}.trl.txt"), {"": official})
        for split, official in _OFFICIAL.items()
        if (protocols / f"PartialSpoof.LA.cm.{split}.trl.txt").is_file() or (home / split).is_dir()
    ]


def _list(home: Path, split: str, key: Path) -> Listing:
    name = f"{split}_seglab_0.02.npy"
    frames = seek(home, f"segment_labels/{name}", f"segment_labels_v1.2/{name}", depth=0)
    listing = keyed("partialspoof", split, key, (home / split / "con_wav",), frames=frames)
    if frames is not None:
        return listing
    lost = f"{home}/segment_labels/{name} is not there: no frame labels, no localization"
    return replace(listing, warnings=(*listing.warnings, lost))


CORPUS = Corpus(
    name="partialspoof",
    title="PartialSpoof",
    site="https://zenodo.org/records/5766198",
    licence="CC-BY-4.0 as its host says",
    layout=_LAYOUT,
    parts=_parts,
)
