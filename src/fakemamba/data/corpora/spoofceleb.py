"""SpoofCeleb: VoxCeleb1 speakers, 23 TTS systems; attack a00 is genuine (arXiv 2409.17285)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part, keyed, require

_LAYOUT = "spoofceleb/metadata/train.csv (file,speaker,attack) and spoofceleb/flac/train/a00/<speaker>/*.flac"
# By the label distribution that a public card of the corpus gives.
_SPLITS = {
    "train": ("train", (230_948, 2_309_473)),
    "dev": ("development", (7_963, 47_778)),
    "eval": ("evaluation", (9_113, 82_017)),
}


def _parts(root: Path, _options: Options) -> list[Part]:
    names = tuple(f"metadata/{word}.csv" for word, _ in _SPLITS.values())
    home = require(root, _LAYOUT, *names).parent.parent
    return [
        Part(
            split,
            partial(keyed, "spoofceleb", split, home / f"metadata/{word}.csv", (home / "flac" / word,), deep=True),
            {"": official},
        )
        for split, (word, official) in _SPLITS.items()
        if (home / f"metadata/{word}.csv").is_file() or (home / "flac" / word).is_dir()
    ]


CORPUS = Corpus(
    name="spoofceleb",
    title="SpoofCeleb",
    site="https://jungjee.github.io/spoofceleb",
    licence="see its site",
    layout=_LAYOUT,
    parts=_parts,
)
