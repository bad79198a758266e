"""What the doctor found; plain values, ready for JSON."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["works", "missing", "broken"]


@dataclass(frozen=True)
class Package:
    """A package: its version where it is known, and why it is broken where it is."""

    name: str
    state: State
    version: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Ability:
    """A feature and its packages.

    Attributes:
        name: for people. state: works; missing: not installed; broken: installed and not usable.
        packages: all that it needs.
        help: what to do where it does not work, None where nothing is wrong.
        optional: nothing is lost without it.
    """

    name: str
    state: State
    packages: tuple[Package, ...]
    help: str | None
    optional: bool


@dataclass(frozen=True)
class Choice:
    """What will run, and why."""

    what: str
    runs: str
    why: str


@dataclass(frozen=True)
class Cache:
    """A folder that saves time from one run to the next."""

    what: str
    path: str | None
    writable: bool


@dataclass(frozen=True)
class SelfTest:
    """The built-in model on the shipped clip; `problem` says in one line what is wrong, None if nothing is."""

    passed: bool
    expected: str
    verdict: str | None = None
    p_fake: float | None = None
    model: str | None = None
    seconds: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Report:
    """All of it.

    Attributes:
        works: whether recordings can be checked. verdict: the same in a sentence, with the most useful next step.
        machine: version, python, system, processor, cores, instructions, memory_gb, gpus.
        faster: lines of advice. problems: what went wrong while looking, one line each.
    """

    works: bool
    verdict: str
    self_test: SelfTest
    machine: dict[str, Any]
    choices: tuple[Choice, ...]
    abilities: tuple[Ability, ...]
    caches: tuple[Cache, ...]
    faster: tuple[str, ...]
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"format": 1, **dataclasses.asdict(self)}
