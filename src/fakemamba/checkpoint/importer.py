"""Other people's checkpoints to model folders: `import_checkpoint`."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fakemamba.checkpoint import fake_mamba, xlsr_conformer, xlsr_mamba
from fakemamba.checkpoint.folder import ModelFolder
from fakemamba.checkpoint.kinds import KINDS
from fakemamba.checkpoint.rename import Rule, Tensors, describe_misfit, listed, rename
from fakemamba.checkpoint.source import Source, read_source
from fakemamba.checkpoint.torch_io import FRONTEND, save_tensors
from fakemamba.checkpoint.xls_r import BESIDE, FrontendOptions, convert_frontend, split_frontend
from fakemamba.config import ModelConfig, XlsrConfig, parse
from fakemamba.errors import CheckpointError, ConfigError


@dataclass(frozen=True)
class Lineage:
    """How one family of detectors names its tensors, and what its shapes say."""

    rules: tuple[Rule, ...]
    describe: Callable[[Tensors, Path], dict[str, Any]]
    mark: str  # a name that only this family has


LINEAGES = {
    "fake-mamba": Lineage(fake_mamba.RULES, fake_mamba.describe, r"encoder\.layers\.0\.mamba\..+"),
    "xlsr-mamba": Lineage(xlsr_mamba.RULES, xlsr_mamba.describe, r"conformer\.forward_layers\.0\..+"),
    "xlsr-conformer": Lineage(xlsr_conformer.RULES, xlsr_conformer.describe, r"conformer\.class_token"),
    "xlsr-transformer": Lineage(
        fake_mamba.TRANSFORMER_RULES, fake_mamba.describe_transformer, r"encoder\.layers\.0\.attn\..+"
    ),
    "xlsr-conformer-pool": Lineage(xlsr_conformer.POOL_RULES, xlsr_conformer.describe, r"encoder_blocks\.0\..+"),
}
_WITHOUT_ATTENTION = {"fake-mamba", "xlsr-mamba", "xls-r"}


def import_checkpoint(
    file: str | Path,
    kind: str,
    out: str | Path,
    *,
    name: str | None = None,
    ssl_heads: int | None = None,
    ssl_layers: int | None = None,
    conv_strides: tuple[int, ...] | None = None,
    heads: int | None = None,
    normalize_input: bool | None = None,
    licence: str = "unknown",
    origin: str | None = None,
    overwrite: bool = False,
) -> ModelFolder:
    """Turn a checkpoint of known lineage into a model folder; nothing in the file is run.

    Depth, widths, kernels and heads are read from the tensors where these tell them.

    Args:
        file: .pth, .pt, .bin, .safetensors, or a Hugging Face folder.
        kind: one of `fakemamba.checkpoint.kinds.KINDS`.
        out: the folder to make.
        name: of the model; that of the folder if None.
        ssl_heads: attention heads of the front-end, needed where it is no XLS-R and the file does not tell.
        ssl_layers: keep only the front-end's first so many layers.
        conv_strides: of the front-end's convolutions, where these are not wav2vec 2.0's.
        heads: attention heads of the encoder, to check against what the tensors tell; of the front-end for
            kinds whose encoder has none.
        normalize_input: zero mean and unit variance per clip; by default for "xls-r" only, since the detectors were
            trained on the raw waveform.
        licence, origin: for the model card.
        overwrite: replace a folder that is already there.

    Raises:
        CheckpointError: unsafe, damaged, of another kind, incomplete, or `out` exists.
        ConfigError: no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
    source = read_source(file)
    alone = kind == "xls-r"
    if kind in _WITHOUT_ATTENTION:
        ssl_heads, heads = ssl_heads or heads, None
    options = FrontendOptions(ssl_heads, ssl_layers, conv_strides, normalize_input)
    config, tensors = _convert_xls_r(source, options) if alone else _convert(source, kind, options)
    if heads is not None and heads != config.encoder.heads:
        raise CheckpointError(f"{source.path}: its tensors tell {config.encoder.heads} heads, not {heads}")
    record = {"kind": kind, "file": source.path.name, "sha256": _hash(source.path)}
    if ssl_layers is not None:
        record["ssl_layers"] = f"the first {ssl_layers}, as asked"
    return save_tensors(
        out,
        _ready(tensors, config, source.path, alone=alone),
        config,
        overwrite=overwrite,
        name=name or Path(out).name,
        licence=licence,
        origin=origin or source.path.name,
        training={"imported": record},
    )


def _convert(source: Source, kind: str, options: FrontendOptions) -> tuple[ModelConfig, Tensors]:
    lineage = LINEAGES[kind]
    inside, others = split_frontend(source)
    if not any(re.fullmatch(lineage.mark, key) for key in others):
        raise CheckpointError(f"{source.path}: is no {kind} checkpoint{_guess(others)}")
    frontend, tensors = convert_frontend(inside, source, options, normalized=False)
    rest = rename(others, lineage.rules, source.path)
    fields = lineage.describe(rest, source.path)
    tensors = {FRONTEND + key: tensor for key, tensor in tensors.items()}
    return _config(frontend, fields, source.path), tensors | rest


def _convert_xls_r(source: Source, options: FrontendOptions) -> tuple[ModelConfig, Tensors]:
    inside, others = split_frontend(source)
    rename(others, BESIDE, source.path)
    frontend, tensors = convert_frontend(inside, source, options, normalized=True)
    return ModelConfig(frontend=frontend), {FRONTEND + key: tensor for key, tensor in tensors.items()}


def _config(frontend: XlsrConfig, fields: dict[str, Any], where: Path) -> ModelConfig:
    try:
        return parse(ModelConfig, {"frontend": frontend, **fields}, str(where))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def _ready(tensors: Tensors, config: ModelConfig, where: Path, *, alone: bool) -> Tensors:
    """Float32, finite, and exactly the tensors that the described system has; raises CheckpointError."""
    expected = _expected(config, where, alone=alone)
    counters = {key: torch.zeros((), dtype=torch.int64) for key in expected if key.endswith("num_batches_tracked")}
    counters |= {key: tensor.to(torch.int64) for key, tensor in tensors.items() if key in counters}
    rest = {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    misfit = describe_misfit(expected, rest | counters)
    if misfit:
        raise CheckpointError(f"{where}: does not fit the system that its shapes describe: {misfit}")
    odd = [key for key, tensor in rest.items() if not tensor.is_floating_point() or not tensor.isfinite().all()]
    if odd:
        raise CheckpointError(f"{where}: holds values that are no finite numbers: {listed(odd)}")
    return {key: tensor.float() for key, tensor in rest.items()} | counters


def _expected(config: ModelConfig, where: Path, *, alone: bool) -> dict[str, Tensor]:
    from fakemamba.models import build
    from fakemamba.models.xlsr import XLSR

    def make() -> nn.Module:
        assert isinstance(config.frontend, XlsrConfig)
        return (
            nn.ModuleDict({"frontend": XLSR(**config.frontend.model_dump(exclude={"kind"}))})
            if alone
            else build(config)
        )

    try:
        with torch.device("meta"):
            return make().state_dict()
    except (ConfigError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise CheckpointError(f"{where}: its shapes describe no system that can be built: {error}") from error


def _guess(others: Tensors) -> str:
    for kind, lineage in LINEAGES.items():
        if any(re.fullmatch(lineage.mark, key) for key in others):
            return f": its tensors look like {kind}"
    return f"; beside the front-end it holds {listed(list(others)) or 'nothing'}"


def _hash(path: Path) -> str | None:
    if path.is_dir():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
