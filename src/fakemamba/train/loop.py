"""The one training loop: batches by number, a look at dev after each epoch, a checkpoint now and then.

for each step:   this process' share of the batch -> loss -> gradient -> optimiser -> running mean
for each epoch:  look at dev -> among the best? keep its weights -> stop when nothing gets better
at the end:      best/, last/ and average/ as model folders, curves and a card
"""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fakemamba.checkpoint.torch_io import save_system
from fakemamba.errors import CheckpointError, FakeMambaError
from fakemamba.train.batches import Batch, Batches, Judgement, Look, ahead
from fakemamba.train.curves import draw
from fakemamba.train.folder import RunFolder
from fakemamba.train.settings import Recipe
from fakemamba.train.state import Standing, read_state, write_state
from fakemamba.train.steps import REMEDY, NotANumberError, Steps

if TYPE_CHECKING:
    from accelerate import Accelerator

    from fakemamba.models.system import System


@dataclass(frozen=True)
class Tick:
    """What a progress callback is told after every step and every look.

    Attributes:
        step, steps, epoch: done, in all, and the current epoch (from 1).
        loss: of this step's batch.
        rate: the learning rate.
        pace: seconds a step in this call.
        left: seconds to the last epoch, should none stop it earlier.
        memory: bytes at the peak, of the GPU where there is one.
        dev: what a look found that just ended; None after an ordinary step.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    rate: float
    pace: float
    left: float
    memory: int
    dev: Judgement | None = None


Progress = Callable[[Tick], None]


class Trainer:
    """A run in its folder.

    Args:
        recipe: model, optimiser, loss and schedule.
        system: built from `recipe.model`, with the weights to start from.
        batches, look: where clips come from, and what judges an epoch.
        folder: claimed for this run.
        accelerator: from `make_accelerator`.
        about: what the card tells of the data.
        progress: called on the main process.

    Raises:
        CheckpointError: the folder's checkpoint is damaged.
    """

    def __init__(
        self, recipe: Recipe, system: "System", batches: Batches, look: Look, folder: RunFolder, *,
        accelerator: "Accelerator", about: dict[str, Any] | None = None, progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.batches, self.look, self.folder = recipe, batches, look, folder
        self.about, self._progress = about or {}, progress
        total = sum(batches.count(epoch) for epoch in range(recipe.train.epochs))
        self.steps = Steps(recipe, system, total, accelerator)
        found = read_state(folder.state)
        self.standing = Standing()
        if found:
            self.standing, tensors = found
            self.steps.load(tensors)
        if self.steps.main:
            folder.rewind(self.standing.step, self.standing.epochs)
        self._first, self._began = self.standing.step, time.monotonic()
        self._saved = self._began, self.standing.step
        self._whole = True  # no step and no judgement is half done

    @property
    def over(self) -> bool:
        """All epochs done, or none better for too long."""
        patience = self.recipe.train.patience
        return self.standing.epochs >= self.recipe.train.epochs or bool(patience and self.standing.stale >= patience)

    def run(self) -> None:
        """Train to the end.

        Raises:
            FakeMambaError: a loss that is no number, a full disk, a missing file …; what was reached is kept.
        """
        with self._keeping():
            while not self.over:
                self._epoch()

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Whatever ends the run, its last whole step stays, and the message says so."""
        try:
            yield
        except (KeyboardInterrupt, FakeMambaError) as error:
            if self._whole and not isinstance(error, NotANumberError) and self.standing.step > self._saved[1]:
                with suppress(FakeMambaError):  # the disk may be what ended it
                    self.save()
            if isinstance(error, KeyboardInterrupt):
                raise
            kept = f"{self._saved[1]} steps are kept in {self.folder.path}; the same command goes on from there"
            raise FakeMambaError(f"{error}; {kept}") from error

    def _epoch(self) -> None:
        """What is left of the current epoch, and its look at dev."""
        epoch = self.standing.epochs
        share = partial(self.batches.batch, epoch, rank=self.steps.rank, ranks=self.steps.ranks)
        left = range(self.standing.place, self.batches.count(epoch))
        for batch in ahead(share, left, workers=self.recipe.train.workers):
            self._step(batch)
        self._judge()
        self.save()
        self._prune()
        if self.steps.main:
            draw(self.folder.rows(), self.folder.curves, self.folder.path.name)

    def _step(self, batch: Batch) -> None:
        self._whole = False
        loss = self.steps.update(batch, self.standing.step)
        self.standing.step += 1
        self.standing.place += 1
        self.standing.losses.append(loss)
        self._whole = True
        tick = self._tick(loss)
        if self.standing.step % self.recipe.train.log_steps == 0:
            mean = math.fsum(self.standing.losses) / len(self.standing.losses)
            self.standing.losses.clear()
            row = {"step": tick.step, "epoch": tick.epoch, "loss": mean, "rate": tick.rate}
            self._log({**row, "seconds_per_step": round(tick.pace, 4), "memory": tick.memory})
        self._tell(tick)
        if self._due():
            self.save()

    def _judge(self) -> None:
        found = self.look_at(self.steps.judged)
        self._whole = False
        self.standing.epochs, self.standing.place = self.standing.epochs + 1, 0
        epoch = self.standing.epochs
        kept = self.standing.judge(found.value, epoch, self.recipe.train.keep)
        self._log({"step": self.standing.step, "epoch": epoch, "value": found.value, "dev": dict(found.numbers)})
        if kept and self.steps.main:
            record = {"epoch": epoch, "step": self.standing.step, "dev": dict(found.numbers)}
            self.write(self.folder.epoch(epoch), f"epoch-{epoch:03d}", self.steps.judged, training=record)
        self._whole = True
        self._tell(self._tick(math.nan, found))

    def look_at(self, system: "System") -> Judgement:
        """The look at dev, on every process."""
        system.eval()
        return self.look(system, rank=self.steps.rank, ranks=self.steps.ranks)

    def write(self, path: Any, kind: str, system: "System", **card: Any) -> None:
        """A model folder in the run's folder; the model is called after both."""
        card.setdefault("origin", "trained by fakemamba train; config.json tells on what, under training")
        name = "".join(
            c if (c.isascii() and c.isalnum()) or c in "._+-" else "-" for c in self.folder.path.resolve().name
        )[:80]
        try:
            save_system(path, system, self.recipe.model, overwrite=True, name=f"run-{name}-{kind}"[:100], **card)
        except CheckpointError as error:
            raise FakeMambaError(str(error)) from error

    def save(self) -> None:
        """Write a checkpoint; on every process, the main one writes. Spoilt weights never replace sound ones."""
        if not self.steps.sound:
            raise NotANumberError(f"step {self.standing.step}: the weights are no numbers any more; {REMEDY}")
        now = time.monotonic()
        self.standing.seconds += now - self._saved[0]
        if self.steps.main:
            write_state(self.folder.state, self.standing, self.steps.state())
        self._saved = now, self.standing.step

    def _due(self) -> bool:
        train, (when, step) = self.recipe.train, self._saved
        if train.save_steps and self.standing.step - step >= train.save_steps:
            return True
        return time.monotonic() - when >= 60 * train.save_minutes

    def _prune(self) -> None:
        """Remove epochs that are no longer among the best; only after the checkpoint that says so."""
        if self.steps.main:
            wanted = {self.folder.epoch(number) for _, number in self.standing.best}
            for path in set(self.folder.path.glob("epochs/epoch-*")) - wanted:
                shutil.rmtree(path, ignore_errors=True)

    def _tick(self, loss: float, dev: Judgement | None = None) -> Tick:
        step, total = self.standing.step, self.steps.total
        pace = (time.monotonic() - self._began) / max(1, step - self._first)
        epoch = self.standing.epochs + (dev is None)
        rate = self.steps.rate(max(0, step - 1))
        return Tick(step, total, epoch, loss, rate, pace, pace * (total - step), self.steps.memory(), dev)

    def _tell(self, tick: Tick) -> None:
        if self._progress is not None and self.steps.main:
            self._progress(tick)

    def _log(self, row: dict[str, Any]) -> None:
        if self.steps.main:
            self.folder.log(row)
