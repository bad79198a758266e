"""The look at dev after an epoch: loss and equal error rate over a data set, shared among the processes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from fakemamba.metrics.rates import eer
from fakemamba.models.system import BONAFIDE
from fakemamba.train.batches import Judgement
from fakemamba.train.losses import Loss
from fakemamba.train.processes import together

if TYPE_CHECKING:
    from fakemamba.models.system import System
    from fakemamba.train.corpus import Clips
    from fakemamba.train.settings import LossConfig


class DevLook:
    """Scores dev clips and judges by their loss or by their EER.

    Args:
        clips: what is looked at; the same clips, cut and augmented alike, at every look.
        loss: the loss that training minimises.
        watch: which number counts.
        size: clips at once.
    """

    def __init__(
        self, clips: "Clips", loss: "LossConfig", *, watch: Literal["loss", "eer"], size: int, half: bool = False
    ) -> None:
        self._clips, self._loss, self._watch, self._size, self._half = clips, Loss(loss), watch, size, half

    def __call__(self, system: "System", *, rank: int = 0, ranks: int = 1) -> Judgement:
        device = next(system.parameters()).device
        # (clips, 2) logits; every process fills in its rows, the sum puts them together.
        logits = torch.zeros(len(self._clips), 2, dtype=torch.float64, device=device)
        for rows in self._rows(rank, ranks):
            batch = self._clips.batch(rows, [(row,) for row in rows])
            lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths).to(device)
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self._half):
                found = system(torch.from_numpy(batch.waves).to(device), lengths)
            logits[torch.as_tensor(rows, device=device)] = found.double()
        logits = together(logits).cpu()
        targets = torch.from_numpy(self._clips.targets)
        weight = float(self._loss.weights(targets).sum())
        loss = float(self._loss.total(logits, targets)) / weight
        scores = self._scores(system, logits.numpy())
        finite = bool(np.isfinite(scores).all())
        rate = 100 * float(eer(scores, self._clips.targets).value) if finite else math.nan
        numbers = {"loss": loss, "eer": rate, "clips": len(scores)}
        return Judgement(numbers[self._watch], numbers, scores if finite else None, self._clips.targets)

    def _scores(self, system: "System", logits: np.ndarray) -> np.ndarray:
        genuine = np.asarray(logits[:, BONAFIDE], np.float64)
        return genuine - logits[:, 1 - BONAFIDE] if system.score_kind == "logit_difference" else genuine

    def _rows(self, rank: int, ranks: int) -> Sequence[list[int]]:
        order = self._clips.by_length()
        groups = [order[start : start + self._size] for start in range(0, len(order), self._size)]
        return groups[rank::ranks]
