"""The released recipe as settings (REFERENCE, section 2), and its miniature for dry runs."""

from typing import Any

from fakemamba.config import ModelConfig, XlsrConfig
from fakemamba.paper.experiments import TRAINING_CORPUS, Start, Target

ALGORITHM: dict[Target, int] = {"la": 5, "df": 3}  # of RawBoost
FAST = 1e-4  # the learning rate of "scratch-fast": random weights hardly move at the released 1e-6

_TINY_XLSR = XlsrConfig(
    width=32, layers=1, heads=2, ffn=64, conv_channels=(16,) * 7, positional_kernel=16, positional_groups=4
)
_MINIATURE: dict[str, dict[str, Any]] = {
    "batch": {"size": 6},
    "optim": {"lr": 1e-3},
    "train": {"epochs": 2, "patience": 0, "keep": 2, "save_minutes": 60.0},
}


def recipe(
    model: ModelConfig, *, target: Target, seed: int, start: Start, root: str, xlsr: str | None, miniature: bool = False
) -> dict[str, Any]:
    """The tree of a training file.

    Args:
        model: the system.
        target: what the training is for, which decides about RawBoost.
        seed: of everything drawn.
        start: from XLS-R's weights, from scratch, or from scratch at a hundred times the learning rate.
        root: of ASVspoof 2019 LA. xlsr: the model folder of XLS-R.
        miniature: a few steps of something tiny instead.
    """
    source = {"corpus": TRAINING_CORPUS, "root": root}
    sides = {side: [{**source, "split": side}] for side in ("train", "dev")}
    tree: dict[str, Any] = {
        "model": (shrink(model) if miniature else model).model_dump(mode="json"),
        "data": sides,
        "augment": {"kind": "rawboost", "algorithm": ALGORITHM[target], "dev": True},
        "batch": {"size": 20},
        "optim": {"kind": "adam", "lr": FAST if start == "scratch-fast" else 1e-6, "weight_decay": 1e-4},
        "loss": {"weights": [0.1, 0.9]},
        "train": {"epochs": 75, "patience": 7, "keep": 5, "seed": seed},
    }
    if start == "xls-r":
        tree["train"]["frontend"] = xlsr
    if miniature:
        for name, table in _MINIATURE.items():
            tree[name] |= table
    return tree


def shrink(model: ModelConfig) -> ModelConfig:
    """The same architecture, hardly more than its wiring: for dry runs."""
    small = {"depth": 2, "state": 4, "heads": 2, "head_width": 8, "kernel": 7}
    return model.model_copy(
        update={
            "frontend": _TINY_XLSR,
            "width": 16,
            "window": 16_000,
            "encoder": model.encoder.model_copy(update=small),
        }
    )
