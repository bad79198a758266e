"""TOML files and `-s key=value` -> checked `Settings`; every fault is one line that names the key and the choices."""

import tomllib
import types
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from fakemamba.config import read_toml
from fakemamba.errors import ConfigError
from fakemamba.train.settings import Settings

C = TypeVar("C", bound=BaseModel)


def load_settings(files: Sequence[Path], overrides: Iterable[str] = ()) -> Settings:
    """Merge files from left to right, then overrides.

    Args:
        files: TOML; a later one wins, table by table and key by key.
        overrides: `optim.lr=1e-5`; the value is read as TOML, and as plain text where that fails.

    Raises:
        ConfigError: no such key, a value of the wrong type, or settings that don't fit together.
    """
    tree: dict[str, Any] = {}
    for file in files:
        _merge(tree, read_toml(file))
    for text in overrides:
        override(tree, text)
    return check(Settings, tree, " + ".join(str(file) for file in files))


def check(kind: type[C], tree: dict[str, Any], where: str) -> C:
    """`tree` as a `kind`; raises ConfigError with the first fault, an unknown key with those that exist."""
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            known = _names_beside(kind, first["loc"])
            near = get_close_matches(str(first["loc"][-1]), known, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            message = f"no such key; {hint}choose from {', '.join(known)}"
        raise ConfigError(f"{where}: {place}: {message}" if place else f"{where}: {message}") from error


def dump(settings: BaseModel) -> str:
    """The resolved tree as TOML that `load_settings` reads back to an equal value."""
    lines: list[str] = []
    _write(settings.model_dump(mode="json", exclude_none=True), (), lines)
    return "\n".join(lines).lstrip("\n") + "\n"


def _merge(tree: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            # Another kind of part is another set of keys: nothing of the old one is meant.
            if "kind" in value and value["kind"] != tree[key].get("kind", value["kind"]):
                tree[key] = {}
            _merge(tree[key], value)
        else:
            tree[key] = value


def override(tree: dict[str, Any], text: str) -> None:
    """Set `table.key=value` in a tree; raises ConfigError where it is no such text."""
    name, sign, value = text.partition("=")
    path = [part.strip() for part in name.split(".")]
    if not sign or not all(path):
        raise ConfigError(f"-s {text}: write it as table.key=value, for example -s optim.lr=1e-5")
    try:
        parsed = tomllib.loads(f"x = {value.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    table: Any = tree
    for part, after in pairwise(path):
        table = _item(table, part, text) if isinstance(table, list) else table.setdefault(part, {})
        if isinstance(table, list) and not after.isdecimal():
            raise ConfigError(f"-s {text}: the entries of {part} are numbered, {part}.0 is the first")
        if not isinstance(table, dict | list):
            raise ConfigError(f"-s {text}: {part} holds a value, not a table")
    if isinstance(table, list):
        _item(table, path[-1], text)
        table[int(path[-1])] = parsed
    else:
        table[path[-1]] = parsed


def _item(table: list[Any], place: str, text: str) -> Any:
    if int(place) >= len(table):
        raise ConfigError(f"-s {text}: there are {len(table)} entries, numbered from 0")
    return table[int(place)]


def _names_beside(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that exist where the last part of `place` doesn't."""
    here: list[type[BaseModel]] = [kind]
    for part in place[:-1]:
        fields = [one.model_fields[part] for one in here if isinstance(part, str) and part in one.model_fields]
        if fields:
            here = [model for field in fields for model in _models(field.annotation)]
        else:  # a number in a list, or the tag by which one kind of several was chosen
            here = [m for m in here if "kind" in m.model_fields and m.model_fields["kind"].default == part] or here
    return sorted({name for model in here for name in model.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models anywhere inside a type."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in get_args(annotation) for model in _models(part)]


def _write(table: dict[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    if path:
        lines += ["", f"[{'.'.join(path)}]"]
    for key, value in table.items():
        if not isinstance(value, dict):
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in table.items():
        if isinstance(value, dict):
            _write(value, (*path, _key(key)), lines)


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)
