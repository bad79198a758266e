"""What the stream's tests share: a detector whose scores are known, and sound to feed it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fakemamba.detect import Detector
from fakemamba.stream import Event, Stream
from fakes import RATE, FakeScorer, Wave, speech, tiny_card, tiny_config


def by_loudness(wave: Wave) -> float:
    """4 - 80 mean|x|: the voice at level 0.2 is real (about 3), at full level fake (about -3)."""
    return 4.0 - 80.0 * float(np.abs(wave).mean())


def detector(rule: Callable[[Wave], float] = by_loudness, **card: Any) -> Detector:
    return Detector(
        FakeScorer(rule), tiny_card(**{"model": tiny_config(short="as_is"), **card}), model_sha256="ab" * 32
    )


def said(stream: Stream, chunks: list[Any], rate: float | None = None) -> list[Event]:
    """All events of a stream that hears these chunks and ends."""
    events = [event for chunk in chunks for event in stream.feed(chunk, rate)]
    return events + stream.end()


def spliced(before: float, fake: float, after: float) -> Wave:
    """A quiet voice, a loud one, a quiet one; seconds."""
    return np.concatenate(
        [speech(before, level=0.2), speech(fake, seed=1, level=1.0), speech(after, seed=2, level=0.2)]
    )


def silence(seconds: float) -> Wave:
    return np.zeros(round(seconds * RATE), np.float32)


def kinds(events: list[Event], *, scores: bool = False) -> list[str]:
    return [event.event for event in events if scores or event.event != "score"]
