"""Speech-deepfake detection on any machine: real, fake or unsure, where, and how sure.

    import fakemamba
    result = fakemamba.load().detect("clip.wav")
    print(result.verdict, result.p_fake)

The names below are imported on first use, so that `import fakemamba` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakemamba.detect import Detector, load
    from fakemamba.evaluation import evaluate
    from fakemamba.result import JudgedWindow, Result, Segment
    from fakemamba.stream import Event, Stream, StreamConfig

__version__ = "0.1.0"
__all__ = [
    "Detector",
    "Event",
    "JudgedWindow",
    "Result",
    "Segment",
    "Stream",
    "StreamConfig",
    "__version__",
    "evaluate",
    "load",
]

_HOMES = {
    "Detector": "fakemamba.detect",
    "Event": "fakemamba.stream",
    "JudgedWindow": "fakemamba.result",
    "Result": "fakemamba.result",
    "Segment": "fakemamba.result",
    "Stream": "fakemamba.stream",
    "StreamConfig": "fakemamba.stream",
    "evaluate": "fakemamba.evaluation",
    "load": "fakemamba.detect",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fakemamba' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
