"""Trainings of the same kind that miss some pages, or a family of fakes, judged on what they miss.

Pages lie in folds. A training misses the pages of its fold, with all copies of their recordings. For a family (a
vocoder, a synthesizer) a training misses all of its fakes, and a fifth of the human clips off pages with all copies
of those: its fakes are then set against human clips that it does not know either.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fakemamba.config import ModelConfig
from recipes.builtin import keep
from recipes.builtin.bank import VIEWS as BANK_VIEWS
from recipes.builtin.evaluate import rate, tabulate
from recipes.builtin.facts import Facts
from recipes.builtin.learn import BATCH, learn_kinds, narrow, plan
from recipes.builtin.manifest import Clip
from recipes.builtin.train import data_mark, place

FOLDS = 5
LEAST = 5  # genuine clips and fakes that a page, or a family, must have to be told of
VIEWS = {view.name: 2 * place for place, view in enumerate(BANK_VIEWS)}  # of the statistics: whole clips
Scores = dict[str, list[float]]


@dataclass(frozen=True)
class Fold:
    """What a training misses, and the clips that it is judged on: numbers of clips."""

    name: str
    missed: frozenset[int]
    judged: tuple[int, ...]


def _trained(clips: Sequence[Clip]) -> list[int]:
    return [i for i, clip in enumerate(clips) if clip.split == "train" and clip.whole]


def _copied(clip: Clip) -> bool:
    return clip.system.startswith("copy-")


def page_folds(clips: Sequence[Clip], count: int = FOLDS, least: int = LEAST, seed: int = 0) -> list[Fold]:
    """Training pages with enough clips of both classes, in `count` folds."""
    own: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i in _trained(clips):
        if clips[i].source.startswith("page-") and not _copied(clips[i]):
            own[clips[i].source][clips[i].label].append(i)
    pages = sorted(name for name, kinds in own.items() if min(len(kinds["bonafide"]), len(kinds["spoof"])) >= least)
    pages = [pages[i] for i in np.random.default_rng([seed, 31]).permutation(len(pages))]
    folds = []
    for number in range(min(count, len(pages))):
        inside = set(pages[number::count])
        missed = frozenset(i for i, clip in enumerate(clips) if clip.source in inside and clip.split == "train")
        judged = tuple(i for name in sorted(inside) for rows in own[name].values() for i in rows)
        folds.append(Fold(f"pages-{number}", missed, judged))
    return folds


def held_humans(clips: Sequence[Clip], share: int = 5, seed: int = 0) -> set[int]:
    """A fifth of each source's human training clips off pages: whole speakers where it has five, else clips."""
    speakers: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i in _trained(clips):
        if clips[i].label == "bonafide" and not clips[i].source.startswith("page-"):
            speakers[clips[i].source][clips[i].speaker].append(i)
    rng, held = np.random.default_rng([seed, 32]), set[int]()
    for _, groups in sorted(speakers.items()):
        units = [rows for _, rows in sorted(groups.items())]
        if len(units) < share:
            units = [[row] for rows in units for row in rows]
        taken = 0
        for index in rng.permutation(len(units)):
            if share * taken < sum(map(len, units)):
                held.update(units[index])
                taken += len(units[index])
    return held


def family_folds(clips: Sequence[Clip], least: int = LEAST, seed: int = 0) -> list[Fold]:
    """One fold for every family of training fakes off pages."""
    held = held_humans(clips, seed=seed)
    names = {clips[i].name.replace("/", "-").rsplit(".", 1)[0] for i in held}
    of_held = {i for i, clip in enumerate(clips) if _copied(clip) and Path(clip.path).stem in names}
    families: dict[str, list[int]] = defaultdict(list)
    for i in _trained(clips):
        if clips[i].label == "spoof" and (_copied(clips[i]) or not clips[i].source.startswith("page-")):
            families[clips[i].family].append(i)
    folds = []
    for name, rows in sorted(families.items()):
        fakes = [i for i in rows if not _copied(clips[i]) or i in of_held]
        if len(fakes) >= least:
            folds.append(Fold(f"family-{name}", frozenset({*rows, *held, *of_held}), (*sorted(held), *fakes)))
    return folds


def judge(fold: Fold, clips: list[Clip], facts: Facts, config: ModelConfig, work: Path, *, steps: int, seed: int,
          widths: Sequence[int]) -> Scores:  # fmt: skip
    """By view, the scores of the fold's clips from a training that misses them; kept, and read where they were kept."""
    seen = [replace(clip, split="left out") if i in fold.missed else clip for i, clip in enumerate(clips)]
    schedule = plan(narrow(config), steps=steps, seed=seed, data=data_mark(seen, facts.key, BATCH))
    folder = place(work / fold.name, schedule)
    kept = folder / "left-out.json"
    if not kept.exists():
        system, found = learn_kinds([schedule], seen, facts, widths, folder), Scores()
        for name, view in VIEWS.items():
            if view < facts.views:
                given = torch.from_numpy(np.stack([facts.of(i, view) for i in fold.judged]))
                with torch.inference_mode():
                    found[name] = system.score(given).tolist()
        keep.put_json(kept, found)
    return keep.read_json(kept)  # type: ignore[no-any-return]


def rates(fold: Fold, clips: Sequence[Clip], scores: Scores) -> dict[str, dict[str, float]]:
    """View -> page, or family -> equal error rate in per cent."""
    judged = [clips[i] for i in fold.judged]
    found = {}
    for view, given in scores.items():
        values = np.array(given)
        if fold.name.startswith("pages-"):
            found[view] = tabulate(judged, values).parts
        else:
            genuine = np.array([clip.target == 1 for clip in judged])
            found[view] = {fold.name.removeprefix("family-"): 100 * rate(values[genuine], values[~genuine])}
    return found


def leave_out(
    clips: list[Clip], facts: Facts, config: ModelConfig, work: Path, *, steps: int, seed: int, widths: Sequence[int],
    folds: list[Fold], say: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Every fold's rates, written to `work`/left-out.json after each: what is finished is not trained again.

    `widths` are those of the kinds of statistics, each of which is judged apart.
    """
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"pages": {}, "families": {}, "clips": {}}
    for number, fold in enumerate(folds, 1):
        say(f"left out {number} of {len(folds)}: {fold.name}, {len(fold.judged)} clips judged")
        scores = judge(fold, clips, facts, config, work, steps=steps, seed=seed, widths=widths)
        kind = "pages" if fold.name.startswith("pages-") else "families"
        for view, parts in rates(fold, clips, scores).items():
            found[kind].setdefault(view, {}).update(parts)
            found["clips"].update({name: counted(fold, clips, name, kind) for name in parts})
        told = {"steps": steps, "units": narrow(config).width, "training_clips": len(_trained(clips))}
        keep.put_json(work / "left-out.json", {**found, **told}, indent=1)
    return found


def counted(fold: Fold, clips: Sequence[Clip], name: str, kind: str) -> list[int]:
    """Genuine clips and fakes behind a rate."""
    rows = [i for i in fold.judged if kind == "families" or clips[i].source == name]
    genuine = sum(clips[i].target for i in rows)
    return [genuine, len(rows) - genuine]
