"""All numbers of one system on one set of trials, and the same by group."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fakemamba.errors import DataError
from fakemamba.metrics.costs import ASVSPOOF5, Prior, act_dcf_of, cllr_of, min_cllr_of, min_dcf_of
from fakemamba.metrics.rates import auc_of, eer, eer_hull_of, eer_official
from fakemamba.metrics.records import Record
from fakemamba.metrics.tally import Flags, Floats, check_trials, tally

# How key files write "this column says nothing about a bona fide trial".
_NOTHING = frozenset({"", "-", "bonafide", "bona-fide", "genuine", "none"})


@dataclass(frozen=True)
class Summary(Record):
    """The usual numbers; rates as fractions, `cllr` and `min_cllr` in bits.

    `act_dcf` and `cllr` mean something only if the scores are natural log-likelihood ratios.
    """

    n_bonafide: int
    n_spoof: int
    eer: float
    eer_threshold: float
    eer_hull: float
    eer_official: float
    auc: float
    min_dcf: float
    act_dcf: float
    cllr: float
    min_cllr: float


@dataclass(frozen=True)
class Group(Record):
    """One group of trials; rates are None where it lacks a class."""

    name: str
    n_bonafide: int
    n_spoof: int
    eer: float | None
    min_dcf: float | None
    auc: float | None


def summarise(scores: ArrayLike, labels: ArrayLike, *, prior: Prior = ASVSPOOF5) -> Summary:
    """Every metric of a countermeasure.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        prior: priors and costs of the DCFs.
    """
    rate = eer(scores, labels)
    trials = tally(scores, labels)
    return Summary(
        n_bonafide=rate.n_bonafide,
        n_spoof=rate.n_spoof,
        eer=rate.value,
        eer_threshold=rate.threshold,
        eer_hull=eer_hull_of(trials),
        eer_official=eer_official(scores, labels).value,
        auc=auc_of(trials),
        min_dcf=min_dcf_of(trials, prior),
        act_dcf=act_dcf_of(trials, prior),
        cllr=cllr_of(trials),
        min_cllr=min_cllr_of(trials),
    )


def by_group(scores: ArrayLike, labels: ArrayLike, groups: ArrayLike, *, prior: Prior = ASVSPOOF5) -> tuple[Group, ...]:
    """The main numbers for each value of a column, sorted by name.

    A column that says nothing about bona fide trials (attack, vocoder: "-") splits the spoofs only, and each group is
    set against all bona fide trials, as the challenges do. Any other column (codec, language) splits both classes.

    Args:
        scores: (n,) higher = more genuine.
        labels: (n,) 1 = bona fide, 0 = spoof.
        groups: (n,) the group of each trial, as text.
        prior: priors and costs of the DCF.
    """
    values, genuine = check_trials(scores, labels)
    return tuple(_group(name, values, genuine, keep, prior) for name, keep in members(genuine, groups))


def members(labels: ArrayLike, groups: ArrayLike) -> Iterator[tuple[str, Flags]]:
    """The groups of `by_group` as (name, (n,) which trials belong to it), sorted by name (arguments as there)."""
    genuine = np.asarray(labels).astype(bool)
    names: NDArray[Any] = np.asarray(groups).astype(str)
    if names.shape != genuine.shape:
        raise DataError(f"{genuine.size} scores but groups of shape {names.shape}: give one group per score")
    spoofs_only = all(name.lower() in _NOTHING for name in np.unique(names[genuine]).tolist())
    for name in np.unique(names[~genuine] if spoofs_only else names).tolist():
        inside = names == name
        yield name, inside & ~genuine | genuine if spoofs_only else inside


def _group(name: str, scores: Floats, genuine: Flags, keep: Flags, prior: Prior) -> Group:
    n_bonafide, n_spoof = int((genuine & keep).sum()), int((~genuine & keep).sum())
    if not n_bonafide or not n_spoof:
        return Group(name, n_bonafide, n_spoof, None, None, None)
    trials = tally(scores[keep], genuine[keep])
    rate = eer(scores[keep], genuine[keep]).value
    return Group(name, n_bonafide, n_spoof, rate, min_dcf_of(trials, prior), auc_of(trials))
