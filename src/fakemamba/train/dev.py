"""The look at dev after an epoch: loss and equal error rate over a data set, shared among the processes."""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from fakemamba.data.keys import Text
from fakemamba.errors import ConfigError
from fakemamba.metrics.rates import eer
from fakemamba.models.system import BONAFIDE
from fakemamba.train.batches import Batch, Judgement, ahead
from fakemamba.train.losses import Loss
from fakemamba.train.processes import together

if TYPE_CHECKING:
    from fakemamba.models.system import System
    from fakemamba.train.corpus import Clips
    from fakemamba.train.settings import LossConfig


Scores = NDArray[np.float64]


def rate_by_source(scores: Scores, labels: NDArray[np.int64], sources: Text) -> dict[str, float]:
    """Equal error rates in per cent, by source of the fakes.

    A source's fakes stand against its own genuine clips, which share its microphones and codecs; those of a source
    without any against all genuine clips of the sources that have no fakes.
    """
    mixed = set(sources[labels == 0]) & set(sources[labels == 1])
    human = ~np.isin(sources, sorted(mixed)) & (labels == 1)
    parts = {}
    for name in sorted(set(sources[labels == 0])):
        genuine = (sources == name) & (labels == 1) if name in mixed else human
        chosen = genuine | ((sources == name) & (labels == 0))
        if genuine.any():
            parts[str(name)] = _percent(scores[chosen], labels[chosen])
    return parts


def _percent(scores: Scores, labels: NDArray[np.int64]) -> float:
    """The equal error rate; NaN where a score is none."""
    return 100 * float(eer(scores, labels).value) if np.isfinite(scores).all() else math.nan


class DevLook:
    """Scores dev clips and judges by their loss or by their EER.

    Args:
        clips: what is looked at; the same clips, cut and augmented alike, at every look.
        loss: the loss that training minimises.
        watch: which number counts.
        size: clips at once.
        half: score in bf16.
        workers: processes that read ahead.

    Raises:
        ConfigError: one class is missing, or there are not several sources to take a mean over.
    """

    def __init__(
        self,
        clips: "Clips",
        loss: "LossConfig",
        *,
        watch: Literal["loss", "eer", "macro_eer"],
        size: int,
        half: bool = False,
        workers: int = 0,
    ) -> None:
        self._clips, self._loss, self._watch, self._size, self._half = clips, Loss(loss), watch, size, half
        self._workers = workers
        labels = clips.targets
        if not 0 < labels.sum() < len(labels):
            raise ConfigError(f"{clips.dataset.name}: dev needs both classes, bona fide and spoof")
        if watch == "macro_eer" and not self._by_source(np.zeros(len(labels))):
            raise ConfigError(f"{clips.dataset.name}: its fakes have no sources to take a macro_eer over; watch eer")

    def __call__(self, system: "System", *, rank: int = 0, ranks: int = 1) -> Judgement:
        device = next(system.parameters()).device
        # (clips, 2) logits; every process fills in its rows, the sum puts them together.
        logits = torch.zeros(len(self._clips), 2, dtype=torch.float64, device=device)
        groups = self._rows(rank, ranks)
        made = ahead(partial(self._batch, groups), range(len(groups)), workers=self._workers)
        for rows, batch in zip(groups, made, strict=True):
            lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths).to(device)
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self._half):
                found = system(torch.from_numpy(batch.waves).to(device), lengths)
            logits[torch.as_tensor(rows, device=device)] = found.double()
        logits = together(logits).cpu()
        targets = torch.from_numpy(self._clips.targets)
        weight = float(self._loss.weights(targets).sum())
        loss = float(self._loss.total(logits, targets)) / weight
        scores = self._scores(system, logits.numpy())
        labels = self._clips.targets
        numbers = {"loss": loss, "eer": _percent(scores, labels), **self._by_source(scores), "clips": len(scores)}
        usable = bool(np.isfinite(scores).all())
        return Judgement(numbers[self._watch], numbers, scores if usable else None, labels)

    def _by_source(self, scores: Scores) -> dict[str, float]:
        """Each source's rate and their plain mean, where the fakes come from several."""
        parts = rate_by_source(scores, self._clips.targets, self._clips.dataset.column("source"))
        return {"macro_eer": float(np.mean(list(parts.values()))), **parts} if len(parts) > 1 else {}

    def _scores(self, system: "System", logits: np.ndarray) -> np.ndarray:
        genuine = np.asarray(logits[:, BONAFIDE], np.float64)
        return genuine - logits[:, 1 - BONAFIDE] if system.score_kind == "logit_difference" else genuine

    def _batch(self, groups: Sequence[list[int]], number: int) -> Batch:
        return self._clips.batch(groups[number], [(row,) for row in groups[number]])

    def _rows(self, rank: int, ranks: int) -> Sequence[list[int]]:
        order = self._clips.by_length()
        groups = [order[start : start + self._size] for start in range(0, len(order), self._size)]
        return groups[rank::ranks]
