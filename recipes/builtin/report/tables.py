"""From what was judged to numbers: error rates, verdicts, calibration; by condition, source, language and system."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fakemamba.metrics import cllr, min_cllr, reliability
from recipes.builtin.evaluate import Table, rate, tabulate
from recipes.builtin.manifest import Clip
from recipes.builtin.report.judged import Judged

RESAMPLES = 200
LEAST = 8  # clips of each class from which a group has an error rate
Row = dict[str, Any]


def table(judged: Sequence[Judged]) -> Table:
    """Error rates over what was judged."""
    seen = scored(judged)
    return tabulate([j.clip for j in seen], scores(seen))


def scored(judged: Iterable[Judged]) -> list[Judged]:
    """Those in which enough speech was found."""
    return [j for j in judged if j.score is not None]


def scores(judged: Iterable[Judged]) -> np.ndarray:
    """(n,) of what was judged."""
    return np.array([j.score for j in judged if j.score is not None])


def macro_interval(judged: Sequence[Judged], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the macro error rate: clips drawn again within each source and class."""
    seen, groups = scored(judged), dict[tuple[str, str], list[int]]()
    for i, j in enumerate(seen):
        groups.setdefault((j.clip.source, j.clip.label), []).append(i)
    rng, values, found = np.random.default_rng(seed), scores(seen), []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups.values()])
        found.append(tabulate([seen[i].clip for i in rows], values[rows]).macro)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def condition(judged: Sequence[Judged]) -> Row:
    """A condition's numbers, in per cent."""
    found = table(judged)
    low, high = macro_interval(judged)
    longer = table([j for j in judged if j.clip.seconds >= 3.0]) if long_enough(judged) else None
    return {"macro": found.macro, "low": low, "high": high, "pooled": found.pooled, "by_source": found.parts,
            "clips": found.counts, "macro_of_3_s": longer and longer.macro,
            "not_judged": 100 * (1 - len(scored(judged)) / len(judged)), **verdicts(judged)}  # fmt: skip


def long_enough(judged: Sequence[Judged]) -> bool:
    """Whether both classes have scored clips of 3 s and more, so that lengths can be compared on the same clips."""
    return {j.clip.label for j in scored(judged) if j.clip.seconds >= 3.0} == {"bonafide", "spoof"}


def verdicts(judged: Sequence[Judged], verdict: Callable[[Judged], str] = lambda j: j.verdict) -> Row:
    """Shares in per cent: of clips that are unsure, and of wrong verdicts among the others, classes weighing alike.

    A class that is absent has no shares (None), and the others are those of the class that is there.
    """
    shares: dict[str, dict[str, float]] = {}
    for label in ("bonafide", "spoof"):
        count = Counter(verdict(j) for j in judged if j.clip.label == label)
        if count:
            shares[label] = {name: 100 * count[name] / count.total() for name in ("real", "fake", "unsure")}
    genuine, fake = shares.get("bonafide", {}), shares.get("spoof", {})
    wrong, right = genuine.get("fake", 0) + fake.get("real", 0), genuine.get("real", 0) + fake.get("fake", 0)
    return {
        "unsure": sum(share["unsure"] for share in shares.values()) / max(1, len(shares)),
        "wrong_outside_unsure": 100 * wrong / max(wrong + right, 1e-9),
        "genuine_called_fake": genuine.get("fake"),
        "fakes_called_real": fake.get("real"),
        "fakes_called_fake": fake.get("fake"),
    }


def counted(judged: Iterable[Judged]) -> tuple[int, int]:
    """Genuine clips and fakes."""
    labels = Counter(j.clip.label for j in judged)
    return labels["bonafide"], labels["spoof"]


def held_out(judged: Sequence[Judged]) -> Row:
    """Test packages: every synthesizer against every human source, none of which training or dev met."""
    seen = scored(judged)
    of = {label: {s: scores(j for j in seen if j.clip.source == s) for s in sources(seen, label)}
          for label in ("bonafide", "spoof")}  # fmt: skip
    cells = {f"{h} / {f}": 100 * rate(x, y) for h, x in of["bonafide"].items() for f, y in of["spoof"].items()}
    clips = {name: len(x) for group in of.values() for name, x in group.items()}
    return {"macro": float(np.mean(list(cells.values()))), "worst": max(cells.values()), "cells": cells, "clips": clips}


