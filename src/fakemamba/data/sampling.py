"""Which utterances an epoch visits, in which order and batches: from (seed, epoch) alone, the same on every process."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.dataset import COLUMNS, Dataset
from fakemamba.errors import ConfigError

Rows = NDArray[np.int64]

# Batches whose clips are sorted among each other by length: enough to pad little, too few to order the epoch.
_BUCKET = 50


class EpochSampler:
    """Orders and batches of row numbers of a data set.

    Without `balance` an epoch visits each utterance once, or `weight` times: the fraction by chance, a new one each
    epoch. With it, as many draws as there are utterances are shared out equally among the values of the first column,
    within each among those of the second, and so on (corpora by their weights); within a share each utterance is drawn
    as often as any other, give or take one. Small shares thus repeat, large ones are sampled, anew each epoch.

    Args:
        dataset: what to draw from.
        seed: with the epoch's number it gives everything.
        batch: utterances per batch, over all processes together.
        balance: "class", or columns of the data set.
        seconds: of lengths given, a batch holds at most this many when padded to its longest; None: no limit.
        lengths: (n,) seconds of each utterance: batches are made of clips of like length; None: of any.
        drop_last: leave out the last, smaller batch (with lengths, where sizes differ anyway, only those clips of it
            that the processes cannot share evenly).
        rank, ranks: which process this is, and how many there are.

    Raises:
        ConfigError: numbers that cannot be, an unknown column.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        seed: int,
        batch: int = 20,
        balance: Sequence[str] = (),
        seconds: float | None = None,
        lengths: Sequence[float] | NDArray[np.float64] | None = None,
        drop_last: bool = True,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        _check(dataset, batch, seconds, lengths, rank, ranks)
        self.seed, self.batch, self.seconds, self.drop_last = seed, batch, seconds, drop_last
        self.rank, self.ranks = rank, ranks
        self._lengths = None if lengths is None else np.asarray(lengths, dtype=np.float64)
        self._weights = np.array([u.weight for u in dataset.utterances], dtype=np.float64)
        self._columns = [(name, _codes(dataset, name)) for name in balance]

    def order(self, epoch: int) -> Rows:
        """Every row that the epoch visits, shuffled; the same for all processes."""
        rng = self._rng(epoch)
        rows = self._balanced(rng) if self._columns else self._weighted(rng)
        return rng.permutation(rows)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """This process's share of every batch: those of all processes, one after the other, are the whole batch.

        Every process gets the same number of batches. With `drop_last` their shares are equally long; without, the
        last batch may leave some process with one less, or an empty list.
        """
        for rows in self._global(epoch):
            yield [int(row) for row in np.array_split(rows, self.ranks)[self.rank]]

    def count(self, epoch: int) -> int:
        """How many batches `batches` yields."""
        return len(self._global(epoch))

    def _rng(self, epoch: int, use: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, epoch, use])

    def _weighted(self, rng: np.random.Generator) -> Rows:
        """Each row floor(weight) times, and once more with the chance of the rest."""
        whole = np.floor(self._weights).astype(np.int64)
        more = rng.random(len(whole)) < self._weights - whole
        return np.repeat(np.arange(len(whole)), whole + more)

    def _balanced(self, rng: np.random.Generator) -> Rows:
        everything = np.arange(len(self._weights))
        return np.concatenate(list(self._share(everything, len(everything), 0, rng)))

    def _share(self, rows: Rows, draws: int, level: int, rng: np.random.Generator) -> Iterator[Rows]:
        """`draws` rows of `rows`, shared out by the columns from `level` on."""
        if level == len(self._columns):
            yield _spread(rows, self._weights[rows], draws, rng)
            return
        name, codes = self._columns[level]
        groups = _groups(rows, codes[rows])
        weighed = [self._weights[group].mean() if name == "corpus" else 1.0 for group in groups]
        for group, quota in zip(groups, _quotas(np.array(weighed), draws, rng), strict=True):
            yield from self._share(group, quota, level + 1, rng)

    def _global(self, epoch: int) -> list[Rows]:
        order = self.order(epoch)
        if self._lengths is None:
            cuts = [order[start : start + self.batch] for start in range(0, len(order), self.batch)]
            return cuts[:-1] if self.drop_last and cuts and len(cuts[-1]) < self.batch else cuts
        found = list(self._bucketed(order, self._lengths))
        return [found[place] for place in self._rng(epoch, 1).permutation(len(found)).tolist()]

    def _bucketed(self, order: Rows, lengths: NDArray[np.float64]) -> Iterator[Rows]:
        """Stretches of the shuffled order, sorted by length, cut into batches; what is left begins the next stretch."""
        left = order[:0]
        for start in range(0, len(order), self.batch * _BUCKET):
            stretch = np.concatenate([left, order[start : start + self.batch * _BUCKET]])
            stretch = stretch[np.argsort(lengths[stretch], kind="stable")]
            at = 0
            while (end := self._end(stretch, lengths, at)) is not None:
                yield stretch[at:end]
                at = end
            left = stretch[at:]
        shared = len(left) - len(left) % self.ranks if self.drop_last else len(left)
        if shared:
            yield left[:shared]

    def _end(self, stretch: Rows, lengths: NDArray[np.float64], at: int) -> int | None:
        """Where the batch that begins at `at` ends: full by count or by seconds; None if more clips could join it."""
        most = len(stretch) - at
        full = most >= self.batch
        size = min(most, self.batch)
        if self.seconds is not None:
            padded = np.arange(1, size + 1) * lengths[stretch[at : at + size]]  # sorted: the last is the longest
            fits = int(np.searchsorted(padded, self.seconds, side="right"))
            full, size = full or fits < size, min(size, fits)
        size = max(size - size % self.ranks, self.ranks)  # a clip for each process, however long
        return at + size if full and size <= most else None


