"""Where a run stands: weights, optimiser, counters and the best epochs, written together or not at all."""

import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from fakemamba.errors import CheckpointError, FakeMambaError

FORMAT = 1


@dataclass
class Standing:
    """Counters of a run; dropout, sampling and augmentation derive from the seed and these alone.

    Attributes:
        step: optimiser steps done.
        epochs: done, their looks at dev included.
        place: steps done of the epoch after those.
        best: (value, epoch) of the best looks, best first, at most `keep`.
        stale: epochs since the last better look.
        seconds: time spent training, over all calls.
        losses: since the last line of the log.
    """

    step: int = 0
    epochs: int = 0
    place: int = 0
    best: list[tuple[float, int]] = field(default_factory=list)
    stale: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    def judge(self, value: float, epoch: int, keep: int) -> bool:
        """Take an epoch's look in; returns whether it is among the `keep` best; of ties the earlier, NaN never."""
        better = not self.best or value < self.best[0][0]
        self.stale = 0 if better and not math.isnan(value) else self.stale + 1
        if not math.isnan(value):
            self.best = sorted([*self.best, (value, epoch)])[:keep]
        return any(number == epoch for _, number in self.best)


def write_state(path: Path, standing: Standing, parts: dict[str, Any]) -> None:
    """Write a checkpoint; until it is whole and on the disk the old one stays.

    Raises:
        FakeMambaError: the disk is full or not writable.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save({"format": FORMAT, "standing": asdict(standing), **parts}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: torch's own writer on a full disk
        partial.unlink(missing_ok=True)
        # torch's writer tells of a full disk in terms of its own source code.
        reason = (isinstance(error, OSError) and error.strerror) or "the disk seems to be full"
        raise FakeMambaError(f"{path}: the checkpoint cannot be written: {reason}") from error


def read_state(path: Path) -> tuple[Standing, dict[str, Any]] | None:
    """The checkpoint, or None where there is none yet.

    Raises:
        CheckpointError: it is damaged or of another version.
    """
    if not path.exists():
        return None
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        if held.pop("format") != FORMAT:
            raise CheckpointError(f"{path}: written by another version of fakemamba; train into a new folder")
        standing = Standing(**held.pop("standing"))
        standing.best = [(float(value), int(epoch)) for value, epoch in standing.best]
    except CheckpointError:
        raise
    except Exception as error:  # torch raises whatever a damaged archive provokes
        raise CheckpointError(f"{path}: damaged, cannot go on from it: remove it to start this run anew") from error
    return standing, held
