"""ASVspoof 5, track 1 (arXiv 2502.08857)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part, keyed, require
from fakemamba.data.corpora.files import seek

_LAYOUT = (
    "ASVspoof5.train.tsv, ASVspoof5.dev.track_1.tsv, ASVspoof5.eval.track_1.tsv and flac_T/, flac_D/, flac_E_eval/"
)
_SPLITS = {
    "train": ("ASVspoof5.train.tsv", ("flac_T",), (18_797, 163_560)),
    "dev": ("ASVspoof5.dev.track_1.tsv", ("flac_D",), (31_334, 109_616)),
    "eval": ("ASVspoof5.eval.track_1.tsv", ("flac_E_eval", "flac_E"), (138_688, 542_086)),
}


def _parts(root: Path, _options: Options) -> list[Part]:
    protocols = require(root, _LAYOUT, *(name for name, _, _ in _SPLITS.values())).parent
    parts = []
    for split, (name, folders, official) in _SPLITS.items():
        audio = seek(root, *folders) or seek(protocols.parent, *folders, depth=0)
        if audio is None and not (protocols / name).is_file():
            continue
        load = partial(keyed, "asvspoof5", split, protocols / name, (audio or root / folders[0],))
        parts.append(Part(split, load, {"": official}))
    return parts


CORPUS = Corpus(
    name="asvspoof5",
    title="ASVspoof 5, track 1",
    site="https://zenodo.org/records/14498691",
    licence="ODC-By 1.0",
    layout=_LAYOUT,
    parts=_parts,
)
