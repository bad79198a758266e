"""A model as a folder: `config.json` says what it is, every other file is named there with its SHA-256.

    my-model/
      config.json          a ModelCard
      model.onnx           what detection runs, when present
      model.safetensors    weights for torch: training, export, XLS-R systems

Nothing is ever unpickled, no file outside the list is read, and a folder is written whole or not at all.
Without torch, so that the built-in model opens in a bare installation.
"""

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fakemamba.checkpoint.card import (
    CARD_FILE,
    PLAIN_NAME,
    Calibration,
    Decision,
    ModelCard,
    Near,
    NearCounts,
    OperatingPoint,
    printable,
    read_card,
)
from fakemamba.config import parse
from fakemamba.errors import CheckpointError, ConfigError

__all__ = [
    "CARD_FILE",
    "ONNX_FILE",
    "TENSOR_FILE",
    "Calibration",
    "Decision",
    "ModelCard",
    "ModelFolder",
    "Near",
    "NearCounts",
    "OperatingPoint",
    "builtin_names",
    "default_name",
    "open_folder",
    "read_card",
    "write_folder",
]

ONNX_FILE = "model.onnx"
TENSOR_FILE = "model.safetensors"
DEFAULT_MODEL: str  # the first of `builtin_names()`, found on first use

_CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelFolder:
    """An opened model folder: its card has been checked, its files not yet."""

    path: Path
    card: ModelCard

    @property
    def weights(self) -> str:
        """Name of the file that detection runs: `model.onnx` if the card lists it, else `model.safetensors`."""
        for name in (ONNX_FILE, TENSOR_FILE):
            if name in self.card.files:
                return name
        raise CheckpointError(f"{self.path}: lists neither {ONNX_FILE} nor {TENSOR_FILE}, nothing to run")

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) that the card states for the file that detection runs."""
        return self.card.files[self.weights]

    def file(self, name: str) -> Path:
        """Path of a listed file after its hash was checked, with that of its companions (`NAME.*`).

        Raises:
            CheckpointError: the card does not list it, it is missing, or its content has changed.
        """
        if name not in self.card.files:
            listed = ", ".join(sorted(self.card.files)) or "no files"
            raise CheckpointError(f"{self.path}: has no {name} (it lists {listed})")
        for other in self.card.files:
            if other == name or other.startswith(f"{name}."):
                self._check(other)
        return self.path / name

    def verify(self) -> None:
        """Hash every listed file; raises CheckpointError naming the first that is missing or changed."""
        for name in self.card.files:
            self._check(name)

    def _check(self, name: str) -> None:
        path = self.path / name
        stated = self.card.files[name]
        try:
            found = _sha256(path)
        except OSError as error:
            raise CheckpointError(
                f"{path}: cannot be read ({error.strerror or error}): fetch the model again"
            ) from error
        if found != stated:
            raise CheckpointError(
                f"{path}: damaged or changed: SHA-256 is {found[:12]}…, the card states {stated[:12]}…: "
                "fetch the model again"
            )


def open_folder(name_or_path: str | Path | None = None) -> ModelFolder:
    """Open a model; its card is checked now, its weights when `ModelFolder.file` hands them out.

    Args:
        name_or_path: None for the default model, the name of a built-in one, a folder, or
            `owner/name[@revision]` on the Hugging Face Hub (extra `hub`).

    Raises:
        CheckpointError: there is no such model, or its card is malformed or of a newer format.
    """
    if name_or_path is None:
        return _read_folder(_weights_dir() / default_name())
    if isinstance(name_or_path, str) and name_or_path in builtin_names():
        return _read_folder(_weights_dir() / name_or_path)
    path = Path(name_or_path)
    if path.name == CARD_FILE and path.is_file():
        path = path.parent
    if path.is_dir():
        return _read_folder(path)
    if path.exists():
        raise CheckpointError(
            f"{path}: is a file, not a model folder: for a checkpoint run  fakemamba models import {path} --as KIND"
        )
    if isinstance(name_or_path, str) and _looks_like_hub(name_or_path):
        from fakemamba.checkpoint.hub import fetch

        return _read_folder(fetch(name_or_path))
    known = ", ".join(builtin_names()) or "none in this installation"
    raise CheckpointError(
        f"{printable(str(name_or_path))}: no such model; "
        f"built in: {known}; or give a folder, or owner/name[@revision] on the Hub"
    )


def write_folder(
    path: str | Path, card: ModelCard, files: Mapping[str, bytes | Path], *, overwrite: bool = False
) -> ModelFolder:
    """Write a model folder whole or not at all; the hashes in `card.files` are filled in here.

    Args:
        path: the folder to make; its parents are made too.
        card: what the model is; its `files` are replaced.
        files: name -> content, or name -> a file to copy.
        overwrite: replace a model folder that is already there; anything else stays.

    Raises:
        CheckpointError: the folder exists, a name is not plain, or a file cannot be copied.
    """
    target = Path(path)
    if target.exists() and not overwrite and not (target.is_dir() and not any(target.iterdir())):
        raise CheckpointError(f"{target}: already exists; choose another place or remove it first")
    if target.is_symlink() or (target.exists() and not _replaceable(target)):
        raise CheckpointError(f"{target}: is a link or no model folder, so it is not replaced; choose another place")
    partial = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    try:
        partial.mkdir(parents=True)
        hashes = {name: _place(content, partial / _plain_name(name)) for name, content in files.items()}
        written = parse(ModelCard, {**card.model_dump(), "files": hashes}, str(target))
        # Left out where there are none, so that versions that don't know them go on reading such cards.
        absent = {name for name in ("operating_points", "conditions", "near") if not getattr(written, name)}
        text = written.model_dump_json(indent=2, exclude=absent or None)
        (partial / CARD_FILE).write_text(text + "\n", encoding="utf-8")
        _swap(partial, target)
    except OSError as error:
        raise CheckpointError(f"{target}: cannot be written: {error.strerror or error}") from error
    except ConfigError as error:
        raise CheckpointError(printable(str(error))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return ModelFolder(target, written)


def builtin_names() -> list[str]:
    """Names of the models inside this installation, the default one first; may be empty in a fresh tree."""
    return sorted(card.parent.name for card in _weights_dir().glob(f"*/{CARD_FILE}"))


def default_name() -> str:
    """Name of the default model; raises CheckpointError where none is installed."""
    names = builtin_names()
    if not names:
        raise CheckpointError("this installation holds no built-in model: name a folder with --model")
    return names[0]


def __getattr__(name: str) -> str:
    if name == "DEFAULT_MODEL":
        return default_name()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _weights_dir() -> Path:
    return Path(__file__).resolve().parent.parent / "weights"


def _read_folder(path: Path) -> ModelFolder:
    return ModelFolder(path, read_card(path / CARD_FILE))


def _looks_like_hub(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?", name, re.ASCII) is not None


def _replaceable(target: Path) -> bool:
    """An empty folder, or a model's; never a file or a folder with somebody's other work."""
    return target.is_dir() and ((target / CARD_FILE).is_file() or not any(target.iterdir()))


def _plain_name(name: str) -> str:
    if not re.fullmatch(PLAIN_NAME, name) or name == CARD_FILE:
        raise CheckpointError(f"{printable(name)!r}: not a plain file name for a model folder")
    return name


def _place(content: bytes | Path, target: Path) -> str:
    """Write or copy one file and return the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with target.open("xb") as out:
        for chunk in [content] if isinstance(content, bytes) else _chunks(content):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _swap(partial: Path, target: Path) -> None:
    """Put `partial` in the place of `target`; the old folder goes only after the new one stands."""
    if not target.exists():
        partial.rename(target)
        return
    old = partial.with_suffix(".old")
    target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
