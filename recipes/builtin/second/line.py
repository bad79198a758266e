"""The prompts' own line, for fakes: 8 kHz and, where the prompts' package is, GSM; or bandwidth alone would tell."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

from recipes.builtin.human import decode
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.packages import run
from recipes.builtin.second.human import PACKAGES

NARROW = 8_000
CODED = {package.name for package in PACKAGES if package.pattern.endswith(".gsm")}


def narrow(wave: Wave) -> NDArray[np.int16]:
    """16 kHz in [-1, 1] -> 8 kHz in 16 bits, peaks brought under full scale."""
    made = soxr.resample(wave, RATE, NARROW, quality="HQ")
    made = made * (0.99 / max(0.99, float(np.abs(made).max(initial=0.0))))
    samples: NDArray[np.int16] = np.round(made * 32767).astype(np.int16)
    return samples


def through(samples: NDArray[np.int16], source: str) -> Wave:
    """8 kHz samples as a recording of that package would have reached the test, at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        plain, coded = Path(folder) / "line.wav", Path(folder) / "line.gsm"
        sf.write(plain, samples, NARROW, subtype="PCM_16")
        if source not in CODED:
            return decode(plain)
        run("ffmpeg", "-v", "error", "-y", "-i", str(plain), "-c:a", "libgsm", "-f", "gsm", str(coded))
        return decode(coded)


def like(wave: Wave, prompt: Clip) -> Wave:
    """A wave at 16 kHz through the line of a prompt."""
    return through(narrow(wave), prompt.source)
