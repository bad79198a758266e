"""Audio in: any source -> float32 mono 16 kHz in [-1, 1], streamed; windows over it; where speech is plausible."""

from fakemamba.audio.activity import Activity, activity, speech_activity
from fakemamba.audio.condition import Condition, condition
from fakemamba.audio.domain import Outside, outside
from fakemamba.audio.source import Source
from fakemamba.audio.spectra import FRAME
from fakemamba.audio.stream import SAMPLE_RATE, AudioStream, load_audio, open_audio
from fakemamba.audio.windows import windows

__all__ = [
    "FRAME",
    "SAMPLE_RATE",
    "Activity",
    "AudioStream",
    "Condition",
    "Outside",
    "Source",
    "activity",
    "condition",
    "load_audio",
    "open_audio",
    "outside",
    "speech_activity",
    "windows",
]
