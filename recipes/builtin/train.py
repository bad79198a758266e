"""Trains the compact system on the bank with the package's loop; its batches and its look at dev are its own."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from fakemamba.config import ModelConfig
from fakemamba.models import build
from fakemamba.models.system import System
from fakemamba.train.batches import Batch, Batches, Judgement, Look
from fakemamba.train.folder import RunFolder
from fakemamba.train.loop import Tick, Trainer
from fakemamba.train.settings import LossConfig, OptimConfig, Recipe, TrainConfig
from fakemamba.train.steps import make_accelerator
from recipes.builtin import keep
from recipes.builtin.bank import Bank
from recipes.builtin.evaluate import tabulate
from recipes.builtin.manifest import Clip, identity
from recipes.builtin.sampling import LENGTHS, NAMES, SECONDS, SHARES, VIEWS, Sampler

STEPS = 3000
EVERY = 250  # steps between looks at dev
OPTIM = OptimConfig(
    kind="adamw", lr=1e-3, weight_decay=0.02, betas=(0.9, 0.98), warmup=200, schedule="cosine", clip=1.0
)


class Plan(Recipe):
    """The loop's recipe, how many steps, and a mark of the clips and how they are drawn."""

    steps: int = STEPS
    every: int = EVERY
    data: str = ""


def plan(config: ModelConfig, *, steps: int = STEPS, every: int = EVERY, seed: int = 1234, data: str = "") -> Plan:
    """How long and how hard; OPTIM and the defaults made the shipped weights."""
    looks = math.ceil(steps / every)
    train = TrainConfig(seed=seed, epochs=looks, patience=0, keep=1, ema=0.998, precision="bf16")
    loss = LossConfig(smoothing=0.05)
    return Plan(model=config, optim=OPTIM, loss=loss, train=train, steps=steps, every=every, data=data)


def data_mark(clips: Sequence[Clip], views: str, *drawn: object) -> str:
    """16 letters for what a run learns from and is judged on: clips, the mark of their views, how they are drawn."""
    return keep.mark([identity(clip for clip in clips if clip.split != "test"), views, SHARES, NAMES, VIEWS, *drawn])


def place(work: Path, plan: Plan) -> Path:
    """`work` with a mark of the plan behind its name, so that other clips or settings make a run of their own."""
    folder = work.with_name(f"{work.name}-{keep.mark(plan.model_dump(mode='json'))[:8]}")
    others = sorted(other.name for other in work.parent.glob(f"{work.name}-????????"))
    if others and not folder.exists():
        print(f"other clips or settings than in {', '.join(others)}: a new run in {folder}", flush=True)
    return folder


class BankBatches:
    """`fakemamba.train.batches.Batches` from the recipe's sampler: endless, so that an epoch is what the plan says."""

    def __init__(self, sampler: Sampler, steps: int, every: int) -> None:
        self._sampler, self._steps, self._every = sampler, steps, every

    def count(self, epoch: int) -> int:
        """Steps of an epoch; the last one may be shorter."""
        return max(0, min(self._every, self._steps - epoch * self._every))

    def batch(self, epoch: int, place: int, *, rank: int = 0, ranks: int = 1) -> Batch:
        """A share of a step's batch."""
        whole = self._sampler.batch(epoch * self._every + place)
        return Batch(whole.waves[rank::ranks], whole.targets[rank::ranks])


def scores_of(model: System, bank: Bank, rows: list[int], view: int = 0) -> np.ndarray:
    """Scores of whole clips, one at a time as `detect` does it."""
    model.eval()
    with torch.inference_mode():
        return np.array([model.score(torch.from_numpy(bank.wave(row, view))[None]).item() for row in rows])


class BankLook:
    """`fakemamba.train.batches.Look`: the mean over sources of the equal error rate on dev. On one process."""

    def __init__(self, clips: list[Clip], bank: Bank) -> None:
        self._bank = bank
        self._rows = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
        self._clips = [clips[row] for row in self._rows]

    def __call__(self, system: System, *, rank: int = 0, ranks: int = 1) -> Judgement:  # noqa: ARG002 - all look alike
        table = tabulate(self._clips, scores_of(system, self._bank, self._rows))
        return Judgement(table.macro, {"macro": table.macro, "pooled": table.pooled, **table.parts})


def say(tick: Tick) -> None:
    """A line for every look, and for every 25th step."""
    if tick.dev is not None:
        print(f"step {tick.step}: " + " ".join(f"{k}={v:.4g}" for k, v in tick.dev.numbers.items()), flush=True)
    elif tick.step % 25 == 0:
        print(f"step {tick.step} of {tick.steps}: loss {tick.loss:.4f}, {tick.pace:.2f} s a step", flush=True)


def train(clips: list[Clip], bank: Bank, plan: Plan, work: Path) -> Path:
    """Train to the end, going on from where an earlier call stopped; returns the model folder of the best look.

    The run's folder is `work` with a mark of the plan and the clips behind its name: others have one of their own.

    Raises:
        FakeMambaError: the run broke off.
    """
    plan = plan.model_copy(update={"data": data_mark(clips, bank.key, LENGTHS, SECONDS)})
    batches = BankBatches(Sampler(clips, bank, plan.train.seed), plan.steps, plan.every)
    return run(plan, lambda: build(plan.model), batches, BankLook(clips, bank), place(work, plan))


def run(plan: Plan, make: Callable[[], System], batches: Batches, look: Look, folder: Path) -> Path:
    """The package's loop in a folder that is claimed for this plan; returns the model folder of the best look."""
    home = RunFolder(folder)
    home.claim(plan)
    torch.manual_seed(plan.train.seed)
    trainer = Trainer(plan, make(), batches, look, home, accelerator=make_accelerator(plan, cpu=True), progress=say)
    trainer.run()
    return home.epoch(trainer.standing.best[0][1])
