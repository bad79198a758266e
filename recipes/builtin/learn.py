"""Trains the statistics system on the statistics of all clips, from several seeds, and joins the results."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from fakemamba.checkpoint.folder import TENSOR_FILE
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.config import ModelConfig
from fakemamba.errors import ConfigError
from fakemamba.models.assemble import build
from fakemamba.models.statistics import Facets, Judge, StatisticsSystem, joined
from fakemamba.models.system import System
from fakemamba.train.batches import Batch, Judgement
from fakemamba.train.settings import LossConfig, OptimConfig, TrainConfig
from recipes.builtin.evaluate import tabulate
from recipes.builtin.facts import Facts, Given
from recipes.builtin.manifest import Clip
from recipes.builtin.sampling import Draw, view_odds
from recipes.builtin.train import Plan, data_mark, place, run

STEPS = 600
BATCH = 256
SEEDS = 3
OPTIM = OptimConfig(kind="adamw", lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98), warmup=60, schedule="cosine", clip=0.0)


def plan(config: ModelConfig, *, steps: int = STEPS, seed: int = 1234, data: str = "") -> Plan:
    """How long and how hard. One look, at the end: nothing is picked on dev."""
    train = TrainConfig(seed=seed, epochs=1, patience=0, keep=1, ema=0.99, precision="fp32")
    loss = LossConfig(smoothing=0.1)
    return Plan(model=config, optim=OPTIM, loss=loss, train=train, steps=steps, every=steps, data=data)


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
        views = 2 * rng.choice(self._facts.views // 2, size=BATCH, p=view_odds(self._facts.views // 2))
        views += rng.integers(2, size=BATCH)  # whole, or a stretch
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
    """An untrained system that judges all statistics as one kind, and knows their means and spreads over training."""
    system = build(config, Given(facts.width))
    norm = _judge(system).norm
    rows = [i for i, clip in enumerate(clips) if clip.split == "train" and clip.whole]
    for part in np.array_split(rows, math.ceil(len(rows) / 512)):
        norm.gather(torch.from_numpy(np.stack([facts.of(i, v) for i in part for v in (0, 3)])))
    norm.settle()
    return system


def _judge(system: System) -> Judge:
    """The only judge of a system of one kind."""
    assert isinstance(system, StatisticsSystem)
    (judge,) = system.judges
    assert isinstance(judge, Judge)
    return judge


def narrow(config: ModelConfig) -> ModelConfig:
    """One of SEEDS members, which together have the width of `config`."""
    if config.width % SEEDS:
        raise ConfigError(f"width {config.width} must be a multiple of {SEEDS}: each member has its share")
    return config.model_copy(update={"width": config.width // SEEDS})


def learn_one(schedule: Plan, clips: list[Clip], facts: Facts, folder: Path) -> Judge:
    """One training on statistics of one kind, in a folder that is its own."""
    batches = FactBatches(clips, facts, schedule.steps, schedule.train.seed)
    best = run(schedule, lambda: fresh(schedule.model, clips, facts), batches, FactLook(clips, facts), folder)
    system = build(schedule.model, Given(facts.width))
    system.load_state_dict(load_file(best / TENSOR_FILE))
    return _judge(system.eval())


def learn_kinds(schedules: Sequence[Plan], clips: list[Clip], facts: Facts, widths: Sequence[int], folder: Path
                ) -> StatisticsSystem:  # fmt: skip
    """Each kind of statistics trained by itself, once for every schedule, and joined: a system on given statistics."""
    one = schedules[0].model
    whole = build(one.model_copy(update={"width": len(schedules) * one.width}), Given(*widths))
    assert isinstance(whole, StatisticsSystem)
    start = 0
    for number, width in enumerate(widths):
        kind = facts.kind(start, width)
        members = [learn_one(s, clips, kind, folder / f"kind-{number}-run-{n}") for n, s in enumerate(schedules)]
        whole.judges[number].load_state_dict(joined(members).state_dict())
        start += width
    return whole.eval()


def learn(clips: list[Clip], facts: Facts, config: ModelConfig, work: Path, *, steps: int, seed: int,
          frontend: Facets) -> Path:  # fmt: skip
    """Train from SEEDS seeds, going on where an earlier call stopped, and join them; returns the model folder.

    The runs' folder is `work` with a mark of the settings and the clips behind its name: others have one of their own.
    `frontend` is what the statistics were measured by.

    Raises:
        FakeMambaError: a run broke off.
    """
    data = data_mark(clips, facts.key, BATCH)
    plans = [plan(narrow(config), steps=steps, seed=seed + number, data=data) for number in range(SEEDS)]
    home = place(work, plans[0])
    whole = learn_kinds(plans, clips, facts, frontend.widths, home)
    whole.frontend = frontend
    return save_system(home / "joined", whole, config, overwrite=True, training={"step": steps}).path
