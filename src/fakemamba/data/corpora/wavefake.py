"""WaveFake: vocoders over LJSpeech and JSUT, fakes only (arXiv 2111.02813)."""

from functools import partial
from pathlib import Path

from fakemamba.data.corpora.corpus import Corpus, Options, Part
from fakemamba.data.corpora.counterpart import beside, both, no_genuine
from fakemamba.data.corpora.files import check_root, folders, seek
from fakemamba.data.dataset import Utterance
from fakemamba.errors import DataError

_LAYOUT = "generated_audio/ljspeech_melgan/*.wav …, and LJSpeech-1.1/wavs/*.wav, jsut_ver1.1/basic5000/wav/*.wav"
_GENUINE = frozenset({"ljspeech-1.1", "ljspeech", "lj_speech", "jsut_ver1.1", "jsut"})
_LJ, _JSUT = ("LJSpeech", "en", "LJ"), ("JSUT", "ja", "JSUT")  # source, language, speaker


def _parts(root: Path, options: Options) -> list[Part]:
    check_root(root, _LAYOUT)
    inside = seek(root, "generated_audio") or root
    kinds = [folder for folder in folders(inside) if folder.name.lower() not in _GENUINE and _is_generated(folder)]
    if not kinds:
        raise DataError(f"{root}: no folder such as ljspeech_melgan is there; expected {_LAYOUT}")
    human = options.genuine or beside(root, _GENUINE) or beside(inside.parent, _GENUINE)
    return [Part("", partial(both, tuple(kinds), human, _fake, _human, no_genuine("wavefake", "LJSpeech and JSUT")))]


def _is_generated(folder: Path) -> bool:
    return folder.name.lower().startswith(("ljspeech_", "jsut_", "common_voices_"))


def _fake(name: str, file: Path, _path: str) -> Utterance:
    """ljspeech_multi_band_melgan: the source and the vocoder; the folder of TTS prompts is an attack of its own."""
    front, _, vocoder = name.partition("/")[0].partition("_")
    told = front.lower() in ("ljspeech", "jsut")
    source, language, speaker = _JSUT if front.lower() == "jsut" else _LJ
    attack, vocoder = (vocoder, vocoder) if told else (name.partition("/")[0], "")
    return Utterance(
        name, file, 0, "wavefake", speaker=speaker, attack=attack, vocoder=vocoder, language=language, source=source
    )


def _human(name: str, file: Path, _path: str) -> Utterance:
    source, language, speaker = (
        _JSUT if name.lower().startswith(("jsut", "basic5000")) or "BASIC5000" in file.name else _LJ
    )
    return Utterance(name, file, 1, "wavefake", speaker=speaker, language=language, source=source)


CORPUS = Corpus(
    name="wavefake",
    title="WaveFake with LJSpeech and JSUT",
    site="https://zenodo.org/records/5642694, https://keithito.com/LJ-Speech-Dataset, "
    "https://sites.google.com/site/shinnosuketakamichi/publication/jsut",
    licence="CC-BY-SA-4.0; LJSpeech is in the public domain, JSUT has terms of its own",
    layout=_LAYOUT,
    parts=_parts,
    counterpart="LJSpeech, JSUT",
)
