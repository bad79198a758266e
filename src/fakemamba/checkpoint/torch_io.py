"""Systems to and from model folders: safetensors only, every key and shape as the card says."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fakemamba.checkpoint.folder import TENSOR_FILE, ModelCard, ModelFolder, open_folder, write_folder
from fakemamba.checkpoint.rename import describe_misfit
from fakemamba.checkpoint.source import read_tensors
from fakemamba.config import ModelConfig, XlsrConfig, parse
from fakemamba.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from fakemamba.models.system import System
    from fakemamba.models.xlsr import XLSR

__all__ = ["FRONTEND", "load_frontend", "load_system", "read_tensors", "save_system", "save_tensors"]

FRONTEND = "frontend."


def load_system(folder: ModelFolder | str | Path) -> "System":
    """Build the system that a folder describes, in evaluation mode, float32, on the CPU.

    Raises:
        CheckpointError: damaged weights, or keys and shapes other than the card's architecture has.
    """
    from fakemamba.models import build

    opened = _opened(folder)
    tensors = _read(opened)
    if all(key.startswith(FRONTEND) for key in tensors):
        raise CheckpointError(f"{opened.path}: holds a front-end only, nothing that scores: start a training from it")
    with torch.device("meta"):
        system = build(opened.card.model)
    _fill(system, tensors, opened.path)
    return system.eval()


def load_frontend(folder: ModelFolder | str | Path) -> "XLSR":
    """The XLS-R front-end of a folder, whether it holds a whole system or XLS-R alone.

    Raises:
        CheckpointError: its front-end is another one, or the tensors do not fit.
    """
    from fakemamba.models.xlsr import XLSR

    opened = _opened(folder)
    config = opened.card.model.frontend
    if not isinstance(config, XlsrConfig):
        raise CheckpointError(f"{opened.path}: its front-end is {config.kind}, not xlsr")
    tensors = {key.removeprefix(FRONTEND): value for key, value in _read(opened).items() if key.startswith(FRONTEND)}
    with torch.device("meta"):
        frontend = XLSR(**config.model_dump(exclude={"kind"}))
    _fill(frontend, tensors, opened.path)
    return frontend.eval()


def save_system(
    path: str | Path,
    system: nn.Module,
    config: ModelConfig,
    *,
    overwrite: bool = False,
    files: Mapping[str, bytes | Path] | None = None,
    **card: Any,
) -> ModelFolder:
    """Write a system as a model folder.

    Args:
        path: the folder to make; its name is the model's unless `name` is given.
        system, config: the module and what `build` made it from.
        overwrite: replace a folder that is already there.
        files: further files, for example `model.onnx`.
        card: other fields of ModelCard: name, calibration, decision, licence, origin, training.

    Raises:
        CheckpointError: the folder exists or cannot be written, or a field is wrong.
    """
    return save_tensors(path, system.state_dict(), config, overwrite=overwrite, files=files, **card)


def save_tensors(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    config: ModelConfig,
    *,
    overwrite: bool = False,
    files: Mapping[str, bytes | Path] | None = None,
    **card: Any,
) -> ModelFolder:
    """`save_system` for tensors that are already named as ours."""
    from safetensors.torch import save_file

    target = Path(path)
    try:
        made = parse(ModelCard, {"name": target.name, **card, "model": config}, str(target))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".weights.", dir=target.parent) as room:
            stored = Path(room) / TENSOR_FILE
            # Copies: tied tensors share memory, which safetensors refuses to store.
            plain = torch.contiguous_format
            own = {key: value.detach().cpu().clone(memory_format=plain) for key, value in tensors.items()}
            save_file(own, stored)
            return write_folder(target, made, {TENSOR_FILE: stored, **(files or {})}, overwrite=overwrite)
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}") from error


def _opened(folder: ModelFolder | str | Path) -> ModelFolder:
    return folder if isinstance(folder, ModelFolder) else open_folder(folder)


def _read(folder: ModelFolder) -> dict[str, Tensor]:
    tensors = read_tensors(folder.file(TENSOR_FILE))
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}


def _fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    misfit = describe_misfit(module.state_dict(), tensors)
    if misfit:
        raise CheckpointError(f"{path}: the weights do not fit the card: {misfit}")
    module.load_state_dict(tensors, strict=True, assign=True)
    left = [name for name, buffer in module.named_buffers() if buffer.is_meta]
    assert not left, f"buffers that no checkpoint holds cannot be built on the meta device: {left}"
