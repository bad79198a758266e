"""What a run leaves behind, and the check that a folder is this run's.

my-run/
  settings.toml   the resolved settings       versions.json   of what computed it
  log.jsonl       a line every few steps      curves.png      loss, dev and rate over the steps
  state.pt        the last checkpoint         epochs/epoch-007/   the best epochs so far, as model folders
  best/ last/ average/   model folders at the end          card.json  what it was trained on, how long, and the numbers
"""

import json
import math
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fakemamba import __version__
from fakemamba.config import read_toml
from fakemamba.errors import ConfigError, FakeMambaError
from fakemamba.train.settings import CHANGEABLE
from fakemamba.train.toml import dump

PACKAGES = ("torch", "numpy", "accelerate", "numba", "soundfile", "soxr", "scipy", "mamba_ssm")


class RunFolder:
    """A run's place on disk; only the main process writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings, self.log_file = path / "settings.toml", path / "log.jsonl"
        self.state, self.card, self.curves = path / "state.pt", path / "card.json", path / "curves.png"

    def claim(self, settings: BaseModel) -> None:
        """Make the folder for `settings`, or find that it is theirs already.

        Raises:
            ConfigError: it holds a run with other settings, or something else.
        """
        if self.settings.exists():
            wanted = settings.model_dump(mode="json", exclude_none=True)
            changed = next(_differences(read_toml(self.settings), wanted), None)
            if changed and self.begun:
                raise ConfigError(
                    f"{self.path} holds a run with other settings ({changed}): "
                    "choose another place with --out, or remove that folder"
                )
        elif self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ConfigError(f"{self.path} is no training run and not empty: choose another place with --out")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            put(self.path / "versions.json", json.dumps(versions(), indent=2) + "\n")
            put(self.settings, dump(settings))  # last: what claims the folder

    @property
    def begun(self) -> bool:
        """Whether anything was reached that other settings would spoil."""
        return self.finished or self.state.exists() or self.log_file.exists()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.card.exists()

    def read_card(self) -> dict[str, Any]:
        """The card of a finished run; raises ConfigError where it is damaged."""
        try:
            card: dict[str, Any] = json.loads(self.card.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.card}: damaged: remove that file and the same command writes it again") from error
        return card

    def epoch(self, number: int) -> Path:
        """The model folder of an epoch (from 1)."""
        return self.path / "epochs" / f"epoch-{number:03d}"

    def log(self, row: dict[str, Any]) -> None:
        """Append a line."""
        with writing(self.path), self.log_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(plain(row), allow_nan=False) + "\n")

    def rows(self) -> list[dict[str, Any]]:
        """The log's lines; one that a kill cut off is left out."""
        if not self.log_file.exists():
            return []
        rows = []
        for line in self.log_file.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def rewind(self, step: int, epochs: int) -> None:
        """Forget what was logged after `step`, and looks after `epochs` of them: they come again."""
        kept = [row for row in self.rows() if row["step"] <= step and not ("dev" in row and row["epoch"] > epochs)]
        if self.log_file.exists():
            with writing(self.path):
                put(self.log_file, "".join(json.dumps(row) + "\n" for row in kept))


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in one line that writing failed: a full disk, no permission."""
    try:
        yield
    except OSError as error:
        raise FakeMambaError(f"{place}: cannot be written: {error.strerror or error}") from error


def put(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """The same for JSON, which has no word for NaN and infinity: null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Of this package, Python and what computes."""
    found = {"fakemamba": __version__, "python": platform.python_version(), "machine": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _differences(old: dict[str, Any], new: dict[str, Any], place: str = "") -> Iterator[str]:
    """Keys whose values differ, as `optim.lr = 1e-06, now 1e-05`."""
    for key in sorted(old.keys() | new.keys()):
        name, before, after = f"{place}{key}", old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{name}.")
        elif before != after and not (place == "train." and key in CHANGEABLE):
            yield f"{name} was {_short(before)}, now {_short(after)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
