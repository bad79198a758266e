"""Detection while the audio runs: chunks -> hops -> windows that need scores -> events.

    chunk --intake--> 16 kHz --listener--> windows --scorer--> scores --track--> events

`Stream` ties them together; `Detector.stream` makes one.
"""

from fakemamba.stream.config import StreamConfig
from fakemamba.stream.events import End, Event, FakeEnded, FakeStarted, ScoreUpdate, Unsure
from fakemamba.stream.listener import Window
from fakemamba.stream.stream import Stream, score_windows

__all__ = [
    "End",
    "Event",
    "FakeEnded",
    "FakeStarted",
    "ScoreUpdate",
    "Stream",
    "StreamConfig",
    "Unsure",
    "Window",
    "score_windows",
]
