"""Utterances of a data set as batches: read, augmented, brought to one length or masked."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import SAMPLE_RATE
from fakemamba.data.dataset import Dataset
from fakemamba.data.sampling import EpochSampler
from fakemamba.data.waves import lengths, read_wave, repeat_to
from fakemamba.errors import DataError
from fakemamba.train.augmenting import Augmenter
from fakemamba.train.batches import Batch

Wave = NDArray[np.float32]
CROP, LENGTH = 21, 22  # purposes of a seed


class Clips:
    """A data set's clips, cut and augmented.

    Args:
        dataset: the utterances.
        samples: to which every clip is cut; shorter ones are repeated end to end, or masked if `masked`.
        masked: clips keep their own lengths up to `samples`.
        crop: from the first sample on, or from a drawn one.
        augment: what clips meet before the cut, or None.
        seed: of crops and augmentation; with a clip's key it says all.
    """

    def __init__(
        self, dataset: Dataset, *, samples: int, masked: bool, crop: Literal["first", "random"] = "first",
        augment: Augmenter | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.dataset, self.samples, self.masked, self.crop = dataset, samples, masked, crop
        self._augment, self._seed = augment, seed
        self.targets = dataset.labels

    def __len__(self) -> int:
        return len(self.dataset)

    def by_length(self) -> list[int]:
        """All rows; short clips first where that saves padding."""
        if not self.masked:
            return list(range(len(self)))
        seconds = np.minimum(np.nan_to_num(lengths(self.dataset)), self.samples / SAMPLE_RATE)
        return [int(row) for row in np.argsort(seconds, kind="stable")]

    def wave(self, row: int, key: Sequence[int], samples: int) -> Wave:
        """One clip as training hears it; `key` tells its draws from those of others."""
        rng = np.random.default_rng([self._seed, CROP, *key])
        utterance = self.dataset.utterances[row]
        if self.crop == "first" and self._augment is None and not self.masked:
            return read_wave(utterance, samples)  # without decoding the rest
        wave = read_wave(utterance)
        if self.crop == "random" and len(wave) > samples:
            start = int(rng.integers(len(wave) - samples + 1))
            wave = wave[start : start + samples]
        if self._augment is not None:
            wave = self._augment(wave, rng)  # of the whole clip, as released: levels are those of all that is heard
        return wave[:samples] if self.masked else repeat_to(wave, samples)

    def batch(self, rows: Sequence[int], keys: Sequence[Sequence[int]], samples: int | None = None) -> Batch:
        """The clips of some rows, each with its key, cut to `samples`."""
        waves = [self.wave(row, key, samples or self.samples) for row, key in zip(rows, keys, strict=True)]
        targets = self.targets[np.asarray(rows, dtype=np.int64)]
        if not self.masked:
            return Batch(np.stack(waves) if waves else np.zeros((0, 1), np.float32), targets)
        own = np.array([len(wave) for wave in waves], dtype=np.int64)
        padded = np.zeros((len(waves), int(own.max(initial=1))), np.float32)
        for place, wave in zip(padded, waves, strict=True):
            place[: len(wave)] = wave
        return Batch(padded, targets, own)


class CorpusBatches:
    """`Batches` of a data set, as its sampler orders them.

    Args:
        clips: what the sampler's rows mean.
        sampler: the rows of every batch of every epoch.
        seconds: that the clips of a batch are cut to, one drawn for each batch; empty for the clips' own `samples`.
        seed: of that draw.

    Raises:
        DataError: not one batch in the first epoch.
    """

    def __init__(self, clips: Clips, sampler: EpochSampler, *, seconds: Sequence[float] = (), seed: int = 0) -> None:
        self._clips, self._sampler, self._seconds, self._seed = clips, sampler, tuple(seconds), seed
        self._epoch: tuple[int, list[list[int]]] = -1, []
        if not self.count(0):
            raise DataError(f"{clips.dataset.name}: {len(clips)} clips don't fill one batch of {sampler.batch}")

    def count(self, epoch: int) -> int:
        """Batches of an epoch."""
        return len(self._rows(epoch))

    def batch(self, epoch: int, place: int, *, rank: int = 0, ranks: int = 1) -> Batch:
        """Clips rank, rank + ranks, … of a step's batch."""
        rows = self._rows(epoch)[place]
        mine = range(rank, len(rows), ranks)
        samples = None
        if self._seconds:
            drawn = np.random.default_rng([self._seed, LENGTH, epoch, place]).choice(self._seconds)
            samples = round(float(drawn) * SAMPLE_RATE)
        return self._clips.batch([rows[i] for i in mine], [(epoch, place, i) for i in mine], samples)

    def _rows(self, epoch: int) -> list[list[int]]:
        if self._epoch[0] != epoch:
            # Whole batches only: what like lengths leave over may be too few for all processes.
            self._epoch = epoch, [rows for rows in self._sampler.batches(epoch) if len(rows) == self._sampler.batch]
        return self._epoch[1]
