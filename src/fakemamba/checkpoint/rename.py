"""Authors' tensor names to ours by a table of rules, and numbers read back from tensors' shapes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from fakemamba.errors import CheckpointError

# A pattern for the whole name and what it becomes; None drops the tensor. The first match counts.
Rule = tuple[str, str | None]
Tensors = dict[str, Tensor]

_NAMED = 6  # names that an error lists before it counts the rest


def rename(tensors: Mapping[str, Tensor], rules: Sequence[Rule], where: Path) -> Tensors:
    """Apply the rules to every name.

    Raises:
        CheckpointError: no rule knows a name, or two names become one.
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]
    renamed: Tensors = {}
    unknown = []
    for name, tensor in tensors.items():
        rule = next(((match, new) for old, new in compiled if (match := old.fullmatch(name))), None)
        if rule is None:
            unknown.append(name)
        elif rule[1] is not None:
            ours = rule[0].expand(rule[1])
            if ours in renamed:
                raise CheckpointError(f"{where}: holds {ours} twice")
            renamed[ours] = tensor
    if unknown:
        raise CheckpointError(f"{where}: unknown tensors: {listed(unknown)}")
    return renamed


def size(tensors: Mapping[str, Tensor], name: str, axis: int, where: Path) -> int:
    """Length of one axis of a tensor that must be there; raises CheckpointError."""
    if name not in tensors:
        raise CheckpointError(f"{where}: lacks {name}")
    shape = tensors[name].shape
    if axis >= len(shape) or shape[axis] < 1:
        raise CheckpointError(f"{where}: {name} has the unexpected shape {tuple(shape)}")
    return shape[axis]


def depth(tensors: Mapping[str, Tensor], prefix: str, where: Path) -> int:
    """How many `PREFIX.0.*`, `PREFIX.1.*`, ... there are; raises CheckpointError for none or for a gap."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\..*")
    found = {int(match[1]) for name in tensors if (match := pattern.fullmatch(name))}
    if not found:
        raise CheckpointError(f"{where}: has no {prefix}.0")
    absent = set(range(max(found) + 1)) - found if max(found) < 10_000 else {0}
    if absent:
        raise CheckpointError(f"{where}: has {prefix}.{max(found)}, but lacks {prefix}.{min(absent)}")
    return len(found)


def listed(names: Sequence[str]) -> str:
    """The first few names, printable, and how many more there are."""
    shown = ", ".join("".join(char for char in name[:120] if char.isprintable()) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def describe_misfit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What is missing, unknown or of another shape, in one line; empty when all fits."""
    misshapen = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    faults = {
        "missing": sorted(expected.keys() - found.keys()),
        "unknown": sorted(found.keys() - expected.keys()),
        "misshapen": misshapen,
    }
    return "; ".join(f"{fault}: {listed(names)}" for fault, names in faults.items() if names)
