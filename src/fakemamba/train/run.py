"""From settings to a finished run folder: what `fakemamba train` calls."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fakemamba.checkpoint.folder import builtin_names, open_folder
from fakemamba.checkpoint.torch_io import load_frontend, load_system
from fakemamba.config import CepstraConfig, ModelConfig, XlsrConfig
from fakemamba.data.dataset import Dataset
from fakemamba.data.mix import open_data
from fakemamba.data.sampling import EpochSampler
from fakemamba.data.waves import lengths, with_seconds
from fakemamba.errors import ConfigError
from fakemamba.models import build
from fakemamba.train.augmenting import make_augmenter
from fakemamba.train.corpus import Clips, CorpusBatches
from fakemamba.train.dev import DevLook
from fakemamba.train.finish import finish
from fakemamba.train.folder import RunFolder
from fakemamba.train.loop import Progress, Trainer
from fakemamba.train.settings import BatchConfig, Recipe, Settings
from fakemamba.train.steps import make_accelerator, seed_of

if TYPE_CHECKING:
    from fakemamba.models.system import System

logger = logging.getLogger(__name__)
TRAIN, DEV = 31, 32  # purposes of a seed
# What may differ between a front-end's weights and the settings that take them up: nothing of it is in the weights.
FREE = {"dropout", "layerdrop", "normalize_input", "layers", "span", "context"}


def train(settings: Settings, out: Path, *, progress: Progress | None = None, cpu: bool = False) -> dict[str, Any]:
    """Train to the end, or on from where an earlier call stopped; returns the card, of a finished run at once.

    Args:
        settings: the whole run.
        out: its folder.
        progress: called after every step and look, on the main process.
        cpu: stay off the GPU.

    Raises:
        ConfigError: the folder holds another run.
        DataError: the corpora cannot be used. FakeMambaError: the run broke off; what was reached is kept.
    """
    folder = RunFolder(out)
    accelerator = make_accelerator(settings.recipe, cpu=cpu)
    if accelerator.is_main_process:
        folder.claim(settings)
    accelerator.wait_for_everyone()
    if folder.finished:
        return folder.read_card()
    training, dev = open_data(settings.data, seed=settings.train.seed)
    if dev is None:
        raise ConfigError("data.dev: no source: the best epoch is chosen by one, for example one with split = 'dev'")
    batches, look = make_batches(settings, training), make_look(settings, dev)
    check_shares(settings.batch, accelerator.num_processes)
    for dataset in (training, dev):
        for warning in dataset.warnings:
            logger.warning("%s: %s", dataset.name, warning)
    about = {"train": describe(training), "dev": describe(dev)}
    trainer = Trainer(
        settings.recipe, start_system(settings.recipe), batches, look, folder,
        accelerator=accelerator, about=about, progress=progress,
    )  # fmt: skip
    trainer.run()
    return finish(trainer)


def check_shares(batch: BatchConfig, processes: int) -> None:
    """Raises ConfigError unless every process has a clip in every part of a step."""
    if batch.size < batch.accumulate * processes:
        raise ConfigError(
            f"batch.size {batch.size} is too small for {batch.accumulate} parts (batch.accumulate) "
            f"on {processes} processes: give at least {batch.accumulate * processes}"
        )


def make_batches(settings: Settings, dataset: Dataset) -> CorpusBatches:
    """The training clips; raises DataError if they don't fill one batch."""
    batch, window = settings.batch, settings.model.window
    if batch.variable:
        dataset = with_seconds(dataset)
    samples = round(batch.longest * 16_000) if batch.variable else window
    seed = settings.train.seed
    clips = Clips(
        dataset, samples=samples, masked=batch.variable, crop=batch.crop, augment=make_augmenter(settings.augment),
        seed=seed_of(seed, TRAIN),
    )  # fmt: skip
    alike = np.minimum(lengths(dataset), batch.longest) if batch.variable else None
    sampler = EpochSampler(dataset, seed=seed, batch=batch.size, balance=settings.data.balance, lengths=alike)
    return CorpusBatches(clips, sampler, seconds=batch.lengths, seed=seed)


