"""Trains the statistics system on the statistics of all clips, from several seeds, and joins the results."""

import math
from pathlib import Path

import numpy as np
import torch

from fakemamba.checkpoint.torch_io import load_system, save_system
from fakemamba.config import ModelConfig
from fakemamba.errors import ConfigError
from fakemamba.models.assemble import build
from fakemamba.models.statistics import StatisticsSystem, joined
from fakemamba.models.system import System
from fakemamba.train.batches import Batch, Judgement
from fakemamba.train.settings import LossConfig, OptimConfig, TrainConfig
from recipes.builtin.evaluate import tabulate
from recipes.builtin.facts import Facts, Given
from recipes.builtin.manifest import Clip
from recipes.builtin.sampling import Draw
from recipes.builtin.train import Plan, run

STEPS = 600
BATCH = 256
SEEDS = 3
OPTIM = OptimConfig(kind="adamw", lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98), warmup=60, schedule="cosine", clip=0.0)


def plan(config: ModelConfig, *, steps: int = STEPS, seed: int = 1234) -> Plan:
    """How long and how hard. One look, at the end: nothing is picked on dev."""
    train = TrainConfig(seed=seed, epochs=1, patience=0, keep=1, ema=0.99, precision="fp32")
    return Plan(model=config, optim=OPTIM, loss=LossConfig(smoothing=0.1), train=train, steps=steps, every=steps)


class FactBatches:
    """`fakemamba.train.batches.Batches` from statistics: as many genuine clips as fakes, drawn by their groups."""

    def __init__(self, clips: list[Clip], facts: Facts, steps: int, seed: int) -> None:
        self._draw, self._facts, self._steps, self._seed = Draw(clips), facts, steps, seed

    def count(self, epoch: int) -> int:
        """All steps are one epoch."""
        return self._steps if epoch == 0 else 0

    def batch(self, epoch: int, place: int, *, rank: int = 0, ranks: int = 1) -> Batch:
        """A share of a step's batch; it depends on the seed and its number alone."""
        rng = np.random.default_rng([self._seed, 8, epoch, place])
        rows = [self._draw.row(label, rng) for label in ("bonafide", "spoof") for _ in range(BATCH // 2)]
        views = rng.integers(self._facts.views, size=BATCH)
        facts = np.stack([self._facts.of(row, int(view)) for row, view in zip(rows, views, strict=True)])
        targets = np.repeat([1, 0], BATCH // 2)
        return Batch(facts[rank::ranks], targets[rank::ranks])


class FactLook:
    """`fakemamba.train.batches.Look`: the mean over dev sources of the equal error rate, on clean whole clips."""

    def __init__(self, clips: list[Clip], facts: Facts) -> None:
        rows = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
        self._clips = [clips[row] for row in rows]
        self._facts = torch.from_numpy(np.stack([facts.of(row, 0) for row in rows]))

    def __call__(self, system: System, *, rank: int = 0, ranks: int = 1) -> Judgement:  # noqa: ARG002 - all look alike
        with torch.inference_mode():
            table = tabulate(self._clips, system.score(self._facts).numpy())
        return Judgement(table.macro, {"macro": table.macro, "pooled": table.pooled, **table.parts})


def fresh(config: ModelConfig, clips: list[Clip], facts: Facts) -> System:
    """An untrained system that knows the means and spreads of all training clips."""
    system = build(config, Given(facts.width))
    assert isinstance(system, StatisticsSystem)
    rows = [i for i, clip in enumerate(clips) if clip.split == "train" and clip.whole]
    for part in np.array_split(rows, math.ceil(len(rows) / 512)):
        system.norm.gather(torch.from_numpy(np.stack([facts.of(i, v) for i in part for v in (0, 3)])))
    system.norm.settle()
    return system


def learn(clips: list[Clip], facts: Facts, config: ModelConfig, work: Path, *, steps: int, seed: int) -> Path:
    """Train from SEEDS seeds, going on where an earlier call stopped, and join them; returns the model folder.

    Each member has its share of `config.width`.

    Raises:
        FakeMambaError: a folder holds a run with other settings, or a run broke off.
    """
    if config.width % SEEDS:
        raise ConfigError(f"width {config.width} must be a multiple of {SEEDS}: each member has its share")
    members, look = [], FactLook(clips, facts)
    narrow = config.model_copy(update={"width": config.width // SEEDS})
    for number in range(SEEDS):
        schedule = plan(narrow, steps=steps, seed=seed + number)
        batches = FactBatches(clips, facts, steps, seed + number)
        best = run(schedule, lambda: fresh(narrow, clips, facts), batches, look, work / f"run-{number}")
        members.append(load_system(best))
    whole = joined([member for member in members if isinstance(member, StatisticsSystem)])
    return save_system(work / "joined", whole, config, overwrite=True, training={"step": steps}).path
