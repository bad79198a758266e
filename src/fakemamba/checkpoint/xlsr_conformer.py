"""Checkpoints of XLSR-Conformer (class token) and of the Conformer baseline of Fake-Mamba's study (pooled)."""

from pathlib import Path
from typing import Any

from fakemamba.checkpoint.fake_mamba import COMMON, describe_attention, pooling
from fakemamba.checkpoint.rename import Rule, Tensors, depth, size


def _block_rules(prefix: str) -> tuple[Rule, ...]:
    """One Conformer block: half FFN, attention, convolution, half FFN, norm."""
    parts = {
        r"ff([12])\.fn\.fn\.net\.0": r"ffn\2.up",
        r"ff([12])\.fn\.fn\.net\.3": r"ffn\2.down",
        r"ff([12])\.fn\.norm": r"ffn\2.norm",
        r"attn\.fn\.(to_q|to_kv|to_out|rel_pos_emb)": r"attention.\2",
        r"attn\.(norm)": r"\g<2>1",
        r"conv\.net\.0()": r"conv.norm",
        r"conv\.net\.2()": r"conv.pointwise1",
        r"conv\.net\.4\.conv()": r"conv.depthwise",
        r"conv\.net\.5()": r"conv.batch_norm",
        r"conv\.net\.7()": r"conv.pointwise2",
        r"post_(norm)": r"\2",
    }
    return tuple((rf"{prefix}\.(\d+)\.{old}\.(\w+)", rf"encoder.layers.\1.{new}.\3") for old, new in parts.items())


RULES: tuple[Rule, ...] = (
    (r"conformer\.class_token", "encoder.class_token"),
    (r"conformer\.fc5\.(.+)", r"head.\1"),
    *_block_rules(r"conformer\.encoder_blocks"),
    *COMMON[:2],
)
POOL_RULES: tuple[Rule, ...] = (*_block_rules("encoder_blocks"), *COMMON)


def describe(tensors: Tensors, where: Path) -> dict[str, Any]:
    """Fields of ModelConfig from our names' shapes; squeezes the pointwise convolutions, which are Linear here."""
    for name, tensor in tensors.items():
        if name.endswith(("pointwise1.weight", "pointwise2.weight")) and tensor.shape[2:] == (1,):
            tensors[name] = tensor.squeeze(2)
    width = size(tensors, "project.weight", 0, where)
    layer = "encoder.layers.0"
    encoder = {
        "kind": "conformer",
        "depth": depth(tensors, "encoder.layers", where),
        "ffn_mult": size(tensors, f"{layer}.ffn1.up.weight", 0, where) // width,
        "kernel": size(tensors, f"{layer}.conv.depthwise.weight", 2, where),
        "conv_expand": size(tensors, f"{layer}.conv.depthwise.weight", 0, where) // width,
        **describe_attention(tensors, f"{layer}.attention", where),
    }
    pooled = "class_token" if "encoder.class_token" in tensors else pooling(tensors)
    return {"width": width, "encoder": encoder, "pooling": pooled}
