"""MLAAD: many TTS systems in many languages, fakes only; its human counterpart is M-AILABS (arXiv 2401.09512)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part, require
from fakemamba.data.corpora.counterpart import beside, both, no_genuine
from fakemamba.data.corpora.files import folders
from fakemamba.data.dataset import Utterance
from fakemamba.errors import DataError

_LAYOUT = "fake/<language>/<system>/*.wav, and M-AILABS (<language>/by_book/<gender>/<speaker>/<book>/wavs/*.wav)"
_GENUINE = frozenset({"real", "original", "genuine", "bonafide", "m-ailabs", "mailabs", "m_ailabs"})


def _parts(root: Path, options: Options) -> list[Part]:
    fakes = require(root, _LAYOUT, "fake")
    if not any(folders(language) for language in folders(fakes)):
        raise DataError(f"{fakes} has no folders of languages and systems; expected {_LAYOUT}")
    human = options.genuine or beside(fakes.parent, _GENUINE)
    return [Part("", partial(both, (fakes,), human, _fake, _human, no_genuine("mlaad", "M-AILABS")))]


def _fake(name: str, file: Path, path: str) -> Utterance:
    language, _, rest = path.partition("/")
    attack = rest.partition("/")[0] if "/" in rest else ""
    return Utterance(name, file, 0, "mlaad", attack=attack, language=language if rest else "", source="M-AILABS")


def _human(name: str, file: Path, path: str) -> Utterance:
    """en_US/by_book/female/judy_bieber/…: the language without its country, the reader."""
    words = path.split("/")
    language = words[0].partition("_")[0] if len(words) > 1 else ""
    at = words.index("by_book") + 2 if "by_book" in words else len(words)
    speaker = words[at] if at < len(words) - 1 else ""
    return Utterance(name, file, 1, "mlaad", speaker=speaker, language=language, source="M-AILABS")


CORPUS = Corpus(
    name="mlaad",
    title="MLAAD with M-AILABS",
    site="https://huggingface.co/datasets/mueller91/MLAAD and https://www.caito.de/2019/01/03/the-m-ailabs-speech-dataset",
    licence="see its site; M-AILABS has a BSD-like licence of its own",
    layout=_LAYOUT,
    parts=_parts,
    counterpart="M-AILABS",
)