def _check(
    dataset: Dataset,
    batch: int,
    seconds: float | None,
    lengths: Sequence[float] | NDArray[np.float64] | None,
    rank: int,
    ranks: int,
) -> None:
    if not len(dataset):
        raise ConfigError(f"{dataset.name}: nothing to draw from")
    if not 0 <= rank < ranks:
        raise ConfigError(f"rank {rank} of {ranks} processes cannot be")
    if batch < 1 or batch % ranks:
        raise ConfigError(f"a batch of {batch} cannot be shared by {ranks} processes: give a multiple of {ranks}")
    if seconds is not None and (lengths is None or not seconds > 0):
        raise ConfigError("seconds bound a batch only if they are more than 0 and the lengths are known")
    if lengths is not None and len(lengths) != len(dataset):
        raise ConfigError(f"{len(lengths)} lengths for {len(dataset)} utterances")
    if lengths is not None and not np.all(np.isfinite(lengths) & (np.asarray(lengths) > 0)):
        raise ConfigError("some lengths are not known: fill them in with with_seconds")


def _codes(dataset: Dataset, name: str) -> Rows:
    """(n,) a number for each value of a column."""
    if name == "class":
        return dataset.labels
    if name not in COLUMNS:
        raise ConfigError(f"balance by {name!r}: choose class or one of {', '.join(COLUMNS)}")
    codes: Rows = np.unique(dataset.column(name), return_inverse=True)[1].astype(np.int64)
    return codes


def _groups(rows: Rows, codes: Rows) -> list[Rows]:
    """Rows of equal code together, by ascending code."""
    order = np.argsort(codes, kind="stable")
    return np.split(rows[order], np.flatnonzero(np.diff(codes[order])) + 1)


def _quotas(weights: NDArray[np.float64], draws: int, rng: np.random.Generator) -> list[int]:
    """`draws` in proportion to `weights`; what does not divide goes to groups by chance, so that none is favoured."""
    exact = draws * weights / weights.sum()
    quotas = np.floor(exact).astype(np.int64)
    rest = draws - int(quotas.sum())
    if rest:
        keys = exact - quotas + rng.random(len(quotas)) * 1e-9
        quotas[np.argsort(-keys)[:rest]] += 1
    return [int(quota) for quota in quotas]


def _spread(rows: Rows, weights: NDArray[np.float64], draws: int, rng: np.random.Generator) -> Rows:
    """`draws` of `rows`, each in proportion to its weight, give or take one; which get one more is by chance."""
    exact = draws * weights / weights.sum()
    times = np.floor(exact).astype(np.int64)
    rest = draws - int(times.sum())
    if rest:
        # Systematic sampling: a row's chance of one more is its fraction, in a random order.
        mixed = rng.permutation(len(rows))
        ends = np.cumsum((exact - times)[mixed])
        ticks = (rng.random() + np.arange(rest)) * (ends[-1] / rest)
        chosen = np.searchsorted(ends, ticks, side="right").clip(max=len(rows) - 1)
        np.add.at(times, mixed[chosen], 1)
    return np.repeat(rows, times)
