"""Which parameters learn, how fast, and how that changes over the steps."""

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from fakemamba.train.settings import OptimConfig

FRONTEND = "frontend."
_ABOVE = ("frontend.", "frontend.encoder.", "frontend.encoder.layers.")  # rooms that hold more than frozen layers
_LAYER = re.compile(r"frontend\.encoder\.layers\.(\d+)\.")


def rate_at(step: int, steps: int, config: "OptimConfig") -> float:
    """The rate of a step (from 0) out of `steps`, in units of lr: linear warm-up, then constant or a cosine."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    if config.schedule == "constant":
        return 1.0
    done = min(1.0, (step - config.warmup) / max(1, steps - config.warmup))
    return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * done))


def freeze(system: nn.Module, config: "OptimConfig") -> None:
    """Let the frozen parts need no gradient."""
    for name, parameter in system.named_parameters():
        parameter.requires_grad_(not _frozen(name, config))


def training_mode(system: nn.Module, config: "OptimConfig") -> None:
    """`system.train()`, but frozen parts compute as in detection: no dropout, no statistics of the batch."""
    system.train()
    for name, module in system.named_modules():
        if name and _frozen(f"{name}.", config):
            module.eval()


def _frozen(name: str, config: "OptimConfig") -> bool:
    if config.freeze == "nothing" or not name.startswith(FRONTEND):
        return False
    if config.freeze == "frontend":
        return True
    layer = _LAYER.match(name)
    if layer:
        return int(layer[1]) < config.frozen_layers
    # The convolutions and projections below the first layer; the LayerNorm after the last one learns.
    return name not in _ABOVE and not name.startswith("frontend.encoder.layer_norm.")


def share_of_rate(name: str, config: "OptimConfig", layers: int) -> float:
    """A parameter's rate in units of lr: the front-end's, less by every layer between it and the top."""
    if not name.startswith(FRONTEND):
        return 1.0
    layer = _LAYER.match(name)
    number = int(layer[1]) if layer else -1  # what lies under the layers counts as one more
    below = 0 if name.startswith("frontend.encoder.layer_norm.") else layers - 1 - number
    return float(config.frontend_rate * config.layer_decay**below)


def make_optimiser(system: nn.Module, config: "OptimConfig") -> torch.optim.Optimizer:
    """The optimiser over what learns; every group remembers its `share` of the rate."""
    layers = 1 + max((int(m[1]) for n, _ in system.named_parameters() if (m := _LAYER.match(n))), default=-1)
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in system.named_parameters():
        if parameter.requires_grad:
            # Decay pulls vectors (biases, norms, step sizes) to where they must not go; the released recipe did it.
            decay = config.weight_decay if config.kind == "adam" or parameter.ndim > 1 else 0.0
            groups[share_of_rate(name, config, layers), decay].append(parameter)
    rows = [
        {"params": parameters, "weight_decay": decay, "share": share, "lr": config.lr * share}
        for (share, decay), parameters in groups.items()
    ]
    kind = torch.optim.Adam if config.kind == "adam" else torch.optim.AdamW
    return kind(rows, lr=config.lr, betas=config.betas)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of `rate`."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