def sources(judged: Iterable[Judged], label: str) -> list[str]:
    """The sources of a class."""
    return sorted({j.clip.source for j in judged if j.clip.label == label})


def calibration(judged: Sequence[Judged]) -> Row:
    """How far log-likelihood ratios and probabilities can be believed; bits, and per cent for the ECE."""
    seen = [j for j in judged if j.llr is not None]
    llr, labels = np.array([j.llr for j in seen]), np.array([j.clip.target for j in seen])
    # Probabilities at the set's own share of genuine clips: those of `detect` are for as many fakes as genuine ones.
    odds = llr + np.log(labels.sum() / (1 - labels).sum())
    probabilities = 1 / (1 + np.exp(-odds))
    actual, least = cllr(llr, labels), min_cllr(llr, labels)
    return {"cllr": actual, "min_cllr": least, "difference": actual - least,
            "ece": 100 * reliability(probabilities, labels).ece, "clips": counted(seen)}  # fmt: skip


def language(clip: Clip) -> str:
    """Two or three letters of what the table says in many ways: en-us, en_US, en(zh L1)."""
    return re.split(r"[^a-z]", clip.language.lower())[0] or "not told"


def grouped(judged: Sequence[Judged], name: Callable[[Clip], str]) -> dict[str, Row]:
    """Every group's clips, verdicts and, with LEAST clips of both classes, its equal error rate."""
    found = {}
    for group in sorted({name(j.clip) for j in judged}):
        members = [j for j in judged if name(j.clip) == group]
        found[group] = {"clips": counted(members), "eer": own_rate(members), **verdicts(members)}
    return found


def own_rate(judged: Sequence[Judged]) -> float | None:
    """The equal error rate of a group, of its own fakes against its own genuine clips."""
    seen = scored(judged)
    if min(counted(seen)) < LEAST:
        return None
    return 100 * rate(*(scores(j for j in seen if j.clip.label == label) for label in ("bonafide", "spoof")))


def by_source(judged: Sequence[Judged]) -> dict[str, Row]:
    """Groups by source; one without clips of a class is set against the other class of all sources off pages."""
    found, off_pages = grouped(judged, lambda clip: clip.source), []
    off_pages = [j for j in judged if not j.clip.source.startswith("page-")]
    for name, row in found.items():
        own = [j for j in judged if j.clip.source == name]
        if not name.startswith("page-") and min(row["clips"]) == 0:
            label = own[0].clip.label
            row["eer"] = own_rate([*own, *(j for j in off_pages if j.clip.label != label)])
    return found


def by_system(judged: Sequence[Judged]) -> dict[str, Row]:
    """Of each fake system: clips, and how many were called fake, real, unsure."""
    found: dict[str, Row] = {}
    for name in sorted({f"{j.clip.source}/{j.clip.system}" for j in judged if j.clip.label == "spoof"}):
        count = Counter(j.verdict for j in judged if f"{j.clip.source}/{j.clip.system}" == name)
        found[name] = {"clips": count.total(), **{k: count[k] for k in ("fake", "unsure", "real")}}
    return found


def worst(judged: Iterable[Judged], count: int = 10) -> list[Row]:
    """The surest mistakes, half of each class."""
    seen = [j for j in judged if j.p_fake is not None]
    real = sorted((j for j in seen if j.clip.label == "bonafide"), key=lambda j: -(j.p_fake or 0))[: count // 2]
    fake = sorted((j for j in seen if j.clip.label == "spoof"), key=lambda j: j.p_fake or 0)[: count // 2]
    return [{"clip": Path(j.clip.path).parent.name + "/" + Path(j.clip.path).name, "label": j.clip.label,
             "system": j.clip.system, "p_fake": round(j.p_fake or 0, 3), "seconds": j.clip.seconds}
            for j in [*real, *fake]]  # fmt: skip
