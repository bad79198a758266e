"""Small systems of every kind, for tests: the shipped configurations with narrow parts."""

import math
from pathlib import Path

import torch
from torch import Tensor

from conftest import ROOT
from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig, RecogniserConfig, XlsrConfig, load_model_config
from fakemamba.models.assemble import build
from fakemamba.models.system import System

# The systems with an encoder; those without have tests of their own, test_statistics.py and test_statistics_kinds.py.
CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.toml") if load_model_config(path).encoder.kind != "none")
TINY_XLSR = XlsrConfig(
    width=24, layers=2, heads=2, ffn=32, conv_channels=(8,) * 7, positional_kernel=8, positional_groups=2
)

THREE_KINDS = ModelConfig(
    frontend=CepstraConfig(ffts=(128, 256), modulation=True, recogniser=RecogniserConfig(layers=1, width=16, heads=2)),
    width=4,
    encoder=EncoderConfig(kind="none"),
    pooling="statistics",
    score="logit_difference",
)


def syllables(count: int, samples: int, seed: int = 0) -> Tensor:
    """Noise whose level goes up and down like syllables."""
    generator = torch.Generator().manual_seed(seed)
    wave = torch.randn(count, samples, generator=generator)
    return 0.1 * wave * (1.2 + torch.sin(torch.arange(samples) / 16_000 * 2 * math.pi * 3))


def small(path: Path) -> ModelConfig:
    """The configuration of a file with a tiny front-end, width 16 and depth 2."""
    config = load_model_config(path)
    frontend = TINY_XLSR if config.frontend.kind == "xlsr" else config.frontend
    encoder = config.encoder.model_copy(update={"depth": 2, "heads": 2, "head_width": 8})
    return config.model_copy(update={"frontend": frontend, "encoder": encoder, "width": 16})


def lively(config: ModelConfig, seed: int = 0) -> System:
    """A system with random weights and norm statistics that are not the identity, in evaluation mode."""
    torch.manual_seed(seed)
    system = build(config)
    for name, tensor in system.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.2)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    return system.eval()
