"""One optimiser step after another: model, running mean and optimiser, on one process or many."""

import contextlib
import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fakemamba.errors import ConfigError, FakeMambaError, MissingExtraError
from fakemamba.machine.memory import peak_bytes
from fakemamba.train.average import follow
from fakemamba.train.batches import Batch
from fakemamba.train.losses import Loss
from fakemamba.train.optimiser import freeze, make_optimiser, rate_at, set_rate, training_mode
from fakemamba.train.processes import together, widen
from fakemamba.train.settings import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator

    from fakemamba.models.system import System


REMEDY = "try a smaller optim.lr, or optim.clip = 1.0"


class NotANumberError(FakeMambaError):
    """The loss or the gradient is NaN or infinite; the weights may be spoilt already."""


def make_accelerator(recipe: Recipe, *, cpu: bool = False) -> "Accelerator":
    """Accelerate's view of this process; `torchrun` tells it of the others.

    Args:
        recipe: a front-end that leaves layers out needs a more patient gradient exchange.
        cpu: stay off the GPU.

    Raises:
        MissingExtraError: accelerate is not installed.
    """
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    # Statistics of BatchNorm are equal everywhere already (processes.py), so nothing is broadcast.
    find_unused = getattr(recipe.model.frontend, "layerdrop", 0.0) > 0
    options = DistributedDataParallelKwargs(broadcast_buffers=False, find_unused_parameters=find_unused)
    # Accelerate starts gloo only where it is told that there is no GPU to wait for.
    return Accelerator(cpu=cpu or not _gpu(), kwargs_handlers=[options])


def _gpu() -> bool:
    return torch.cuda.is_available() or (hasattr(torch, "xpu") and torch.xpu.is_available())


class Steps:
    """The state that steps change.

    Args:
        recipe: model, optimiser and loss.
        system: with the weights to start from; it is trained in place.
        total: steps in the whole run, for the schedule.
        accelerator: from `make_accelerator`.
    """

    def __init__(self, recipe: Recipe, system: "System", total: int, accelerator: "Accelerator") -> None:
        self.recipe, self.total, self.system, self.accelerator = recipe, total, system, accelerator
        self.loss = Loss(recipe.loss)
        self.rank, self.ranks = self.accelerator.process_index, self.accelerator.num_processes
        freeze(system, recipe.optim)
        if recipe.optim.checkpointing:
            system.frontend.gradient_checkpointing = True  # type: ignore[assignment]
        system.to(self.accelerator.device)
        self.mean = copy.deepcopy(system).eval() if recipe.train.ema else None
        if self.ranks > 1:
            widen(system)
        self.model, self.optimiser = self.accelerator.prepare(system, make_optimiser(system, recipe.optim))

    @property
    def main(self) -> bool:
        """Whether this process writes and speaks."""
        return bool(self.accelerator.is_main_process)

    @property
    def judged(self) -> "System":
        """The weights that count: the running mean where there is one."""
        return self.system if self.mean is None else self.mean

    @property
    def sound(self) -> bool:
        """Whether all weights are finite."""
        return all(bool(torch.isfinite(parameter).all()) for parameter in self.system.parameters())

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.recipe.optim.lr * rate_at(step, self.total, self.recipe.optim)

    def update(self, batch: Batch, step: int) -> float:
        """Take step `step` (from 0) with this process' share of its batch; returns the loss of the whole batch.

        Raises:
            NotANumberError: the loss is NaN or infinite; no weight was changed by this step.
            ConfigError: fewer clips than processes.
        """
        training_mode(self.system, self.recipe.optim)
        torch.manual_seed(seed_of(self.recipe.train.seed, step, self.rank))
        loss = self._backward(batch)
        if not math.isfinite(loss):
            raise NotANumberError(f"step {step + 1}: the loss is {loss}; {REMEDY}")
        if self.recipe.optim.clip:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.optim.clip)
        set_rate(self.optimiser, self.rate(step))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.mean is not None:
            follow(self.mean, self.system, self.recipe.train.ema, step)
        return loss

    def _backward(self, batch: Batch) -> float:
        device = self.accelerator.device
        clips = len(batch.targets)
        if not clips:
            raise ConfigError(f"a batch holds too few clips for {self.ranks} processes: raise batch.size")
        waves, targets = (torch.from_numpy(part).to(device) for part in (batch.waves, batch.targets))
        lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths).to(device)
        weight = together(self.loss.weights(targets).sum())
        total = torch.zeros((), device=device)
        parts = np.array_split(np.arange(clips), min(self.recipe.accumulate, clips))
        for number, rows in enumerate(parts, 1):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            own = None if lengths is None else lengths[part]
            last = number == len(parts)
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
                with self._precision():
                    logits = self.model(waves[part], own)
                loss = self.loss.total(logits, targets[part]) / weight
                # Gradients are averaged over processes, but each holds only its share of the sum.
                self.accelerator.backward(loss * self.ranks)
            total += loss.detach()
        return float(together(total))

    def _precision(self) -> torch.autocast:
        half = self.recipe.train.precision == "bf16"
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=half)

    def state(self) -> dict[str, Any]:
        """All tensors of the run."""
        mean = None if self.mean is None else self.mean.state_dict()
        return {"model": self.system.state_dict(), "mean": mean, "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self.system.load_state_dict(state["model"])
        if self.mean is not None:
            self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])

    def memory(self) -> int:
        """Bytes at the peak: of the GPU where there is one, else of this process; 0 where unknown."""
        if self.accelerator.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated())
        return peak_bytes() or 0


def seed_of(*numbers: int) -> int:
    """One 63-bit seed from several whole numbers: nearby numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
