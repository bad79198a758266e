"""The two seams of the loop: where batches come from, and the look at dev that judges an epoch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fakemamba.errors import FakeMambaError

if TYPE_CHECKING:
    from fakemamba.models.system import System


@dataclass(frozen=True)
class Batch:
    """Clips of one optimiser step, or one process' share of them.

    Attributes:
        waves: (B, N) float32 mono 16 kHz.
        targets: (B,) int64, 1 = bona fide, 0 = spoof.
        lengths: (B,) each clip's own samples, or None where all fill N.
    """

    waves: NDArray[np.float32]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int64] | None = None


class Batches(Protocol):
    """Batches by their place: epoch, place and the source's seed say all, so that a resumed run meets the same ones."""

    def count(self, epoch: int) -> int:
        """Steps of an epoch (from 0): those between two looks at dev."""
        ...

    def batch(self, epoch: int, place: int, *, rank: int = 0, ranks: int = 1) -> Batch:
        """Clips rank, rank + ranks, … of a step's batch."""
        ...


@dataclass(frozen=True)
class Judgement:
    """What a look at dev found.

    Attributes:
        value: the number to minimise.
        numbers: what the log and the card tell of it.
        scores, labels: (n,) of the clips where the look has them: the final weights are calibrated on them.
    """

    value: float
    numbers: Mapping[str, float]
    scores: NDArray[np.float64] | None = field(default=None, repr=False)
    labels: NDArray[np.int64] | None = field(default=None, repr=False)


class Look(Protocol):
    """Judges weights on dev; called on every process after every epoch, with the system in evaluation mode."""

    def __call__(self, system: "System", *, rank: int = 0, ranks: int = 1) -> Judgement: ...


class _Numbered:
    """`Batches` for torch's loader. A user's error travels as a value: the loader would wrap it in a traceback."""

    def __init__(self, batches: Batches, epoch: int, rank: int, ranks: int) -> None:
        self._batches, self._epoch, self._rank, self._ranks = batches, epoch, rank, ranks

    def __getitem__(self, place: int) -> Batch | FakeMambaError:
        try:
            return self._batches.batch(self._epoch, place, rank=self._rank, ranks=self._ranks)
        except FakeMambaError as error:
            return error


def ahead(batches: Batches, epoch: int, start: int, *, rank: int, ranks: int, workers: int) -> Iterator[Batch]:
    """This process' shares of an epoch's batches from `start` on, made by `workers` processes ahead of time."""
    from torch.utils.data import DataLoader

    source: Any = _Numbered(batches, epoch, rank, ranks)
    loader = DataLoader(source, batch_size=None, sampler=range(start, batches.count(epoch)), num_workers=workers)
    for made in loader:
        if isinstance(made, FakeMambaError):
            raise made
        yield made
