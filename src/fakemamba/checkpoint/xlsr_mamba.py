"""Checkpoints of XLSR-Mamba, whose encoder is called `conformer` in the published files."""

from pathlib import Path
from typing import Any

from fakemamba.checkpoint.fake_mamba import describe_mixer
from fakemamba.checkpoint.rename import Rule, Tensors, depth, size
from fakemamba.errors import CheckpointError

RULES: tuple[Rule, ...] = (
    (r"LL\.(.+)", r"project.\1"),
    (r"first_bn\.(.+)", r"norm.\1"),
    (r"conformer\.((?:forward|backward)_layers\.\d+\.(?:mixer\..+|norm\.weight))", r"encoder.\1"),
    (r"conformer\.norm_f\.weight", "encoder.norm_f.weight"),
    (r"conformer\.f_attention_pool\.(.+)", r"pool.forward_pool.weigh.\1"),
    (r"conformer\.b_attention_pool\.(.+)", r"pool.backward_pool.weigh.\1"),
    (r"conformer\.LL\.(.+)", r"pool.join.\1"),
    (r"conformer\.classifier\.(.+)", r"head.\1"),
)


def describe(tensors: Tensors, where: Path) -> dict[str, Any]:
    """Fields of ModelConfig from our names' shapes; raises CheckpointError for columns of unequal depth."""
    width = size(tensors, "project.weight", 0, where)
    forward, backward = (depth(tensors, f"encoder.{way}_layers", where) for way in ("forward", "backward"))
    if forward != backward:
        raise CheckpointError(f"{where}: {forward} layers forwards but {backward} backwards")
    mixer = describe_mixer(tensors, "encoder.forward_layers.0.mixer", width, where)
    return {"width": width, "encoder": {"kind": "dual_mamba", "depth": 2 * forward, **mixer}, "pooling": "dual"}
