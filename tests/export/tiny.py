"""Systems of every kind that export in seconds: the shipped configurations with one narrow layer of each sort."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from systems import lively

from conftest import ROOT
from fakemamba.checkpoint.folder import Calibration, Decision, ModelFolder
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.config import ModelConfig, RecogniserConfig, SpectrumConfig, XlsrConfig, load_model_config
from fakemamba.models.system import System

CONFIGS = sorted((ROOT / "configs").glob("*.toml"))
XLSR = XlsrConfig(
    width=64, layers=1, heads=2, ffn=96, conv_channels=(16, 24), conv_kernels=(10, 8), conv_strides=(5, 8),
    positional_kernel=8, positional_groups=4,
)  # fmt: skip


def tiny(path: Path) -> ModelConfig:
    """The configuration of a file, as small as its kind allows."""
    config = load_model_config(path)
    if isinstance(config.frontend, XlsrConfig):
        frontend: Any = XLSR.model_copy(update={"normalize_input": path.stem == "fake-mamba-edge"})
    elif isinstance(config.frontend, SpectrumConfig):
        frontend = SpectrumConfig(fft=128, channels=(4, 8), time_strides=(2, 1))
    else:
        heard = config.frontend.recogniser and RecogniserConfig(layers=1, width=16, heads=2)
        ffts = (128, 256) if heard else (128, 256, 512)
        frontend = config.frontend.model_copy(update={"ffts": ffts, "recogniser": heard})
    depth = 2 if config.encoder.kind == "dual_mamba" else 1
    encoder = config.encoder.model_copy(update={"depth": depth, "heads": 2, "head_width": 8})
    return config.model_copy(update={"frontend": frontend, "encoder": encoder, "width": 48, "window": 16_000})


def alive(config: ModelConfig, seed: int = 0) -> System:
    """A system with random weights everywhere, in heads that begin at zero too."""
    system = lively(config, seed)
    with torch.no_grad():
        for parameter in system.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.05)
    return system


def model(path: Path, name: str = "fake-mamba-s", **card: Any) -> ModelFolder:
    """A folder with torch weights, calibrated so that verdicts differ."""
    config = tiny(ROOT / "configs" / f"{name}.toml")
    card = {
        "calibration": Calibration(scale=2.0, bias=0.5),
        "conditions": {"noise": Calibration()},
        "decision": Decision(unsure_above=0.3),
        **card,
    }
    return save_system(path, alive(config), config, **card)


def noise(samples: int, clips: int = 1, seed: int = 0) -> np.ndarray:
    """(clips, samples) float32."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((clips, samples)) * np.hanning(samples)).astype(np.float32)
