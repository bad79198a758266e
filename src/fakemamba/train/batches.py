"""The two seams of the loop: where batches come from, and the look at dev that judges an epoch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """A maker of batches for torch's loader. A user's error travels as a value: else a traceback would wrap it."""

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Batch | FakeMambaError:
        try:
            return self._make(number)
        except FakeMambaError as error:
            return error


def ahead(make: Callable[[int], Batch], numbers: Sequence[int], *, workers: int) -> Iterator[Batch]:
    """`make` of all numbers in order, by `workers` processes ahead of time; by this one where there are none."""
    from torch.utils.data import DataLoader

    source: Any = _Numbered(make)
    sampler: Any = numbers
    for made in DataLoader(source, batch_size=None, sampler=sampler, num_workers=workers):
        if isinstance(made, FakeMambaError):
            raise made
        yield made
