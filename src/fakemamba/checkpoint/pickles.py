"""Files of `torch.save`, new (zip) and old, read for their tensors without running what they carry.

A pickle is a program. torch's own `weights_only=True` comes first; fairseq's files also hold their
training options as objects (argparse.Namespace, omegaconf), which it refuses. Those are read again with an
unpickler that knows tensors, turns a short list of harmless names into inert values, imports nothing else
and refuses everything else by name.
"""

import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import IO, Any

import torch

from fakemamba.errors import CheckpointError

# What a malformed file makes unpicklers and torch raise; a bug of ours would show in the tests instead.
_MALFORMED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.PickleError,
)
_HARMLESS_MODULES = ("argparse", "omegaconf", "fairseq", "enum", "typing", "hydra", "pathlib", "datetime")
_HARMLESS_NAMES = {
    "builtins": {"int", "float", "str", "bool", "bytes", "list", "dict", "tuple", "set", "frozenset", "object"}
    | {"complex", "slice", "range", "getattr"},
    "collections": {"defaultdict", "Counter", "deque"},
    "copyreg": {"_reconstructor"},
    "_codecs": {"encode"},
    "types": {"SimpleNamespace"},
    "numpy": {"dtype", "ndarray", "float64", "float32", "int64", "int32", "bool_"},
    "numpy.core.multiarray": {"scalar", "_reconstruct"},
    "numpy._core.multiarray": {"scalar", "_reconstruct"},
    "torch": {"device", "float32", "float16", "bfloat16", "float64", "int64"},
}
_HARMLESS_NAMES["__builtin__"] = _HARMLESS_NAMES["builtins"] | {"unicode", "long", "xrange"}
_HARMLESS_NAMES["copy_reg"] = _HARMLESS_NAMES["copyreg"]
_REBUILDERS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
_CARDS = 64_000_000  # bytes of pickled structure beside the tensors; real files hold well under 1 MB


class Inert:
    """Stands for any object that is not a tensor: keeps its state to look options up, does nothing."""

    def __init__(self, *_args: Any, **_options: Any) -> None:
        self.state: dict[Any, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__.setdefault("state", {})[key] = value

    def __call__(self, *_args: Any, **_options: Any) -> "Inert":
        return Inert()

    def append(self, _value: Any) -> None: ...
    def extend(self, _values: Any) -> None: ...
    def add(self, _value: Any) -> None: ...


class _RefusedError(pickle.UnpicklingError):
    """The pickle asks for something that is not on the list."""


class Unpickler(pickle.Unpickler):
    """Knows tensors; everything else becomes `Inert` or is refused. Used by torch.load, see below."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch._utils" and name in _REBUILDERS:
            return getattr(torch._utils, name)
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch", "Size"):
            return tuple
        if (module, name) == ("torch.storage", "UntypedStorage"):
            return torch.UntypedStorage
        if module.split(".")[0] in _HARMLESS_MODULES or name in _HARMLESS_NAMES.get(module, ()):
            return Inert
        raise _RefusedError(f"{module}.{name}")


def load(file: IO[bytes], **options: Any) -> Any:
    """What torch.load calls for the small pickles of the old format."""
    return Unpickler(file, **options).load()


def read_pickle(path: Path) -> Any:
    """The content of a `.pt`, `.pth` or `.bin`: tensors, plain values and `Inert` objects.

    Raises:
        CheckpointError: no such file, damaged, not a checkpoint, or holding what would have to be run.
    """
    zipped = _check_kind(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about protocols: what cannot be read is said below
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError:
        return _read_stubbed(path, zipped)  # with options as objects, damaged or unsafe: the second reader knows
    except _MALFORMED as error:
        raise CheckpointError(f"{path}: damaged or cut short: {_first_line(error)}") from error


def _read_stubbed(path: Path, zipped: bool) -> Any:
    from fakemamba.checkpoint import pickles as itself

    try:
        return torch.load(path, map_location="cpu", weights_only=False, mmap=zipped, pickle_module=itself)
    except _RefusedError as error:
        raise CheckpointError(
            f"{path}: refused: it holds {error} as an object, whose code would have to run to read it; "
            "only tensors are read: ask its author for the state_dict"
        ) from error
    except _MALFORMED as error:
        raise CheckpointError(f"{path}: damaged, cut short or no checkpoint: {_first_line(error)}") from error


def _check_kind(path: Path) -> bool:
    """Whether the file is a zip; raises CheckpointError for what is plainly something else."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise CheckpointError(f"{path}: is empty")
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: is a Git LFS pointer, not the weights: run  git lfs pull")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError(f"{path}: is a web page, not a checkpoint: the download went wrong")
    if head.startswith(b"PK"):
        _check_zip(path)
        return True
    if not head.startswith(b"\x80") or tarfile.is_tarfile(path):
        raise CheckpointError(f"{path}: is no checkpoint that torch.save wrote")
    return False


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{path}: damaged or cut short: {_first_line(error)}") from error
    names = [entry.filename.rsplit("/", 1)[-1] for entry in entries]
    if "constants.pkl" in names:
        raise CheckpointError(f"{path}: is a TorchScript program, not weights: ask its author for the state_dict")
    if "data.pkl" not in names:
        raise CheckpointError(f"{path}: is a zip archive, but no checkpoint that torch.save wrote")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(f"{path}: refused: its entries are compressed, which torch.save never does")
    if any(entry.file_size > _CARDS for entry in entries if entry.filename.endswith("data.pkl")):
        raise CheckpointError(f"{path}: refused: its structure is larger than {_CARDS} bytes")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return "".join(char for char in lines[0][:200] if char.isprintable()) if lines else type(error).__name__
