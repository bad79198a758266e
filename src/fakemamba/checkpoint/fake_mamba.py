"""Checkpoints of Fake-Mamba and of the self-attention twin inside its study."""

from pathlib import Path
from typing import Any

from fakemamba.checkpoint.rename import Rule, Tensors, depth, size

# Outside the encoder, all systems of the study are alike; fc0 is a leftover that no forward pass uses.
COMMON: tuple[Rule, ...] = (
    (r"LL\.(.+)", r"project.\1"),
    (r"first_bn\.(.+)", r"norm.\1"),
    (r"attention_pool\.(.+)", r"pool.weigh.\1"),
    (r"fc5\.(.+)", r"head.\1"),
    (r"fc0\..+", None),
)
RULES: tuple[Rule, ...] = (
    *COMMON,
    (r"(encoder\.layers\.\d+\.(?:mamba|norm1|norm2|feed_forward\.[02])\..+)", r"\1"),
)
TRANSFORMER_RULES: tuple[Rule, ...] = (
    *COMMON,
    (r"encoder\.layers\.(\d+)\.ff1\.fn\.net\.0\.(.+)", r"encoder.layers.\1.ffn.up.\2"),
    (r"encoder\.layers\.(\d+)\.ff1\.fn\.net\.3\.(.+)", r"encoder.layers.\1.ffn.down.\2"),
    (r"encoder\.layers\.(\d+)\.ff1\.norm\.(.+)", r"encoder.layers.\1.ffn.norm.\2"),
    (r"encoder\.layers\.(\d+)\.attn\.fn\.(.+)", r"encoder.layers.\1.attention.\2"),
    (r"encoder\.layers\.(\d+)\.attn\.norm\.(.+)", r"encoder.layers.\1.norm1.\2"),
    (r"encoder\.layers\.(\d+)\.post_norm\.(.+)", r"encoder.layers.\1.norm.\2"),
)


def describe(tensors: Tensors, where: Path) -> dict[str, Any]:
    """Fields of ModelConfig for Fake-Mamba, depth and Table III's variants included, from our names' shapes."""
    width = size(tensors, "project.weight", 0, where)
    layer = "encoder.layers.0"
    feed = f"{layer}.feed_forward.0.weight"
    encoder = {
        "kind": "pn_bimamba",
        "depth": depth(tensors, "encoder.layers", where),
        **describe_mixer(tensors, f"{layer}.mamba", width, where),
        "norm": f"{layer}.norm1.weight" in tensors,
        "ffn": feed in tensors,
        "ffn_mult": size(tensors, feed, 0, where) // width if feed in tensors else 4,
    }
    return {"width": width, "encoder": encoder, "pooling": pooling(tensors)}


def describe_transformer(tensors: Tensors, where: Path) -> dict[str, Any]:
    """Fields of ModelConfig for the twin with Transformer layers."""
    width = size(tensors, "project.weight", 0, where)
    encoder = {
        "kind": "transformer",
        "depth": depth(tensors, "encoder.layers", where),
        "ffn_mult": size(tensors, "encoder.layers.0.ffn.up.weight", 0, where) // width,
        **describe_attention(tensors, "encoder.layers.0.attention", where),
    }
    return {"width": width, "encoder": encoder, "pooling": pooling(tensors)}


def describe_mixer(tensors: Tensors, prefix: str, width: int, where: Path) -> dict[str, int]:
    """State, taps and expansion of a Mamba-1 mixer."""
    return {
        "state": size(tensors, f"{prefix}.A_log", 1, where),
        "conv": size(tensors, f"{prefix}.conv1d.weight", 2, where),
        "expand": size(tensors, f"{prefix}.A_log", 0, where) // width,
    }


def describe_attention(tensors: Tensors, prefix: str, where: Path) -> dict[str, int]:
    """Heads and their width: the embeddings of relative positions are one head wide."""
    head_width = size(tensors, f"{prefix}.rel_pos_emb.weight", 1, where)
    return {"heads": size(tensors, f"{prefix}.to_q.weight", 0, where) // head_width, "head_width": head_width}


def pooling(tensors: Tensors) -> str:
    """Table III's system without attention pooling has no weights there."""
    return "attention" if "pool.weigh.weight" in tensors else "mean"
