"""What a window of speech went through, as far as it changes what a model's score is worth: a telephone, or noise.

A telephone, and whatever else samples at 8 kHz, leaves nothing above 4 kHz: in other speech the loudest treble, that of
an s, is within 40 dB of the loudest frames. Noise fills the pauses: the quietest frames of clean speech are 28 dB and
more below the loud ones. docs/built-in-model.md tells how often clean clips are taken for either.
"""

from typing import Literal

import numpy as np

from fakemamba.audio.activity import Activity

Condition = Literal["telephone", "noise"]

TREBLE = -40.0  # dB of the whole: below it there is none
PAUSES = -28.0  # dB of the loud frames: above it there are none
FEWEST = 150  # frames, 3 s: in less nobody need have paused
_LOUDEST, _LOUD, _QUIET = 98.0, 95.0, 5.0  # percentiles over frames


def condition(heard: Activity) -> Condition | None:
    """Which of the two a window went through; None for neither. A telephone in a noisy place is a telephone."""
    if heard.spectra is None:
        return None
    if treble(heard) < TREBLE:
        return "telephone"
    return "noise" if len(heard.sound) >= FEWEST and pauses(heard) > PAUSES else None


def treble(heard: Activity) -> float:
    """Decibels of what lies above 4.25 kHz in the frames that have most of it, of the loudest frames."""
    assert heard.spectra is not None
    high, whole = (np.percentile(power, _LOUDEST) for power in (heard.spectra.treble, heard.spectra.power))
    return 10 * float(np.log10((high + 1e-20) / (whole + 1e-20)))


def pauses(heard: Activity) -> float:
    """Decibels of the quietest frames, of the loud ones."""
    assert heard.spectra is not None
    quiet, loud = np.percentile(heard.spectra.level, (_QUIET, _LOUD))
    return float(quiet - loud)
