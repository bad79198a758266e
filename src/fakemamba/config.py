"""What a system is, as one frozen tree: read from TOML or `config.json`, checked to the last key.

Modules never see these classes, only plain numbers; `fakemamba.models.build` is the one translator.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fakemamba.errors import ConfigError


class Frozen(BaseModel):
    """A value: no unknown keys, no change after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class XlsrConfig(Frozen):
    """wav2vec 2.0 in its layer-norm variant; the defaults are XLS-R 300M (arXiv 2111.09296)."""

    kind: Literal["xlsr"] = "xlsr"
    width: int = 1024
    layers: int = 24
    heads: int = 16
    ffn: int = 4096
    conv_channels: tuple[int, ...] = (512,) * 7
    conv_kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    positional_kernel: int = 128
    positional_groups: int = 16
    dropout: float = 0.0
    layerdrop: float = 0.0
    # The checkpoints of the fairseq era feed the raw waveform, those of the Hub a standardised one.
    normalize_input: bool = False
    # Frames (50 a second). A clip of more than `span` goes through the Transformer in windows of so many, of which
    # `context` at either side are computed and not kept; in training never. docs/systems.md has the evidence.
    span: int = 3000
    context: int = 125

    @model_validator(mode="after")
    def _fits_together(self) -> "XlsrConfig":
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if self.positional_groups < 1 or self.width % self.positional_groups:
            raise ValueError(f"width {self.width} must be a multiple of positional_groups {self.positional_groups}")
        if not self.conv_channels or not len(self.conv_channels) == len(self.conv_kernels) == len(self.conv_strides):
            raise ValueError("conv_channels, conv_kernels and conv_strides must be equally long, one entry a layer")
        if not 0 <= 2 * self.context < self.span:
            raise ValueError(f"context {self.context} must be 0 or more and less than half of span {self.span}")
        return self


class SpectrumConfig(Frozen):
    """The compact front-end: log-linear spectrum and 2-D convolutions."""

    kind: Literal["spectrum"] = "spectrum"
    fft: int = 512
    hop: int = 160
    channels: tuple[int, ...] = (16, 32, 64, 96)
    time_strides: tuple[int, ...] = (2, 2, 1, 1)
    dropout: float = 0.0
    hide: int = 0  # bins of a band that training blanks, at most


class RecogniserConfig(Frozen):
    """The first layers of a Whisper encoder; its weights come with the model."""

    layers: Annotated[int, Field(ge=0)] = 1
    width: Annotated[int, Field(gt=0)] = 384
    heads: Annotated[int, Field(gt=0)] = 6

    @model_validator(mode="after")
    def _divides(self) -> "RecogniserConfig":
        if self.width % self.heads or self.width % 2 or self.width < 4:
            raise ValueError(f"width {self.width} must be 4 or more, even and a multiple of heads {self.heads}")
        return self


class CepstraConfig(Frozen):
    """The statistics front-end: what cepstra do over time. Goes with encoder "none", pooling "statistics".

    With `modulation` and a `recogniser` there are statistics of these too, each judged apart.
    """

    kind: Literal["cepstra"] = "cepstra"
    ffts: Annotated[tuple[int, ...], Field(min_length=2)] = (256, 512, 1024)
    hop: int = 160
    modulation: bool = False
    recogniser: RecogniserConfig | None = None


Frontend = Annotated[XlsrConfig | SpectrumConfig | CepstraConfig, Field(discriminator="kind")]

EncoderKind = Literal[
    "pn_bimamba",  # the paper's best: one mixer shared by both directions
    "pn_mamba",  # its unidirectional ablation
    "con_bimamba",  # Conformer block, attention replaced by the external BiMamba
    "trans_bimamba",  # Transformer layer, attention replaced by the external BiMamba
    "transformer",  # the self-attention twins
    "conformer",
    "dual_mamba",  # XLSR-Mamba: a forward and a backward column
    "none",  # the front-end's statistics are judged as they are
]


class EncoderConfig(Frozen):
    """A stack of blocks; what a kind does not use keeps its default."""

    kind: EncoderKind = "pn_bimamba"
    depth: int = 7
    state: int = 16
    conv: int = 4
    expand: int = 2
    norm: bool = True  # Table III: without the LayerNorms
    ffn: bool = True  # Table III: without the FFN
    ffn_mult: int = 4
    heads: int = 4
    head_width: int = 36
    conv_expand: int = 2  # of the Conformer's convolution module
    kernel: int = 31  # of its depthwise convolution
    dropout: float = 0.0


class ModelConfig(Frozen):
    """waveform -> front-end -> Linear, BatchNorm, SELU -> encoder -> pooling -> two logits."""

    frontend: Frontend = XlsrConfig()
    width: int = 144
    encoder: EncoderConfig = EncoderConfig()
    pooling: Literal["attention", "mean", "class_token", "dual", "statistics"] = "attention"
    # What a score is; "cosine" is one-class training's: of the embedding to the genuine centre.
    score: Literal["bonafide_logit", "logit_difference", "cosine"] = "bonafide_logit"
    window: int = 66_800  # samples: 4.175 s
    short: Literal["repeat", "as_is"] = "repeat"  # what to do with clips shorter than `window`


C = TypeVar("C", bound=BaseModel)


def parse(kind: type[C], data: dict[str, Any], where: str) -> C:
    """Check `data` against `kind`; raises ConfigError with the first fault in one line."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ConfigError(f"{where}: {place}: {first['msg']}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file into plain values; raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def load_model_config(path: Path) -> ModelConfig:
    """Read the `[model]` table of a TOML file; raises ConfigError."""
    data = read_toml(path)
    if "model" not in data:
        raise ConfigError(f"{path}: no [model] table")
    return parse(ModelConfig, data["model"], str(path))
