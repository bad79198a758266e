"""The systems of the study; each is what its file in `configs/` says (a test holds them to it)."""

from dataclasses import dataclass
from typing import Any

from fakemamba.config import EncoderConfig, ModelConfig


@dataclass(frozen=True)
class System:
    """One row of a table: its title for people, and what it is made of."""

    name: str
    title: str
    model: ModelConfig


def _system(name: str, title: str, pooling: str = "attention", **encoder: Any) -> System:
    model = ModelConfig.model_validate({"pooling": pooling, "encoder": EncoderConfig.model_validate(encoder)})
    return System(name, title, model)


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        _system("fake-mamba-s", "Fake-Mamba-S", kind="pn_bimamba", depth=4),
        _system("fake-mamba-l", "Fake-Mamba-L", kind="pn_bimamba", depth=7),
        _system("xlsr-mamba", "XLSR-Mamba", "dual", kind="dual_mamba", depth=12),
        _system(
            "xlsr-conformer", "XLSR-Conformer", "class_token",
            kind="conformer", depth=4, heads=4, head_width=36, kernel=31,
        ),
        _system("xlsr-transformer", "XLSR-Transformer", kind="transformer", depth=7, heads=8, head_width=64),
        _system("con-bimamba", "ConBiMamba", kind="con_bimamba", depth=7, kernel=31),
        _system("trans-bimamba", "TransBiMamba", kind="trans_bimamba", depth=7),
        _system(
            "xlsr-conformer-pool", "Conformer, attention pooling",
            kind="conformer", depth=7, heads=4, head_width=36, kernel=16,
        ),
        _system("ablation-unidirectional", "forward direction alone", kind="pn_mamba", depth=7),
        _system("ablation-no-norm", "without LayerNorms", kind="pn_bimamba", depth=7, norm=False),
        _system("ablation-no-ffn", "without feed-forward", kind="pn_bimamba", depth=7, ffn=False),
        _system("ablation-mean-pooling", "mean pooling", "mean", kind="pn_bimamba", depth=7),
    )
}  # fmt: skip
