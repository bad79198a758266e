"""Trains the compact system on the bank: bf16 where the CPU has it, an average of weights, checkpoints."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.config import ModelConfig
from fakemamba.models import build
from fakemamba.models.system import System
from recipes.builtin.bank import Bank
from recipes.builtin.evaluate import Table, tabulate
from recipes.builtin.manifest import Clip
from recipes.builtin.sampling import Sampler


@dataclass(frozen=True)
class Schedule:
    """How long and how hard; the defaults made the shipped weights."""

    steps: int = 3000
    rate: float = 1e-3
    warmup: int = 200
    decay: float = 0.02
    smoothing: float = 0.05
    average: float = 0.998
    every: int = 250  # steps between looks at dev
    seed: int = 1234


def rate_at(step: int, schedule: Schedule) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    if step < schedule.warmup:
        return schedule.rate * (step + 1) / schedule.warmup
    done = (step - schedule.warmup) / max(1, schedule.steps - schedule.warmup)
    return schedule.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


class Run:
    """A training run in a folder: model, average, optimiser and step, saved together."""

    def __init__(self, config: ModelConfig, schedule: Schedule, folder: Path) -> None:
        torch.manual_seed(schedule.seed)
        self.schedule, self.folder = schedule, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.model, self.mean = build(config), build(config)
        self.mean.load_state_dict(self.model.state_dict())
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        vectors = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": schedule.decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=schedule.rate, betas=(0.9, 0.98),
        )  # fmt: skip
        self.step = 0
        self.best = math.inf

    def save(self, name: str = "last.pt") -> None:
        """Write the whole state, or nothing."""
        state = {"model": self.model.state_dict(), "mean": self.mean.state_dict(), "step": self.step,
                 "optimiser": self.optimiser.state_dict(), "best": self.best}  # fmt: skip
        partial = self.folder / f"{name}.partial"
        torch.save(state, partial)
        partial.replace(self.folder / name)

    def resume(self, name: str = "last.pt") -> bool:
        """Go on from the last checkpoint, if there is one."""
        if not (self.folder / name).exists():
            return False
        state = torch.load(self.folder / name, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = state["step"], state["best"]
        return True

    def log(self, **row: object) -> None:
        """A line of JSON in the run's log, and on the screen."""
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)

    def _average(self) -> None:
        keep = min(self.schedule.average, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for ours, theirs in zip(self.mean.state_dict().values(), self.model.state_dict().values(), strict=True):
                if ours.dtype.is_floating_point:
                    ours.lerp_(theirs, 1 - keep)
                else:
                    ours.copy_(theirs)

    def update(self, waves: Tensor, targets: Tensor) -> float:
        """One step; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.schedule)
        self.model.train()
        torch.manual_seed(self.schedule.seed * 1_000_003 + self.step)  # a resumed run draws the same dropout
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.model(waves)
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=self.schedule.smoothing)
        if not math.isfinite(loss.item()):
            raise SystemExit(f"step {self.step}: the loss is {loss.item()}; the last checkpoint is kept")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        self.step += 1
        return loss.item()


def scores_of(model: System, bank: Bank, rows: list[int], view: int = 0) -> np.ndarray:
    """Scores of whole clips, one at a time as `detect` does it."""
    model.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=False):
        return np.array([model.score(torch.from_numpy(bank.wave(row, view))[None]).item() for row in rows])


def look(run: Run, clips: list[Clip], bank: Bank, rows: list[int]) -> Table:
    """Scores of the averaged weights on the dev clips, as a table."""
    return tabulate([clips[row] for row in rows], scores_of(run.mean, bank, rows))


def _same_run(path: Path, wanted: dict[str, object]) -> None:
    """Note what a run folder is for; a folder of another run is refused instead of being mixed with this one."""
    if path.exists() and json.loads(path.read_text()) != wanted:
        raise SystemExit(f"{path.parent} holds a run with other settings: choose another --work or remove that folder")
    path.write_text(json.dumps(wanted))


def batches(sampler: Sampler, start: int, stop: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches by number, as tensors."""
    for number in range(start, stop):
        batch = sampler.batch(number)
        yield torch.from_numpy(batch.waves), torch.from_numpy(batch.targets)


def train(clips: list[Clip], bank: Bank, config: ModelConfig, schedule: Schedule, folder: Path) -> Run:
    """Train to the end of the schedule, going on from where an earlier call stopped."""
    run = Run(config, schedule, folder)
    resumed = run.resume()
    _same_run(folder / "config.json", {"model": config.model_dump(mode="json"), "schedule": asdict(schedule)})
    dev = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
    print(f"{'resumed at' if resumed else 'start:'} step {run.step} of {schedule.steps}", flush=True)
    began, first, losses = time.monotonic(), run.step, []
    for waves, targets in batches(Sampler(clips, bank, schedule.seed), run.step, schedule.steps):
        losses.append(run.update(waves, targets))
        if run.step % 25 == 0:
            pace = (time.monotonic() - began) / (run.step - first)
            run.log(step=run.step, loss=float(np.mean(losses)), seconds_per_step=pace)
            losses.clear()
        if run.step % schedule.every == 0 or run.step == schedule.steps:
            table = look(run, clips, bank, dev)
            run.log(step=run.step, dev_macro=table.macro, dev_pooled=table.pooled, **table.parts)
            if table.macro < run.best:
                run.best = table.macro
                run.save("best.pt")
        if run.step % 25 == 0 or run.step == schedule.steps:
            run.save()  # after the look at dev, so that a resumed run never skips one
    return run
