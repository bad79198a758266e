"""Audio in: any source -> float32 mono 16 kHz in [-1, 1], streamed; windows over it; where speech is plausible."""

from fakemamba.audio.activity import FRAME, Activity, activity, speech_activity
from fakemamba.audio.source import Source
from fakemamba.audio.stream import SAMPLE_RATE, AudioStream, load_audio, open_audio
from fakemamba.audio.windows import windows

__all__ = [
    "FRAME",
    "SAMPLE_RATE",
    "Activity",
    "AudioStream",
    "Source",
    "activity",
    "load_audio",
    "open_audio",
    "speech_activity",
    "windows",
]
