"""The audio that an export is checked with: what the user names, or voices made up here."""

from pathlib import Path

import numpy as np

from fakemamba.audio import SAMPLE_RATE
from fakemamba.config import ModelConfig
from fakemamba.data.corpora.files import audio_below
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.hum import hum
from fakemamba.data.waves import read_wave
from fakemamba.errors import AudioError, ConfigError, DataError
from fakemamba.evaluation.sources import open_dataset, thinned
from fakemamba.scorer import FloatArray

PREFERRED = "dev"  # the split that is taken where the user names none and there is one; else all
MADE_UP = 24  # clips, where there is no audio
CLIPS = 8  # that drifts and ranges are measured on


def open_check(named: str | Path, *, split: str | None = None, limit: int | None = None) -> Dataset:
    """What `--check` names: a data set as `fakemamba evaluate` takes it, or any folder of recordings.

    Args:
        named: see `fakemamba.evaluation.sources.open_dataset`; also a folder with a table, or without labels.
        split: of a corpus; None takes dev if there is one.
        limit: at most so many clips of each class.

    Raises:
        ConfigError, DataError: there is nothing of that kind.
    """
    place = Path(named)
    if place.is_dir() and (place / "corpus.tsv").is_file():
        named = place / "corpus.tsv"
    try:
        dataset = _labelled(named, split)
    except DataError:
        if split is not None or not place.is_dir() or not (names := audio_below(place)):
            raise
        dataset = _unlabelled(place, names)
    return dataset if limit is None else thinned(dataset, limit)


def made_up(room: Path) -> Dataset:
    """Voices without a speaker, as WAV files in `room`: where nothing else is at hand."""
    import soundfile

    rng = np.random.default_rng(0)
    utterances = []
    for number in range(MADE_UP):
        fake = number % 2 == 1
        wave = hum(rng, 2 + 3 * rng.random(), pitch=90 + 150 * rng.random(), fake=fake, attack=number % 5)
        path = room / f"voice-{number:02d}.wav"
        soundfile.write(path, wave, SAMPLE_RATE)
        utterances.append(Utterance(path.name, path, int(not fake), "made up"))
    return Dataset("voices made up for this check", tuple(utterances))


def windows_of(dataset: Dataset, model: ModelConfig, count: int = CLIPS) -> list[FloatArray]:
    """The first window of a few clips, evenly spread over the data set, each (1, N); what cannot be read is left out.

    Raises:
        AudioError: none could be read.
    """
    step = max(1, len(dataset) // count)
    found: list[FloatArray] = []
    reason = ""
    for utterance in dataset.utterances[::step]:
        try:
            found.append(read_wave(utterance, model.window)[None])
        except AudioError as error:
            reason = str(error)
        if len(found) == count:
            break
    if not found:
        raise AudioError(f"{dataset.name}: none of its clips can be read; {reason}")
    return found


def _labelled(named: str | Path, split: str | None) -> Dataset:
    if split is None:
        try:
            return open_dataset(named, split=PREFERRED)[0]
        except (ConfigError, DataError):  # it has no such split, or the next line says what is wrong with it
            split = "all"
    return open_dataset(named, split=split)[0]


def _unlabelled(folder: Path, names: list[str]) -> Dataset:
    """Every recording of a folder; the label is a placeholder, as a difference of scores needs none."""
    utterances = tuple(Utterance(name, folder / name, 1, "unlabelled") for name in names)
    return Dataset(folder.resolve().name, utterances, notes=("a folder without labels: only differences are told",))
