"""A checkpoint that somebody else wrote, as a flat dict of tensors and the options found beside them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fakemamba.checkpoint.pickles import Inert, read_pickle
from fakemamba.errors import CheckpointError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights", "module")
_PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
_HF_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_DEEPEST = 4  # wrappers around a state_dict


@dataclass(frozen=True)
class Source:
    """Tensors by their authors' names, and whatever options the file or its folder told."""

    path: Path
    tensors: dict[str, Tensor]
    options: Any = field(default_factory=dict)

    def option(self, *names: str) -> Any:
        """The first option of one of these names, however deep; None where nobody told."""
        for key, value in _walk(self.options):
            if key in names and isinstance(value, bool | int | float | str | list | tuple):
                return value
        return None


def read_source(path: str | Path) -> Source:
    """Read a `.safetensors`, `.bin`, `.pt` or `.pth` file or a Hugging Face folder; nothing in it is run.

    Raises:
        CheckpointError: missing, damaged, unsafe, or without tensors.
    """
    path = Path(path)
    if path.is_dir():
        return _read_hugging_face(path)
    if not path.exists():
        raise CheckpointError(f"{path}: no such file")
    if path.suffix == ".safetensors":
        return Source(path, _bare(_read_safetensors(path)))
    content = read_pickle(path)
    tensors = _bare(_find_tensors(content, path))
    # Strides let a small file claim any size.
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * path.stat().st_size:
        raise CheckpointError(f"{path}: refused: its tensors claim to be larger than the file")
    return Source(path, tensors, content)


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Just the tensors of `read_source`, by their authors' names without `module.`."""
    return read_source(path).tensors


def _read_hugging_face(folder: Path) -> Source:
    options = {
        name: _read_json(folder / name)
        for name in ("config.json", "preprocessor_config.json")
        if (folder / name).exists()
    }
    for name in _HF_WEIGHTS:
        if (folder / name).exists():
            return Source(folder, read_tensors(folder / name), options)
        index = folder / f"{name}.index.json"
        if index.exists():
            return Source(folder, _read_shards(index), options)
    raise CheckpointError(f"{folder}: holds none of {', '.join(_HF_WEIGHTS)}")


def _read_shards(index: Path) -> dict[str, Tensor]:
    listed = _read_json(index).get("weight_map")
    names = sorted(set(listed.values())) if isinstance(listed, dict) else []
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise CheckpointError(f"{index}: names no plain weight files")
    return {key: tensor for name in names for key, tensor in read_tensors(index.parent / name).items()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not readable JSON") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: must hold a JSON object")
    return data


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: no readable safetensors file: {str(error).splitlines()[0]}") from error


def _find_tensors(content: Any, path: Path, depth: int = 0) -> dict[str, Tensor]:
    """Unwrap {"model": {...}, "args": ...} and its kin until a dict of tensors appears."""
    if isinstance(content, torch.Tensor):
        raise CheckpointError(f"{path}: holds a single tensor, not a model's state_dict")
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, not a model's state_dict")
    tensors = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict) and content[key]), None)
    if inner is not None and not any("." in key for key in tensors) and depth < _DEEPEST:
        return _find_tensors(inner, path, depth + 1)
    if not tensors:
        keys = ", ".join(str(key) for key in list(content)[:8]) or "nothing"
        raise CheckpointError(f"{path}: holds no tensors (it holds {''.join(filter(str.isprintable, keys))})")
    return tensors


def _bare(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _PREFIXES * 2:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def _walk(tree: Any) -> Iterator[tuple[Any, Any]]:
    """All (key, plain value) pairs of nested dicts and inert objects; omegaconf keeps a value in `_val`."""
    seen: set[int] = set()  # omegaconf's nodes point back at their parents
    waiting = [tree]
    while waiting:
        items = _inside(waiting.pop())
        if items is None or id(items) in seen:
            continue
        seen.add(id(items))
        for key, value in items.items():
            yield key, (_inside(value) or {}).get("_val") if isinstance(value, Inert) else value
        waiting += items.values()


def _inside(value: Any) -> dict[Any, Any] | None:
    inner = value.__dict__.get("state", {}) if isinstance(value, Inert) else value
    return inner if isinstance(inner, dict) else None
