"""What takes a prompt apart and puts it together again: two speech coders, a phase guesser, a voice changer.

None of them is in training, in dev, in the first test or among the augmentations.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from recipes.builtin.manifest import RATE, Wave
from recipes.builtin.mel import Analysis, filters
from recipes.builtin.packages import module, run
from recipes.builtin.second.line import NARROW, narrow
from recipes.builtin.vocode import Copy

MODES = ("3200", "2400", "1600", "1400", "1300", "1200", "700C")  # bits a second
FRAME = NARROW // 25  # 40 ms, the longest frame: what doesn't fill one is dropped
DELAY = {"codec2": NARROW * 15 // 1000, "lpc10": NARROW * 130 // 1000}  # measured on the prompts, by envelope
MEL = Analysis(rate=RATE)
ROUNDS = 60


def _given(wave: Wave, name: str) -> bytes:
    """What a coder reads: the wave and so much silence that it gives all of it back."""
    return np.pad(narrow(wave), (0, FRAME + DELAY[name])).tobytes()


def _made(samples: NDArray[np.int16], name: str) -> Wave:
    """What a coder wrote, at 16 kHz and without its delay."""
    wave: Wave = soxr.resample(samples[DELAY[name] :].astype(np.float32) / 32768, NARROW, RATE, quality="HQ")
    return wave


def codec2(_work: Path) -> Copy:
    """Sinusoids at the harmonics of a coded pitch, phases made up: David Rowe's coder, at any of its rates."""

    def copy(wave: Wave, rng: np.random.Generator) -> tuple[Wave, str]:
        mode = str(rng.choice(MODES))
        bits = subprocess.run(
            ["c2enc", mode, "-", "-"], input=_given(wave, "codec2"), capture_output=True, check=True
        ).stdout
        made = subprocess.run(["c2dec", mode, "-", "-"], input=bits, capture_output=True, check=True).stdout
        return _made(np.frombuffer(made, np.int16), "codec2")[: len(wave)], mode.lower()

    return copy


def lpc10(_work: Path) -> Copy:
    """Ten prediction coefficients driven by pulses or noise at 2 400 bits a second: FS-1015, as sox has it."""

    def copy(wave: Wave, _rng: np.random.Generator) -> tuple[Wave, str]:
        with tempfile.TemporaryDirectory() as folder:
            plain, coded, out = (str(Path(folder) / name) for name in ("in.raw", "coded.lpc10", "out.raw"))
            raw = ("-t", "raw", "-r", str(NARROW), "-e", "signed", "-b", "16", "-c", "1")
            Path(plain).write_bytes(_given(wave, "lpc10"))
            run("sox", *raw, plain, coded)
            run("sox", coded, *raw, out)
            return _made(np.fromfile(out, np.int16), "lpc10")[: len(wave)], ""

    return copy


def griffin_lim(_work: Path) -> Copy:
    """80 mel bands back to a spectrum, phases guessed by turns of transform and inverse (Griffin and Lim, 1984)."""
    invert = np.linalg.pinv(filters(MEL.rate, MEL.fft, MEL.bands, MEL.low, MEL.high))

    def copy(wave: Wave, rng: np.random.Generator) -> tuple[Wave, str]:
        magnitude = np.maximum(1e-5, np.exp(MEL(wave)).T @ invert.T)  # (T, bins)
        return guessed(magnitude, rng).astype(np.float32), ""

    return copy


def guessed(magnitude: NDArray[np.float64], rng: np.random.Generator, rounds: int = ROUNDS) -> NDArray[np.float64]:
    """(T, bins) of MEL's frames -> (T hop,): the wave whose spectrum comes near; momentum as Perraudin (2013)."""
    spectrum = magnitude * np.exp(2j * np.pi * rng.random(magnitude.shape))
    last = spectrum
    for _ in range(rounds):
        heard = _frames(_overlapped(spectrum), len(magnitude))
        ahead = heard + 0.99 * (heard - last)
        last, spectrum = heard, magnitude * np.exp(1j * np.angle(ahead))
    pad = (MEL.fft - MEL.hop) // 2
    return _overlapped(spectrum)[pad : pad + len(magnitude) * MEL.hop]


def _frames(wave: NDArray[np.float64], count: int) -> NDArray[np.complex128]:
    rows = np.lib.stride_tricks.sliding_window_view(wave, MEL.fft)[:: MEL.hop][:count]
    return np.fft.rfft(rows * np.hanning(MEL.fft + 1)[:-1])


def _overlapped(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Frames added up where they lie, weighed by their window; as long as the padded wave."""
    window = np.hanning(MEL.fft + 1)[:-1]
    made: NDArray[np.float64] = np.zeros((len(spectrum) - 1) * MEL.hop + MEL.fft)
    weight = np.full(len(made), 1e-3)
    for place, frame in enumerate(np.fft.irfft(spectrum, MEL.fft) * window):
        made[place * MEL.hop : place * MEL.hop + MEL.fft] += frame
        weight[place * MEL.hop : place * MEL.hop + MEL.fft] += window**2
    made /= weight
    return made


def psola(work: Path) -> Copy:
    """Another pitch, melody, pace and throat by moving pitch periods, as Praat's "Change gender" does it."""
    praat = module("praat-parselmouth==0.4.7", "parselmouth", work)

    def copy(wave: Wave, rng: np.random.Generator) -> tuple[Wave, str]:
        sound = praat.Sound(wave.astype(np.float64), RATE)
        pitch = praat.praat.call(sound, "To Pitch", 0.0, 75, 600)
        median = praat.praat.call(pitch, "Get quantile", 0.0, 0.0, 0.5, "Hertz")
        moved = 0.0 if np.isnan(median) else median * 2 ** (rng.choice([-1, 1]) * rng.uniform(2, 5) / 12)
        made = praat.praat.call(sound, "Change gender", 75, 600, rng.uniform(1.0, 1.12), moved, rng.uniform(0.6, 1.4),
                                rng.uniform(0.9, 1.15))  # fmt: skip
        return np.asarray(made.values[0], np.float32), ""

    return copy
