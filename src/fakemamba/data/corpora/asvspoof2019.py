"""ASVspoof 2019 LA: what the paper trains on (arXiv 1911.01601)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part, keyed, require

_PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
_LAYOUT = f"LA/{_PROTOCOLS}/ASVspoof2019.LA.cm.train.trn.txt and LA/ASVspoof2019_LA_train/flac/*.flac"
_FILES = {
    "train": "ASVspoof2019.LA.cm.train.trn.txt",
    "dev": "ASVspoof2019.LA.cm.dev.trl.txt",
    "eval": "ASVspoof2019.LA.cm.eval.trl.txt",
}
_OFFICIAL = {"train": (2_580, 22_800), "dev": (2_548, 22_296), "eval": (7_355, 63_882)}


def _parts(root: Path, _options: Options) -> list[Part]:
    home = require(root, _LAYOUT, _PROTOCOLS).parent
    return [
        Part(
            split,
            partial(keyed, "asvspoof2019-la", split, home / _PROTOCOLS / name, (home / f"ASVspoof2019_LA_{split}",)),
            {"": _OFFICIAL[split]},
        )
        for split, name in _FILES.items()
        if (home / _PROTOCOLS / name).is_file() or (home / f"ASVspoof2019_LA_{split}").is_dir()
    ]


CORPUS = Corpus(
    name="asvspoof2019-la",
    title="ASVspoof 2019, logical access",
    site="https://datashare.ed.ac.uk/handle/10283/3336",
    licence="ODC-By 1.0",
    layout=_LAYOUT,
    parts=_parts,
)
