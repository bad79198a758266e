"""What `config.json` of a model folder holds: `ModelCard`, checked to the last key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from fakemamba.config import Frozen, ModelConfig, parse
from fakemamba.errors import CheckpointError, ConfigError

FORMAT = 1
CARD_FILE = "config.json"
PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$"

_CARD_BYTES = 1_000_000  # a card is a few kB; anything larger is no card
_LARGEST = {"depth": 1_000, "layers": 1_000}
_LARGEST_NUMBER = 10_000_000
_MAY_BE_ZERO = {"hide", "context"}
_RATE = 16_000  # Hz of every model

FileName = Annotated[str, StringConstraints(pattern=PLAIN_NAME)]
PointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\r\n]{0,300}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class Calibration(Frozen):
    """Log-likelihood ratio = scale * score + bias, natural logarithm, higher = more genuine."""

    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    bias: Finite = 0.0


class Decision(Frozen):
    """Fake if llr < low = threshold - unsure_below, real if llr > high = threshold + unsure_above, else unsure."""

    threshold: Finite = 0.0
    unsure_below: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    unsure_above: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @property
    def low(self) -> float:
        """Below it the verdict is fake."""
        return self.threshold - self.unsure_below

    @property
    def high(self) -> float:
        """Above it the verdict is real."""
        return self.threshold + self.unsure_above


class Counts(Frozen):
    """The verdicts of an operating point on clips of known truth; those in no count were unsure.

    Attributes:
        on: which clips, in words.
        genuine, fake: clips of each class.
        genuine_called_fake, genuine_called_real, fakes_called_fake, fakes_called_real: of them.
    """

    on: Line
    genuine: Count
    genuine_called_fake: Count
    genuine_called_real: Count
    fake: Count
    fakes_called_fake: Count
    fakes_called_real: Count

    @model_validator(mode="after")
    def _add_up(self) -> "Counts":
        if self.genuine_called_fake + self.genuine_called_real > self.genuine:
            raise ValueError("more verdicts on genuine clips than there are")
        if self.fakes_called_fake + self.fakes_called_real > self.fake:
            raise ValueError("more verdicts on fakes than there are")
        return self


class OperatingPoint(Frozen):
    """One way to decide that has a name, what it is for, and what it did with clips of known truth."""

    name: PointName
    purpose: Line
    decision: Decision
    measured: tuple[Counts, ...] = ()


class NearCounts(Frozen):
    """What the near pass marked in clips of known truth.

    Attributes:
        on: which clips, in words.
        genuine, genuine_marked: genuine clips, and those of them in which it marked anything.
        partial, partial_found: partial fakes, and those of them in which a mark meets a fake stretch.
    """

    on: Line
    genuine: Count
    genuine_marked: Count
    partial: Count
    partial_found: Count

    @model_validator(mode="after")
    def _add_up(self) -> "NearCounts":
        if self.genuine_marked > self.genuine or self.partial_found > self.partial:
            raise ValueError("more marks than clips")
        return self


class Near(Frozen):
    """The near pass: a second look in short windows, which finds where a recording is fake; see `fakemamba.near`.

    Attributes:
        seconds, hop: of a window, and from one window's start to the next.
        calibration: score of a short window -> LLR; below 0 a frame sounds rather fake.
        threshold: the evidence, LLR times seconds, from which a stretch of such frames is marked fake.
        length: seconds of the recordings that `threshold` was chosen on.
        growth: what the threshold gains for each factor e of more seconds than that: chance has more room there.
        measured: what it marked in clips of known truth.
    """

    seconds: Annotated[float, Field(ge=0.1, le=10)]
    hop: Annotated[float, Field(ge=0.02, le=10)]
    calibration: Calibration
    threshold: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    length: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    growth: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    measured: tuple[NearCounts, ...] = ()

    @model_validator(mode="after")
    def _overlaps(self) -> "Near":
        if self.hop > self.seconds:
            raise ValueError(f"a hop of {self.hop:g} s leaves gaps between windows of {self.seconds:g} s")
        if abs(self.hop * _RATE - round(self.hop * _RATE)) > 1e-6:
            raise ValueError(f"a hop of {self.hop:g} s is no whole number of samples at 16 kHz")
        return self


class ModelCard(Frozen):
    """What `config.json` holds: architecture, calibration, decision, provenance and the files' hashes.

    `operating_points` are other decisions to choose from by name; the one that equals `decision` is the default.
    `conditions` are calibrations for sound in which its scores mean something else; see `fakemamba.audio.condition`.
    `near` is for models that can judge short windows; without it detection takes no near look.
    """

    format: Literal[1] = 1
    name: FileName
    model: ModelConfig
    calibration: Calibration | None = None
    conditions: dict[Literal["telephone", "noise"], Calibration] = Field(default_factory=dict)
    decision: Decision | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    near: Near | None = None
    licence: str = "unknown"
    origin: str = "unknown"
    training: dict[str, Any] = Field(default_factory=dict)
    files: dict[FileName, Sha256] = Field(default_factory=dict)

    @property
    def onnx_precision(self) -> str:
        """Of the weights in its ONNX file, as `fakemamba export` records it: fp32, fp16 or int8."""
        record = self.training.get("exported")
        precision = record.get("precision") if isinstance(record, dict) else None
        return precision if precision in ("int8", "fp16") else "fp32"

    @field_validator("files")
    @classmethod
    def _not_the_card(cls, files: dict[str, str]) -> dict[str, str]:
        if CARD_FILE in files:
            raise ValueError(f"{CARD_FILE} cannot hold its own hash")
        return files

    @field_validator("operating_points")
    @classmethod
    def _each_once(cls, points: tuple[OperatingPoint, ...]) -> tuple[OperatingPoint, ...]:
        names = [point.name for point in points]
        if len(set(names)) < len(names):
            raise ValueError(f"each needs a name of its own, not {', '.join(names)}")
        return points

    @model_validator(mode="after")
    def _conditions_fit(self) -> "ModelCard":
        if self.conditions and self.calibration is None:
            raise ValueError("conditions: the model itself is not calibrated")
        return self

    @model_validator(mode="after")
    def _near_fits(self) -> "ModelCard":
        if self.near is None:
            return self
        if self.calibration is None:
            raise ValueError("near: the model itself is not calibrated, so a near pass adds nothing to it")
        if 2 * self.near.seconds * _RATE > self.model.window:
            raise ValueError(f"near: windows of {self.near.seconds:g} s must be half the model's window or shorter")
        return self

    @field_validator("model")
    @classmethod
    def _buildable(cls, model: ModelConfig) -> ModelConfig:
        """No number that would only serve to exhaust the machine."""
        for name, value in _numbers(model.model_dump()):
            least = 0 if name in _MAY_BE_ZERO else 1
            if not least <= value <= _LARGEST.get(name, _LARGEST_NUMBER):
                raise ValueError(f"{name} = {value} is out of range")
        return model


def read_card(path: Path) -> ModelCard:
    """Read and check a `config.json`; raises CheckpointError with the first fault in one line."""
    data = _read_json(path)
    found = data.get("format")
    if found is None:
        hint = ": it is a Hugging Face model; run  fakemamba models import FOLDER --as xls-r" * ("model_type" in data)
        raise CheckpointError(f"{path}: has no 'format', so it is no fakemamba model card{hint}")
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        raise CheckpointError(
            f"{path}: format {found} comes from a newer fakemamba (this one reads up to {FORMAT}): "
            "run  pip install -U fakemamba"
        )
    try:
        return parse(ModelCard, data, str(path))
    except ConfigError as error:
        raise CheckpointError(printable(str(error))) from error


def printable(text: str) -> str:
    """One printable line: a hostile key must not write on the terminal."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= 400 else f"{line[:400]}…"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_CARD_BYTES + 1)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent}: no {CARD_FILE} here, so it is no model folder") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > _CARD_BYTES:
        raise CheckpointError(f"{path}: larger than {_CARD_BYTES} bytes, so it is no model card")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON: {printable(str(error))}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: must hold a JSON object, holds a {type(data).__name__}")
    return data


def _numbers(tree: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """All whole numbers of a nested value with the key that each stands under."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, key)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _numbers(value, name)
    elif isinstance(tree, int) and not isinstance(tree, bool):
        yield name, tree
