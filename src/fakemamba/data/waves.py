"""An utterance's audio as training takes it: whole, its first samples, or a stretch by chance; short ones repeated."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import SAMPLE_RATE, open_audio
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.errors import ConfigError

Wave = NDArray[np.float32]
Crop = Literal["first", "random"]


def read_wave(
    source: Utterance | str | Path,
    samples: int | None = None,
    *,
    crop: Crop = "first",
    rng: np.random.Generator | None = None,
) -> Wave:
    """Read one utterance at 16 kHz mono, whatever its rate and format.

    Args:
        source: an utterance, or a path.
        samples: how many to return; None returns the whole. Shorter audio is repeated end to end, as in the released
            recipe (REFERENCE section 2), not padded with zeros.
        crop: which stretch of longer audio: its beginning, or one that `rng` places.
        rng: for crop="random".

    Returns:
        (samples,) or (N,) float32 in [-1, 1].

    Raises:
        AudioError: the file is missing or no audio. ConfigError: numbers that cannot be.
    """
    path = source.path if isinstance(source, Utterance) else source
    if samples is not None and samples < 1:
        raise ConfigError(f"{samples} samples cannot be read")
    if samples is None:
        return _read(path, None)
    if crop == "first":
        return repeat_to(_read(path, samples), samples)
    if rng is None:
        raise ConfigError('crop="random" needs an rng')
    wave = _read(path, None)
    start = int(rng.integers(0, len(wave) - samples + 1)) if len(wave) > samples else 0
    return repeat_to(wave[start : start + samples], samples)


def repeat_to(wave: Wave, samples: int) -> Wave:
    """(N,) -> (samples,): cut, or repeated end to end."""
    return wave[:samples] if len(wave) >= samples else np.resize(wave, samples)


def with_seconds(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """The data set with every length filled in, from the files' headers where the corpus does not tell.

    Args:
        progress: called with (done, of).

    Raises:
        AudioError: a file is missing or no audio.
    """
    made = []
    for number, utterance in enumerate(dataset.utterances, 1):
        known = utterance.seconds is not None
        made.append(utterance if known else replace(utterance, seconds=_seconds(utterance.path)))
        if progress is not None:
            progress(number, len(dataset))
    return replace(dataset, utterances=tuple(made))


def lengths(dataset: Dataset) -> NDArray[np.float64]:
    """(n,) seconds, for an `EpochSampler`; `with_seconds` fills in what is not known."""
    return np.array([np.nan if u.seconds is None else u.seconds for u in dataset.utterances])


def _read(path: str | Path, at_most: int | None) -> Wave:
    """The audio, or its first samples without decoding the rest."""
    with open_audio(path) as stream:
        blocks, count = [], 0
        for block in stream.blocks():
            blocks.append(block)
            count += len(block)
            if at_most is not None and count >= at_most:
                break
    return np.concatenate(blocks)[:at_most]


def _seconds(path: Path) -> float:
    with open_audio(path) as stream:
        if stream.duration is not None:
            return stream.duration
        return sum(len(block) for block in stream.blocks()) / SAMPLE_RATE
