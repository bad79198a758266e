"""Is what sounds like speech really speech, and fit to be judged? Music, singing and heavy clipping are not.

Where nothing is pitched, broad and moving there is no speech at all: `activity` says so, and keeps noise, tones, hum
and silence out. What is left is told apart by how it moves. Speech swings: syllables let the level fall deep and rise
again 2 to 8 times a second, pitch glides, pauses are quiet. Notes are held: the fine structure along frequency stays
where it is for hundreds of milliseconds, the level hardly falls, and beats and basses fill what speech leaves empty.

Eight numbers of that kind, measured over a window, weighed and added: above 0 it is music or singing. The weights were
fitted once to speech and to music of many kinds; the fit is not part of this project. docs/built-in-model.md tells how
often speech is taken for music.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio.activity import Activity, motion
from fakemamba.audio.spectra import FRAME, FloatArray, Spectra

Outside = Literal["music", "clipping"]

SHORTEST = 75  # frames, 1.5 s: notes and syllables need some time to show
CLIPPED = 0.08  # of the samples near the top, see `top_share`: about a tenth of them cut off

_LOUD, _TOP = 30.0, 95.0  # dB below this percentile of the levels is what counts as sound here
_VOICED = 0.2  # height of the autocorrelation
_STEADY = 10.0  # cents between neighbouring frames: a held note, not a voice that speaks
_SYLLABLES = (2.0, 8.0)  # Hz
_SLOWEST = 0.25  # Hz; slower than any syllable or beat
_FFT = 512  # frames
_RATE = 50.0  # frames a second


@dataclass(frozen=True)
class Weight:
    """A measure's mean and spread over the windows that it was fitted on, and what it adds: by its distance from the
    mean in spreads, and by the square of that, since some measures are unusual on both sides."""

    mean: float
    spread: float
    linear: float
    square: float


WEIGHTS = {
    "syllabic": Weight(0.4328, 0.1944, -0.288, -0.158),
    "faint": Weight(0.2799, 0.1669, -0.945, 0.292),
    "bass": Weight(-20.58, 12.4, 1.29, 0.479),
    "held": Weight(0.5727, 0.1168, -0.795, 0.0189),
    "held_long": Weight(0.6799, 0.1506, 1.27, 0.499),
    "motion": Weight(2.915, 1.248, -1.63, 0.0463),
    "colours": Weight(6.917, 1.481, 0.452, 0.101),
    "steady": Weight(0.4029, 0.273, 0.793, -0.626),
}
BIAS = -1.579
FARTHEST = 3.0  # spreads from the mean: beyond, a measure says no more


def outside(wave: FloatArray, heard: Activity) -> Outside | None:
    """Why a window is nothing that a detector of fake speech should judge; None for speech.

    Args:
        wave: (N,) float32 mono at 16 kHz.
        heard: the `activity` of it.
    """
    if heard.spectra is None or not heard.speech.any():
        return None
    if top_share(wave, heard) > CLIPPED:
        return "clipping"
    if len(heard.sound) >= SHORTEST and musicality(heard.spectra) > 0:
        return "music"
    return None


def top_share(wave: FloatArray, heard: Activity) -> float:
    """The share of samples of sounding frames within 10 % of the 99th percentile of their magnitude, or above it.

    About 0.014 in speech; clipped speech gathers there whatever its level, and also after resampling.
    """
    sounding = np.repeat(heard.sound, FRAME)[: len(wave)]
    magnitude = np.abs(wave[sounding])
    if len(magnitude) == 0:
        return 0.0
    return float(np.mean(magnitude >= 0.9 * np.quantile(magnitude, 0.99)))


def musicality(frames: Spectra) -> float:
    """The weighed sum of `measures`; above 0 for music and singing."""
    total = BIAS
    for name, found in measures(frames).items():
        one = WEIGHTS[name]
        away = min(max((found - one.mean) / one.spread, -FARTHEST), FARTHEST)
        total += one.linear * away + one.square * away**2
    return total


def measures(frames: Spectra) -> dict[str, float]:
    """The numbers that tell music from speech, of T frames.

    - syllabic: of the level's swings, the share of those that come 2-8 times a second
    - faint: the share of frames below half the mean
    - bass: what lies below 94 Hz, in the sound (dB of all)
    - held, held_long: how much of the fine structure stays for 60 ms (mean) and for 200 ms (its best tenth)
    - motion, colours: how fast the band levels move (dB in 60 ms, the slowest quarter), how far they spread (dB)
    - steady: the share of voiced frames whose pitch is the one before, within 10 cents
    """
    level = 10 * np.log10(frames.power + 1e-10)
    loud = level > np.percentile(level, _TOP) - _LOUD
    envelope = np.sqrt(frames.power)
    return {
        "syllabic": _syllabic(envelope),
        "faint": float(np.mean(envelope < 0.5 * envelope.mean())),
        "bass": 10 * float(np.log10((frames.bass[loud].sum() + 1e-12) / (frames.power[loud].sum() + 1e-12))),
        "held": float(np.mean(_known(frames.hold_short[loud]))),
        "held_long": float(np.percentile(_known(frames.hold_long[loud]), 90)),
        "motion": float(np.percentile(_known(motion(frames.shape)[loud]), 25)),
        "colours": float(frames.shape[loud].std(axis=0).mean()) if loud.any() else 0.0,
        "steady": _steady(frames, loud),
    }


def _syllabic(envelope: FloatArray) -> float:
    hann = np.hanning(len(envelope) + 2)[1:-1]
    power = np.abs(np.fft.rfft((envelope / (envelope.mean() + 1e-9) - 1.0) * hann, max(_FFT, len(envelope)))) ** 2
    hertz = np.linspace(0.0, _RATE / 2, len(power))
    inside = power[(hertz >= _SYLLABLES[0]) & (hertz < _SYLLABLES[1])].sum()
    return float(inside / (power[hertz > _SLOWEST].sum() + 1e-9))


def _steady(frames: Spectra, loud: NDArray[np.bool_]) -> float:
    voiced = loud & (frames.pitch > _VOICED)
    both = voiced[1:] & voiced[:-1]
    cents = 1200 * np.abs(np.diff(np.log2(frames.lag)))[both]
    return float(np.mean(cents < _STEADY)) if len(cents) else 0.0


def _known(values: FloatArray) -> FloatArray:
    """Those that are numbers; a single 0 where none is."""
    known = values[~np.isnan(values)]
    return known if len(known) else np.zeros(1, np.float32)
