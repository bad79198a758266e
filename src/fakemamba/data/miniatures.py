"""How each corpus writes its keys and folders down, for `make_miniature`."""

from collections.abc import Callable
from functools import partial

import numpy as np

from fakemamba.data.hum import RATE
from fakemamba.data.miniature import Clip, Yard

_WORDS = {0: "spoof", 1: "bonafide"}
_LETTERS = {"train": "T", "dev": "D", "eval": "E"}
_CODECS = ("none", "alaw", "opus", "gsm")
_LANGUAGES = ("en", "de", "pl")
_FRAME = 0.02  # seconds


def _name(clip: Clip, first: int, shown: str = "A{:02}") -> str:
    """The attack's name, "-" of the genuine; numbering starts at `first`."""
    return "-" if clip.label else shown.format(first + clip.attack)


def _la2019(yard: Yard) -> None:
    for split, kind in (("train", "trn"), ("dev", "trl"), ("eval", "trl")):
        rows = []
        for clip in yard.clips(f"{split}/"):
            name = f"LA_{_LETTERS[split]}_{1_000_001 + clip.number}"
            yard.audio(f"LA/ASVspoof2019_LA_{split}/flac/{name}.flac", clip.wave)
            attack = _name(clip, 7 if split == "eval" else 1)
            rows.append(f"LA_{clip.speaker:04} {name} - {attack} {_WORDS[clip.label]}")
        yard.text(f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{split}.{kind}.txt", rows)


def _2021(track: str, yard: Yard) -> None:
    rows = []
    for place, subset in enumerate(("eval", "progress", "hidden")):
        for clip in yard.clips(f"eval/{subset}"):
            name = f"{track}_E_{9_000_001 + 100_000 * place + clip.number}"
            part = f"ASVspoof2021_DF_eval_part{clip.number % 2:02}/" if track == "DF" else ""
            yard.audio(f"{part}ASVspoof2021_{track}_eval/flac/{name}.flac", clip.wave)
            attack, word = ("bonafide" if clip.label else f"A{7 + clip.attack:02}"), _WORDS[clip.label]
            front, codec = f"LA_{clip.speaker:04} {name}", _CODECS[clip.number // 2 % len(_CODECS)]
            if track == "LA":
                rows.append(f"{front} {codec} ita_tx {attack} {word} notrim {subset}")
            else:
                vocoder = "bonafide" if clip.label else ("neural_vocoder", "traditional_vocoder")[clip.attack % 2]
                rows.append(f"{front} {codec} asvspoof {attack} {word} notrim {subset} {vocoder} - - - -")
    yard.text(f"keys/{track}/CM/trial_metadata.txt", rows)


def _asvspoof5(yard: Yard) -> None:
    places = {"train": ("ASVspoof5.train", "flac_T"), "dev": ("ASVspoof5.dev.track_1", "flac_D")}
    places["eval"] = ("ASVspoof5.eval.track_1", "flac_E_eval")
    for split, (key, folder) in places.items():
        rows = []
        for clip in yard.clips(f"{split}/"):
            name = f"{_LETTERS[split]}_{clip.number + 1:010}"
            yard.audio(f"{folder}/{name}.flac", clip.wave)
            codec = ("-", "-") if split != "eval" or not clip.number % 4 else (f"C{1 + clip.number % 3:02}", "2")
            speaker, attack = f"{_LETTERS[split]}_{clip.speaker:04}", "bonafide" if clip.label else _name(clip, 9)
            tag = "-" if clip.label else "AC1"
            rows.append(f"{speaker} {name} F {codec[0]} {codec[1]} - {tag} {attack} {_WORDS[clip.label]} -")
        yard.text(f"{key}.tsv", rows)


def _in_the_wild(yard: Yard) -> None:
    rows = ["file,speaker,label"]
    for clip in yard.clips("/"):
        yard.audio(f"release_in_the_wild/{clip.number}.wav", clip.wave)
        rows.append(f"{clip.number}.wav,Speaker {clip.speaker},{'bona-fide' if clip.label else 'spoof'}")
    yard.text("release_in_the_wild/meta.csv", rows)


def _mlaad(yard: Yard) -> None:
    for clip in yard.clips("/"):
        language = _LANGUAGES[clip.number // 2 % len(_LANGUAGES)]
        if clip.label:
            book = f"{language}_{language.upper()}/by_book/female/reader_{clip.speaker}/book/wavs"
            yard.audio(f"M-AILABS/{book}/book_{clip.number:04}.wav", clip.wave)
        else:
            yard.audio(f"fake/{language}/system_{clip.attack}/book_{clip.number:04}.wav", clip.wave)


def _wavefake(yard: Yard) -> None:
    kinds = ("ljspeech_melgan", "ljspeech_hifiGAN", "jsut_parallel_wavegan")
    for clip in yard.clips("/", len(kinds)):
        if not clip.label:
            yard.audio(f"generated_audio/{kinds[clip.attack]}/{clip.number:04}_gen.wav", clip.wave)
        elif clip.speaker % 2:
            yard.audio(f"jsut_ver1.1/basic5000/wav/BASIC5000_{clip.number:04}.wav", clip.wave)
        else:
            yard.audio(f"LJSpeech-1.1/wavs/LJ001-{clip.number:04}.wav", clip.wave)


def _for(yard: Yard) -> None:
    for split, word in (("train", "training"), ("dev", "validation"), ("eval", "testing")):
        for clip in yard.clips(f"{split}/{word}"):
            yard.audio(f"for-norm/{word}/{'real' if clip.label else 'fake'}/file{clip.number}.wav", clip.wave)


def _spoofceleb(yard: Yard) -> None:
    for split, word in (("train", "train"), ("dev", "development"), ("eval", "evaluation")):
        rows = ["file,speaker,attack"]
        for clip in yard.clips(f"{split}/"):
            attack, speaker = ("a00" if clip.label else f"a{1 + clip.attack:02}"), f"id{10_001 + clip.speaker}"
            file = f"{attack}/{speaker}/{word}video-{clip.number:05}-001.flac"
            yard.audio(f"spoofceleb/flac/{word}/{file}", clip.wave)
            rows.append(f"{file},{speaker},{attack}")
        yard.text(f"spoofceleb/metadata/{word}.csv", rows)


def _codecfake(yard: Yard) -> None:
    places = {"train": ("train/", "train"), "dev": ("dev/", "dev")}
    places |= {name: (f"eval/{name}", f"test/{name}") for name in ("C1", "C2", "A1")}
    for name, (part, folder) in places.items():  # the genuine recordings of C1 recur in C2, as in the corpus
        rows = []
        first = {"train": 0, "dev": 1000}.get(name, 2000)
        for clip in yard.clips(part):
            file = f"SSB{clip.speaker:04}{first + clip.number:04}.wav"
            file = file if clip.label else f"F{1 + clip.attack:02}_{file}"
            yard.audio(f"{folder}/{file}", clip.wave)
            rows.append(f"{file} {'real 0' if clip.label else f'fake {1 + clip.attack}'}")
        yard.text(f"label/{name}.txt", rows)


def _partialspoof(yard: Yard) -> None:
    """The spoofed ones are genuine around their middle third; '1' marks genuine frames."""
    for split, letter in _LETTERS.items():
        rows, frames = [], {}
        for clip in yard.clips(f"{split}/"):
            name = f"{'LA' if clip.label else 'CON'}_{letter}_{clip.number + 1:07}"
            labels = np.full(int(np.ceil(len(clip.wave) / RATE / _FRAME)), "1")
            if not clip.label:
                labels[len(labels) // 3 : 2 * len(labels) // 3] = "0"
            frames[name] = labels
            yard.audio(f"database/{split}/con_wav/{name}.wav", clip.wave)
            rows.append(f"LA_{clip.speaker:04} {name} - {'-' if clip.label else 'CON'} {_WORDS[clip.label]}")
        yard.text(f"database/protocols/PartialSpoof_LA_cm_protocols/PartialSpoof.LA.cm.{split}.trl.txt", rows)
        labels_file = yard.root / f"database/segment_labels/{split}_seglab_0.02.npy"
        labels_file.parent.mkdir(exist_ok=True)
        np.save(labels_file, np.array(frames, dtype=object), allow_pickle=True)


def _folder(yard: Yard) -> None:
    for split in _LETTERS:
        for clip in yard.clips(f"{split}/"):
            kind = "real" if clip.label else f"fake/system_{clip.attack}"
            yard.audio(f"{split}/{kind}/{clip.number:03}.wav", clip.wave)


def _tsv(yard: Yard) -> None:
    rows = ["path\tlabel\tsplit\tsystem\tspeaker\tlanguage\tsource\tlicence\tseconds"]
    for split in _LETTERS:
        for clip in yard.clips(f"{split}/"):
            file = f"audio/{split}/{clip.number:03}.flac"
            yard.audio(file, clip.wave)
            system = "human" if clip.label else f"system-{clip.attack}"
            language, seconds = _LANGUAGES[clip.speaker % len(_LANGUAGES)], len(clip.wave) / RATE
            tail = f"speaker-{clip.speaker}\t{language}\tmade\tCC0-1.0\t{seconds:.2f}"
            rows.append(f"{file}\t{_WORDS[clip.label]}\t{split}\t{system}\t{tail}")
    yard.audio("audio/noise.flac", (0.1 * yard.rng.standard_normal(RATE)).astype(np.float32))
    rows.append("audio/noise.flac\tnoise\ttrain\tbackground\t\t\tmade\tCC0-1.0\t1.00")
    yard.text("corpus.tsv", rows)


MAKERS: dict[str, Callable[[Yard], None]] = {
    "asvspoof2019-la": _la2019,
    "asvspoof2021-la": partial(_2021, "LA"),
    "asvspoof2021-df": partial(_2021, "DF"),
    "asvspoof5": _asvspoof5,
    "in-the-wild": _in_the_wild,
    "mlaad": _mlaad,
    "wavefake": _wavefake,
    "for": _for,
    "spoofceleb": _spoofceleb,
    "codecfake": _codecfake,
    "partialspoof": _partialspoof,
    "folder": _folder,
    "tsv": _tsv,
}
