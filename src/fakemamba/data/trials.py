"""Scores meet their key: which trials are judged, and everything that is odd about it, said aloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio.endings import AUDIO
from fakemamba.data.keys import Key, Text
from fakemamba.data.scores import Scores
from fakemamba.data.tables import sample
from fakemamba.errors import DataError
from fakemamba.metrics import eer

ALL = "all"
_DEFAULT_SUBSET = "eval"


@dataclass(frozen=True)
class Trials:
    """Scored trials of one subset of one key, in the key's order.

    Attributes:
        ids: (n,) as the key names them.
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        columns: name -> (n,) text, as in the key.
        subset: the subset's name, "all" if several were mixed on request, None if the key has none.
        expected: trials that the key holds for this subset, scored or not.
        notes: what was chosen on the reader's behalf.
        warnings: what makes the numbers doubtful.
    """

    ids: Text
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    columns: Mapping[str, Text]
    subset: str | None
    expected: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def column(self, name: str) -> Text:
        """A column of the key; DataError names those that exist."""
        if name not in self.columns:
            raise DataError(
                f"the key has no column {name!r}: it has {', '.join(self.columns) or 'none besides labels'}"
            )
        return self.columns[name]


def match(scores: Scores, key: Key, *, subset: str | None = None) -> Trials:
    """Join scores and key.

    Args:
        scores: a score file.
        key: a key file.
        subset: judge this subset of the key; "all" mixes them; None takes "eval" where there are several.

    Raises:
        DataError: an unknown or ambiguous subset, no trial in common, labels that disagree, a class that is missing.
    """
    name, inside, notes = _choose(key, subset)
    score_ids, key_ids, note = _common_names(scores, key)
    order = np.argsort(score_ids)
    place = np.minimum(np.searchsorted(score_ids, key_ids, sorter=order), len(order) - 1)
    row = order[place]  # for each trial of the key, its row among the scores if it has one
    found = score_ids[row] == key_ids
    judged = inside & found
    if not judged.any():
        raise DataError(_nothing_in_common(scores, key, found, name))
    values, labels = scores.scores[row[judged]], key.labels[judged]
    _check_labels(scores, row[judged], labels, key.ids[judged])
    warnings = _oddities(scores, key, found=found, inside=inside, subset=name)
    return Trials(
        ids=key.ids[judged],
        scores=values,
        labels=labels,
        columns=MappingProxyType({column: cells[judged] for column, cells in key.columns.items()}),
        subset=name,
        expected=int(inside.sum()),
        notes=(*notes, *note),
        warnings=(*warnings, *_direction(values, labels)),
    )


def _choose(key: Key, subset: str | None) -> tuple[str | None, NDArray[np.bool_], tuple[str, ...]]:
    """The subset's name, which trials of the key belong to it, and what to say about it."""
    counts = key.subsets()
    everything = np.ones(len(key.ids), dtype=bool)
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    if not counts:
        if subset not in (None, ALL):
            raise DataError(f"{key.path} ({key.format}) has no subsets: leave out --subset {subset}")
        return None, everything, ()
    if subset == ALL and ALL not in counts:
        mixed = (f"subsets mixed as asked: {listed}",) if len(counts) > 1 else ()
        return (ALL if len(counts) > 1 else next(iter(counts))), everything, mixed
    if subset is None and len(counts) == 1:
        return next(iter(counts)), everything, ()
    chosen = _DEFAULT_SUBSET if subset is None else subset
    if chosen not in counts:
        raise DataError(f"{key.path}: choose a subset with --subset (has {listed}; all mixes them), not {chosen!r}")
    notes = (f"subset {chosen!r} chosen of {listed}; --subset picks another",) if subset is None else ()
    return chosen, key.columns["subset"] == chosen, notes


def _common_names(scores: Scores, key: Key) -> tuple[Text, Text, tuple[str, ...]]:
    """Names to join by: as written if any agree, else without folders and audio endings."""
    if np.isin(scores.ids, key.ids).any():
        return scores.ids, key.ids, ()
    bare = np.array([_bare(name) for name in scores.ids.tolist()])
    bare_key = np.array([_bare(name) for name in key.ids.tolist()])
    for path, names, full in ((scores.path, bare, scores.ids), (key.path, bare_key, key.ids)):
        unique, first, counts = np.unique(names, return_index=True, return_counts=True)
        if len(unique) < len(names):
            twice = full[first[counts > 1]].tolist()
            raise DataError(f"{path}: names do not agree, and without folder and ending they collide: {sample(twice)}")
    return bare, bare_key, ("trials were matched by name without folder and audio ending",)


def _bare(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.stem if path.suffix.lower() in AUDIO else path.name


def _nothing_in_common(scores: Scores, key: Key, found: NDArray[np.bool_], subset: str | None) -> str:
    if found.any():
        elsewhere = ", ".join(np.unique(key.columns["subset"][found]).tolist())
        return f"{scores.path} holds no trial of the subset {subset!r}, only of: {elsewhere}; use --subset"
    ours, theirs = sample(scores.ids.tolist(), 2), sample(key.ids.tolist(), 2)
    return f"no trial in common: {scores.path} has {ours}, {key.path} has {theirs}; is this the right key?"


def _check_labels(scores: Scores, rows: NDArray[np.intp], labels: NDArray[np.int64], ids: Text) -> None:
    if scores.labels is None:
        return
    odd = ids[scores.labels[rows] != labels].tolist()
    if odd:
        raise DataError(f"{scores.path}: its own labels contradict the key for {len(odd)} trials: {sample(odd)}")


def _oddities(
    scores: Scores, key: Key, *, found: NDArray[np.bool_], inside: NDArray[np.bool_], subset: str | None
) -> tuple[str, ...]:
    """Warnings about trials that are missing, superfluous or repeated."""
    missing = key.ids[inside & ~found].tolist()
    extra = len(scores.ids) - int(found.sum())
    where = f" of subset {subset!r}" if subset else ""
    candidates = (
        (len(missing), f"{len(missing)} of {inside.sum()} trials{where} have no score: {sample(missing)}"),
        (extra, f"{extra} scores belong to no trial of the key and are left out"),
        (scores.repeated, f"{scores.repeated} repeated lines in {scores.path} are counted once"),
        (key.repeated, f"{key.repeated} repeated lines in {key.path} are counted once"),
    )
    return tuple(text for number, text in candidates if number)


def _direction(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[str, ...]:
    rate = eer(scores, labels).value
    if rate <= 0.5:
        return ()
    turned = eer(-scores, labels).value
    return (
        f"the scores look negated: EER {rate:.2%}, with the sign turned {turned:.2%}; here higher means more genuine",
    )
