"""XLS-R as fairseq and as the Hugging Face Hub name it: alone, or inside a detector."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fakemamba.checkpoint.rename import Rule, Tensors, depth, rename, size
from fakemamba.checkpoint.source import Source
from fakemamba.config import XlsrConfig, parse
from fakemamba.errors import CheckpointError, ConfigError

logger = logging.getLogger(__name__)

_POSITIONAL = "encoder.pos_conv_embed.conv"
_WB = r"(weight|bias)"
RULES: tuple[Rule, ...] = (
    # fairseq
    (rf"feature_extractor\.conv_layers\.(\d+)\.0\.{_WB}", r"feature_extractor.conv_layers.\1.conv.\2"),
    (rf"feature_extractor\.conv_layers\.(\d+)\.2\.1\.{_WB}", r"feature_extractor.conv_layers.\1.layer_norm.\2"),
    (rf"post_extract_proj\.{_WB}", r"feature_projection.projection.\1"),
    (rf"layer_norm\.{_WB}", r"feature_projection.layer_norm.\1"),
    (r"encoder\.pos_conv\.0\.(.+)", rf"{_POSITIONAL}.\1"),
    (rf"encoder\.layers\.(\d+)\.self_attn_layer_norm\.{_WB}", r"encoder.layers.\1.layer_norm.\2"),
    (rf"encoder\.layers\.(\d+)\.self_attn\.([kvq]|out)_proj\.{_WB}", r"encoder.layers.\1.attention.\2_proj.\3"),
    (rf"encoder\.layers\.(\d+)\.fc1\.{_WB}", r"encoder.layers.\1.feed_forward.intermediate_dense.\2"),
    (rf"encoder\.layers\.(\d+)\.fc2\.{_WB}", r"encoder.layers.\1.feed_forward.output_dense.\2"),
    # transformers, whose names are ours
    (rf"(feature_extractor\.conv_layers\.\d+\.(?:conv|layer_norm)\.{_WB})", r"\1"),
    (rf"(feature_projection\.(?:layer_norm|projection)\.{_WB})", r"\1"),
    (r"(encoder\.pos_conv_embed\.conv\..+)", r"\1"),
    (rf"(encoder\.layers\.\d+\.attention\.(?:[kvq]|out)_proj\.{_WB})", r"\1"),
    (rf"(encoder\.layers\.\d+\.feed_forward\.(?:intermediate|output)_dense\.{_WB})", r"\1"),
    (rf"(encoder\.layers\.\d+\.(?:final_)?layer_norm\.{_WB})", r"\1"),
    (rf"(encoder\.layer_norm\.{_WB})", r"\1"),
    # heads of the pre-training, never used here
    (r"mask_emb|masked_spec_embed|(quantizer|input_quantizer|project_q|project_hid|final_proj|target_glu)\..+", None),
)
# What stands beside a front-end with a prefix (wav2vec2., w2v_encoder.w2v_model.): heads of other tasks.
BESIDE: tuple[Rule, ...] = (
    (r"(quantizer|project_q|project_hid|lm_head|projector|classifier|w2v_encoder\.proj)\..+", None),
)
_HEADS = {1024: 16, 1280: 16, 1920: 16}  # XLS-R 300M, 1B, 2B by width
_STRIDES = {10: 5, 3: 2, 2: 2}  # of wav2vec 2.0's convolutions by kernel
_FIRST_CONV = re.compile(r"(.*?)feature_extractor\.conv_layers\.0\.(?:0|conv)\.weight")


@dataclass(frozen=True)
class FrontendOptions:
    """What tensors do not tell; None means: from the file's own options, else XLS-R's.

    Attributes:
        heads: attention heads.
        layers: keep only the first so many.
        strides: of the convolutions.
        normalize_input: feed each clip with zero mean and unit variance.
    """

    heads: int | None = None
    layers: int | None = None
    strides: tuple[int, ...] | None = None
    normalize_input: bool | None = None


def split_frontend(source: Source) -> tuple[Tensors, Tensors]:
    """Tensors of the front-end, without their prefix, and all the others; raises CheckpointError without one."""
    matches = [match for name in source.tensors if (match := _FIRST_CONV.fullmatch(name))]
    if not matches:
        raise CheckpointError(f"{source.path}: holds no wav2vec 2.0 front-end (feature_extractor.conv_layers.0)")
    prefix = min((match[1] for match in matches), key=len)
    inside = {name.removeprefix(prefix): t for name, t in source.tensors.items() if name.startswith(prefix)}
    return inside, {name: t for name, t in source.tensors.items() if not name.startswith(prefix)}


def convert_frontend(
    tensors: Mapping[str, Tensor], source: Source, options: FrontendOptions, *, normalized: bool
) -> tuple[XlsrConfig, Tensors]:
    """Rename the tensors of a front-end and read its numbers from them.

    Args:
        tensors: by fairseq's or transformers' names, without prefix.
        source: where they come from, with the options that the file told.
        options: what the user told; it counts first.
        normalized: how this lineage feeds its input where the user says nothing.

    Raises:
        CheckpointError: another variant of wav2vec 2.0, or numbers that nobody told.
    """
    where = source.path
    if "feature_extractor.conv_layers.0.2.weight" in tensors or source.option("layer_norm_first") is False:
        raise CheckpointError(
            f"{where}: is the group-norm variant of wav2vec 2.0; only XLS-R's layer-norm one is built"
        )
    ours = _plain_positional(rename(tensors, RULES, where), where)
    layers = depth(ours, "encoder.layers", where)
    kept = layers if options.layers is None else options.layers
    if not 1 <= kept <= layers:
        raise CheckpointError(f"{where}: cannot keep {kept} layers, it has {layers}")
    if kept < layers:  # what stands above was trained on the last layer's features, as its final norm was
        logger.warning("%s: keeps the first %d of %d XLS-R layers, as asked: train it before use", where, kept, layers)
    gone = tuple(f"encoder.layers.{layer}." for layer in range(kept, layers))
    ours = {name: tensor for name, tensor in ours.items() if not name.startswith(gone)}
    numbers = _numbers(ours, source, options) | {"layers": kept}
    normalize = normalized if options.normalize_input is None else options.normalize_input
    return _checked(numbers | {"normalize_input": normalize}, where), ours


def _numbers(ours: Tensors, source: Source, options: FrontendOptions) -> dict[str, Any]:
    where = source.path
    width = size(ours, "feature_projection.projection.weight", 0, where)
    convs = [
        f"feature_extractor.conv_layers.{layer}.conv.weight"
        for layer in range(depth(ours, "feature_extractor.conv_layers", where))
    ]
    kernels = tuple(size(ours, name, 2, where) for name in convs)
    direction = f"{_POSITIONAL}.parametrizations.weight.original1"
    return {
        "width": width,
        "heads": options.heads or _heads(source, width),
        "ffn": size(ours, "encoder.layers.0.feed_forward.intermediate_dense.weight", 0, where),
        "conv_channels": tuple(size(ours, name, 0, where) for name in convs),
        "conv_kernels": kernels,
        "conv_strides": options.strides or _strides(source, kernels),
        "positional_kernel": size(ours, direction, 2, where),
        "positional_groups": max(1, width // size(ours, direction, 1, where)),
    }


def _heads(source: Source, width: int) -> int:
    told = source.option("encoder_attention_heads", "num_attention_heads")
    if isinstance(told, int) and told > 0:
        return told
    if width not in _HEADS:
        raise CheckpointError(
            f"{source.path}: its front-end is {width} wide, which is no XLS-R, and tensors do not tell "
            "how many attention heads it has: give --ssl-heads"
        )
    return _HEADS[width]


def _strides(source: Source, kernels: tuple[int, ...]) -> tuple[int, ...]:
    told = source.option("conv_stride", "conv_feature_layers")
    if isinstance(told, str):  # fairseq: "[(512, 10, 5)] + [(512, 3, 2)] * 4 + ..."
        parts = re.findall(r"\(\s*\d+\s*,\s*\d+\s*,\s*(\d+)\s*\)\s*,?\s*\]?(?:\s*\*\s*(\d+))?", told)
        told = [int(stride) for stride, times in parts for _ in range(min(int(times or 1), 100))]
    if isinstance(told, list | tuple) and len(told) == len(kernels) and all(isinstance(n, int) for n in told):
        return tuple(told)
    if not set(kernels) <= _STRIDES.keys():
        raise CheckpointError(
            f"{source.path}: its convolutions have kernels {kernels}, not wav2vec 2.0's, and tensors do not tell "
            "their strides: give --conv-strides"
        )
    return tuple(_STRIDES[kernel] for kernel in kernels)


def _plain_positional(ours: Tensors, where: Path) -> Tensors:
    """Weight normalisation under one name: old (weight_g, weight_v), new, or already multiplied out."""
    old = {
        f"{_POSITIONAL}.weight_g": f"{_POSITIONAL}.parametrizations.weight.original0",
        f"{_POSITIONAL}.weight_v": f"{_POSITIONAL}.parametrizations.weight.original1",
    }
    ours = {old.get(name, name): tensor for name, tensor in ours.items()}
    weight = ours.pop(f"{_POSITIONAL}.weight", None)
    if weight is not None:
        if weight.ndim != 3:
            raise CheckpointError(f"{where}: the positional convolution has the unexpected shape {tuple(weight.shape)}")
        gain = weight.float().square().sum((0, 1), keepdim=True).sqrt()
        ours[f"{_POSITIONAL}.parametrizations.weight.original0"] = gain
        ours[f"{_POSITIONAL}.parametrizations.weight.original1"] = weight
    return ours


def _checked(numbers: dict[str, Any], where: Path) -> XlsrConfig:
    try:
        return parse(XlsrConfig, numbers, str(where))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
