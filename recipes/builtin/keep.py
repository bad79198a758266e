"""What a run keeps: files written whole or not at all, and marks by which it knows its own work again."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which takes that name when the block ends.

    A block that fails leaves its NAME.partial, which tells what was begun until the next run writes over it.
    """
    partial = path.with_name(f"{path.name}.partial")
    yield partial
    partial.replace(path)


def put(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def put_json(path: Path, value: Any, indent: int | None = None) -> None:
    """The value as JSON, whole or not at all."""
    put(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def mark(value: Any) -> str:
    """16 letters that stand for plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read_json(path: Path) -> Any:
    """What `put_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
