"""Utterances of a data set as batches: read, augmented, brought to one length or masked."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import SAMPLE_RATE, load_audio
from fakemamba.data.dataset import Dataset
from fakemamba.train.augmenting import Augmenter
from fakemamba.train.batches import Batch
from fakemamba.train.settings import BatchConfig

Wave = NDArray[np.float32]
CROP, LENGTH, BUCKET = 21, 22, 23  # purposes of a seed


class Order(Protocol):
    """The rows of an epoch: `fakemamba.data.sampling.EpochSampler`."""

    def __len__(self) -> int: ...

    def order(self, epoch: int) -> NDArray[np.int64]:
        """(n,) rows of the data set, in the order in which the epoch takes them."""
        ...


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
        return [int(row) for row in np.argsort(self.seconds(), kind="stable")]

    def seconds(self) -> NDArray[np.float64]:
        """(n,) what the corpus says of each clip's length, as far as it is used; 0 where it says nothing."""
        most = self.samples / SAMPLE_RATE
        return np.array([min(u.seconds or 0.0, most) for u in self.dataset.utterances])

    def wave(self, row: int, key: Sequence[int], samples: int) -> Wave:
        """One clip as training hears it; `key` tells its draws from those of others."""
        rng = np.random.default_rng([self._seed, CROP, *key])
        wave = load_audio(self.dataset.utterances[row].path)
        if self.crop == "random" and len(wave) > samples:
            start = int(rng.integers(len(wave) - samples + 1))
            wave = wave[start : start + samples]
        if self._augment is not None:
            wave = self._augment(wave, rng)  # of the whole clip, as released: levels are those of all that is heard
        if self.masked:
            return wave[:samples]
        return np.resize(wave, samples) if len(wave) < samples else wave[:samples]

    def batch(self, rows: Sequence[int], keys: Sequence[Sequence[int]], samples: int | None = None) -> Batch:
        """The clips of some rows, each with its key, cut to `samples`."""
        waves = [self.wave(row, key, samples or self.samples) for row, key in zip(rows, keys, strict=True)]
        targets = self.targets[np.asarray(rows, dtype=np.int64)]
        if not self.masked:
            return Batch(np.stack(waves) if waves else np.zeros((0, 1), np.float32), targets)
        lengths = np.array([len(wave) for wave in waves], dtype=np.int64)
        padded = np.zeros((len(waves), int(lengths.max(initial=1))), np.float32)
        for place, wave in zip(padded, waves, strict=True):
            place[: len(wave)] = wave
        return Batch(padded, targets, lengths)


class CorpusBatches:
    """`Batches` of a data set: an epoch is what the sampler says, the rest that fills no batch is dropped.

    Args:
        clips: what the rows mean.
        order: the rows of every epoch.
        config: how many at once, and how long.
        seed: of lengths and buckets.

    Raises:
        DataError: not one batch in an epoch.
    """

    def __init__(self, clips: Clips, order: Order, config: BatchConfig, *, seed: int) -> None:
        self._clips, self._order, self._config, self._seed = clips, order, config, seed
        self.per_epoch = len(order) // config.size
        self._rows = lru_cache(maxsize=2)(self._rows_of)

    def batch(self, number: int, rank: int = 0, ranks: int = 1) -> Batch:
        """Clips rank, rank + ranks, … of a step's batch."""
        epoch, place = divmod(number, self.per_epoch)
        rows = self._rows(epoch)[place]
        mine = range(rank, len(rows), ranks)
        samples = None
        if self._config.lengths:
            drawn = np.random.default_rng([self._seed, LENGTH, number]).choice(self._config.lengths)
            samples = round(float(drawn) * SAMPLE_RATE)
        return self._clips.batch([int(rows[i]) for i in mine], [(number, i) for i in mine], samples)

    def _rows_of(self, epoch: int) -> NDArray[np.int64]:
        """(steps, size) rows of an epoch's batches."""
        size = self._config.size
        order = np.asarray(self._order.order(epoch), dtype=np.int64)[: self.per_epoch * size]
        if self._config.variable:
            order = self._alike(order, np.random.default_rng([self._seed, BUCKET, epoch]))
        return order.reshape(self.per_epoch, size)

    def _alike(self, order: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """The same rows; within stretches of 50 batches those of like length stand together, batches shuffled."""
        size, seconds = self._config.size, self._clips.seconds()
        whole = []
        for start in range(0, len(order), 50 * size):
            part = order[start : start + 50 * size]
            batches = part[np.argsort(seconds[part], kind="stable")].reshape(-1, size)
            whole.append(rng.permutation(batches).ravel())
        return np.concatenate(whole)
