"""In-the-Wild: public figures, genuine and faked, from the net (arXiv 2203.16263)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part, keyed, require

_LAYOUT = "release_in_the_wild/meta.csv (file,speaker,label) and the WAV files beside it"


def _parts(root: Path, _options: Options) -> list[Part]:
    key = require(root, _LAYOUT, "release_in_the_wild/meta.csv", "meta.csv")
    return [Part("", partial(keyed, "in-the-wild", "", key, (key.parent,)), {"": (19_963, 11_816)})]


CORPUS = Corpus(
    name="in-the-wild",
    title="In-the-Wild",
    site="https://huggingface.co/datasets/mueller91/In-The-Wild",
    licence="CC-BY-SA-4.0 as its host says",
    layout=_LAYOUT,
    parts=_parts,
)