def make_look(settings: Settings, dataset: Dataset) -> DevLook:
    """Dev clips as the model will hear clips: its window repeated, or their own lengths."""
    batch, window = settings.batch, settings.model.window
    clips = Clips(
        dataset, samples=round(batch.longest * 16_000) if batch.variable else window,
        masked=batch.variable or settings.model.short == "as_is",
        augment=make_augmenter(settings.augment) if settings.augment.dev else None,
        seed=seed_of(settings.train.seed, DEV),
    )  # fmt: skip
    size = max(1, batch.size // batch.accumulate)
    half = settings.train.precision == "bf16" and torch.cuda.is_available()
    return DevLook(
        clips, settings.loss, watch=settings.train.watch, size=size, half=half, workers=settings.train.workers
    )


def start_system(recipe: Recipe) -> "System":
    """The system with the weights to start from: random, an XLS-R, a recogniser, or a whole system's.

    Raises:
        ConfigError: the folder holds another architecture; or a recogniser, which is not trained, has no weights.
    """
    torch.manual_seed(recipe.train.seed)
    if recipe.train.start is not None:
        folder = open_folder(recipe.train.start)
        _same(folder.card.model.model_dump(), recipe.model.model_dump(), "train.start", recipe.train.start)
        system = build(recipe.model)
        system.load_state_dict(load_system(folder).state_dict())
        return system
    system = build(recipe.model)
    front = recipe.model.frontend
    if recipe.train.frontend is not None:
        _take_frontend(system, recipe.model, recipe.train.frontend)
    elif isinstance(front, CepstraConfig) and front.recogniser is not None:
        own = (builtin_names() or ["MODEL"])[0]
        raise ConfigError(
            f"model.frontend.recogniser is used as it was trained: -s train.frontend={own} "
            "takes the built-in model's, or train configs/compact-statistics.toml, which has none"
        )
    return system


def _take_frontend(system: "System", model: ModelConfig, place: str) -> None:
    if isinstance(model.frontend, CepstraConfig) and model.frontend.recogniser is not None:
        whole = open_folder(place)
        _same(whole.card.model.frontend.model_dump(), model.frontend.model_dump(), "train.frontend", place)
        system.frontend.load_state_dict(load_system(whole).frontend.state_dict())
        return
    if not isinstance(model.frontend, XlsrConfig):
        raise ConfigError(f"train.frontend: an XLS-R cannot start a model whose front-end is {model.frontend.kind}")
    folder = open_folder(place)
    source = load_frontend(folder)
    theirs = folder.card.model.frontend
    assert isinstance(theirs, XlsrConfig)
    _same(theirs.model_dump(exclude=FREE), model.frontend.model_dump(exclude=FREE), "train.frontend", place)
    if theirs.layers < model.frontend.layers:
        raise ConfigError(f"train.frontend: {place} has {theirs.layers} layers, model.frontend.layers asks for more")
    if theirs.layers > model.frontend.layers:
        numbers = model.frontend.layers, theirs.layers, place
        logger.info("train.frontend: keeps the first %d of %d layers of %s, as model.frontend.layers says", *numbers)
    source.encoder.layers = source.encoder.layers[: model.frontend.layers]
    system.frontend.load_state_dict(source.state_dict())


def _same(theirs: dict[str, Any], ours: dict[str, Any], key: str, place: str) -> None:
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ConfigError(f"{key}: {place} has {name} = {theirs.get(name)}, the settings say {value}")


def describe(dataset: Dataset) -> dict[str, Any]:
    """What the card tells of a data set."""
    labels, corpora = dataset.labels, dataset.column("corpus")
    return {
        "name": dataset.name,
        "bonafide": int((labels == 1).sum()),
        "spoof": int((labels == 0).sum()),
        "notes": list(dataset.notes),
        "corpora": {str(name): int((corpora == name).sum()) for name in sorted(set(corpora))},
    }
