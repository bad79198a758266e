"""A voice out of a measured throat: VocalTractLab's tube, from the phones that espeak-ng writes, with a melody by rule.

The library and its one speaker lie in the package paule (GPL-3), whose own networks aren't used.
"""

import ctypes
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.manifest import Wave
from recipes.builtin.packages import wheel

# The speaker is a German; sounds that he lacks are made of their neighbours.
PHONES = {
    "tʃ": "tS", "dʒ": "dZ", "ts": "ts", "ɑ̃": "a N", "ɛ̃": "E N", "ɔ̃": "O N", "œ̃": "9 N", "ɲ": "n j", "ʎ": "l j",
    "ɐ": "a", "ɑ": "a", "ɛ": "E", "ɪ": "i", "ɔ": "O", "ʊ": "u", "ø": "2", "œ": "9", "ə": "@", "ɥ": "y", "w": "u",
    "ɡ": "g", "ʃ": "S", "ʒ": "Z", "ŋ": "N", "ɾ": "R", "r": "R", "ʁ": "R", "θ": "T", "ð": "D", "β": "v", "ɣ": "g",
    "ʝ": "j", **{same: same for same in "aeiouypbtdkgfvszmnljxh"},
}  # fmt: skip
SPOKEN = re.compile("|".join([*map(re.escape, sorted(PHONES, key=len, reverse=True)), "[ˈˌː ]"]))
VOWELS = set("aeiouyEO29@")
F0 = re.compile(r'(<gesture_sequence type="f0-gestures" unit="st">).*?(</gesture_sequence>)', re.DOTALL)


@dataclass(frozen=True)
class Phone:
    """A sound, its seconds, and whether it bears a stress."""

    name: str
    seconds: float
    stressed: bool = False


def phones(ipa: str, pace: float, rng: np.random.Generator) -> list[Phone]:
    """What espeak-ng writes as sounds with lengths by rule; `pace` stretches all of them."""
    made, stress = [Phone("", 0.05)], False
    for sign in SPOKEN.findall(ipa):
        if sign in "ˈˌ":
            stress = sign == "ˈ"
        elif sign == "ː":
            made[-1] = Phone(made[-1].name, made[-1].seconds * 1.5, made[-1].stressed)
        elif sign != " ":
            for name in PHONES[sign].split():
                vowel = name in VOWELS
                seconds = (0.115 if stress else 0.075) if vowel else 0.065
                made.append(Phone(name, seconds * pace * rng.uniform(0.85, 1.15), stress and vowel))
                stress = stress and not vowel
    return [*made, Phone("", 0.15)]


def melody(sounds: list[Phone], base: float, rng: np.random.Generator) -> str:
    """The pitch gestures: falling over the sentence, up at each stress; semitones above 1 Hz."""
    total, at, lines = sum(p.seconds for p in sounds), 0.0, []
    for phone in sounds:
        value = base + 2.0 - 5.0 * at / total + (rng.uniform(1.5, 4.5) if phone.stressed else rng.uniform(-0.4, 0.4))
        lines.append(f'<gesture value="{value:.4f}" slope="0" duration_s="{phone.seconds:.6f}" '
                     'time_constant_s="0.03" neutral="0" />')  # fmt: skip
        at += phone.seconds
    return "\n".join(lines)


def spell(text: str, language: str) -> str:
    """The text's sounds in IPA, a sentence a line made one."""
    asked = ["espeak-ng", "-q", "--ipa", "-v", language, text]
    return " ".join(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split())


def _library(work: Path) -> ctypes.CDLL:
    folder = wheel("paule==0.4.8", work) / "paule" / "vocaltractlab_api"
    library = ctypes.CDLL(str(folder / "libVocalTractLabApi.so"))
    if library.vtlInitialize(str(folder / "JD3.speaker").encode()):
        raise SystemExit(
            "VocalTractLab did not take its own speaker; the package paule is damaged, remove it and rerun"
        )
    return library


def speaker(work: Path) -> Callable[[str, str, np.random.Generator], tuple[Wave, int]]:
    """`speak(text, language, rng)` -> wave, rate; another pitch, pace and way of phonation every time."""
    library = _library(work)

    def speak(text: str, language: str, rng: np.random.Generator) -> tuple[Wave, int]:
        sounds = phones(spell(text, language), rng.uniform(0.85, 1.2), rng)
        pitch, phonation = rng.uniform(78, 90), str(rng.choice(["modal", "breathy", "pressed", "hoarse"]))
        with tempfile.TemporaryDirectory() as folder:
            listed, score, out = (Path(folder) / name for name in ("a.seg", "a.ges", "a.wav"))
            listed.write_text("".join(f"name = {p.name}; duration_s = {p.seconds:.6f};\n" for p in sounds))
            library.vtlSegmentSequenceToGesturalScore(str(listed).encode(), str(score).encode(), 0)
            told = F0.sub(lambda m: f"{m[1]}\n{melody(sounds, pitch, rng)}\n{m[2]}", score.read_text())
            score.write_text(told.replace('value="modal"', f'value="{phonation}"'))
            count = ctypes.c_int(0)
            failed = library.vtlGesturalScoreToAudio(
                str(score).encode(), str(out).encode(), None, ctypes.byref(count), 0
            )
            if failed or not out.exists():
                raise SystemExit(f"VocalTractLab spoke nothing (error {failed}) for: {text}")
            wave, rate = sf.read(out, dtype="float32")
        return wave / max(1e-6, float(np.abs(wave).max())), rate

    return speak
