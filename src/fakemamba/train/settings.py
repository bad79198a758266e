"""What a training run is, as one frozen tree; `Recipe` is what the loop needs, `Settings` what a TOML file holds."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from fakemamba.augment.rawboost import Algorithm
from fakemamba.config import Frozen, ModelConfig
from fakemamba.data.mix import DataConfig

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]


class AugmentConfig(Frozen):
    """What training clips meet on their way; nothing here ever looks at a label."""

    kind: Literal["none", "rawboost", "chain"] = "none"
    algorithm: Algorithm = 5  # of RawBoost: 5 for telephony (2021 LA), 3 for compressed speech (2021 DF)
    form: Literal["fast", "legacy"] = "fast"  # legacy: the published code's arithmetic, slow
    # Of the chain: each clip meets one of these strengths; 0 leaves it clean. `chances` weighs them, evenly if empty.
    strengths: tuple[Share, ...] = (0.0, 0.4, 0.8)
    chances: tuple[NotNegative, ...] = ()
    codecs: tuple[str, ...] = ()  # that the chain may draw; empty for all of this machine
    noises: tuple[Path, ...] = ()  # recordings, or folders of them, for the chain's background
    dev: bool = False  # dev clips meet the same, each the same draw at every look; the released recipe does so

    @model_validator(mode="after")
    def _fits_together(self) -> "AugmentConfig":
        if not self.strengths:
            raise ValueError("strengths is empty: give at least one, 0 for clean")
        if self.chances and (len(self.chances) != len(self.strengths) or not sum(self.chances) > 0):
            raise ValueError(f"chances must be {len(self.strengths)} numbers, one a strength, not all 0")
        return self


class BatchConfig(Frozen):
    """One optimiser step's clips, over all processes together: the same numbers on a laptop and on eight GPUs."""

    size: Count = 20
    accumulate: Count = 1  # parts in which a step's clips are taken, to save memory
    crop: Literal["first", "random"] = "first"
    # Seconds that all clips of a batch are brought to, drawn anew for each batch; empty for the model's window.
    lengths: tuple[Positive, ...] = ()
    variable: bool = False  # whole clips of their own lengths, alike ones together, the rest masked
    longest: Positive = 10.0  # seconds at which `variable` cuts

    @model_validator(mode="after")
    def _fits_together(self) -> "BatchConfig":
        if self.accumulate > self.size:
            raise ValueError(f"accumulate {self.accumulate} is more than size {self.size}")
        if self.variable and self.lengths:
            raise ValueError("variable and lengths exclude each other")
        return self


class OptimConfig(Frozen):
    """The optimiser, its rates over time and over the model's parts."""

    kind: Literal["adam", "adamw"] = "adamw"  # adamw decays matrices alone, adam everything, as released
    lr: Positive = 1e-5
    weight_decay: NotNegative = 1e-4
    betas: tuple[Share, Share] = (0.9, 0.999)
    warmup: Whole = 0  # steps of linear rise
    schedule: Literal["constant", "cosine"] = "constant"
    floor: Share = 0.05  # what a cosine falls to, in units of lr
    clip: NotNegative = 0.0  # largest gradient norm; 0 for none
    frontend_rate: NotNegative = 1.0  # of the front-end, in units of lr
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0  # each XLS-R layer's rate in units of the one above it
    freeze: Literal["nothing", "layers", "frontend"] = "nothing"
    frozen_layers: Whole = 0  # with freeze = "layers": so many from the bottom, and the convolutions below them
    checkpointing: bool = False  # recompute XLS-R's layers in the backward pass: a third slower, far less memory


class LossConfig(Frozen):
    """What is minimised."""

    kind: Literal["cross_entropy", "focal", "one_class"] = "cross_entropy"
    weights: tuple[Positive, Positive] = (1.0, 1.0)  # spoof, bona fide
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of cross-entropy's targets
    gamma: NotNegative = 2.0  # of focal loss (arXiv 1708.02002)
    # Of OC-Softmax (arXiv 2010.13995): the scale and the two margins of the cosine to the genuine centre.
    alpha: Positive = 20.0
    genuine_margin: Annotated[float, Field(ge=-1, le=1)] = 0.9
    spoof_margin: Annotated[float, Field(ge=-1, le=1)] = 0.2

    @model_validator(mode="after")
    def _fits_together(self) -> "LossConfig":
        if self.smoothing and self.kind != "cross_entropy":
            raise ValueError(f"smoothing is of cross_entropy; {self.kind} has none")
        return self


class TrainConfig(Frozen):
    """How long, how often one looks, and what is kept."""

    seed: Whole = 1234
    epochs: Count = 75
    patience: Whole = 7  # epochs without a better look after which it ends; 0 for never
    # What a look at dev is judged by; macro_eer is the plain mean over the sources of the fakes (see dev.py).
    watch: Literal["loss", "eer", "macro_eer"] = "loss"
    keep: Count = 5  # best epochs whose mean becomes `average/`
    average: Literal["correct", "legacy"] = "correct"  # legacy: (2 b1 + b2 + b3 + b4) / 5, the released code's slip
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the running mean of weights; 0 for none
    precision: Literal["fp32", "bf16"] = "fp32"
    frontend: str | None = None  # a model folder whose XLS-R, or recogniser, it starts from
    start: str | None = None  # a model that it starts from as a whole, by folder or name: fine-tuning
    # These may be changed between two calls of one run; they change nothing that it computes.
    workers: Whole = 0  # processes that read and augment ahead
    save_minutes: Positive = 10.0  # between checkpoints
    save_steps: Whole = 0  # likewise in steps; 0 for minutes alone
    log_steps: Count = 25

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainConfig":
        if self.frontend and self.start:
            raise ValueError("frontend and start exclude each other: a whole system brings its front-end")
        if self.average == "legacy" and self.keep != 5:
            raise ValueError(f"average = 'legacy' is defined for keep = 5, not {self.keep}")
        return self


# Of TrainConfig: what a resumed run may do differently.
CHANGEABLE = frozenset({"workers", "save_minutes", "save_steps", "log_steps"})


class Recipe(Frozen):
    """What the loop needs, wherever its batches come from."""

    model: ModelConfig = ModelConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
    accumulate: Count = 1

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if (self.loss.kind == "one_class") != (self.model.score == "cosine"):
            raise ValueError('loss.kind = "one_class" and model.score = "cosine" only go together')
        part, optim = self.model.frontend, self.optim
        if part.kind != "xlsr" and (optim.freeze == "layers" or optim.checkpointing or optim.layer_decay != 1):
            raise ValueError("optim.freeze = 'layers', layer_decay and checkpointing are of an XLS-R front-end")
        if part.kind == "xlsr" and optim.freeze == "layers" and not 1 <= optim.frozen_layers <= part.layers:
            raise ValueError(f"optim.frozen_layers must be from 1 to {part.layers} with optim.freeze = 'layers'")
        return self


class Settings(Frozen):
    """The tables of a training file, all but [data] optional."""

    model: ModelConfig = ModelConfig()
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    batch: BatchConfig = BatchConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()

    @property
    def recipe(self) -> Recipe:
        """The loop's part."""
        return Recipe(
            model=self.model, optim=self.optim, loss=self.loss, train=self.train, accumulate=self.batch.accumulate
        )

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        _ = self.recipe
        return self
