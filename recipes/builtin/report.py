"""What the shipped model does with audio that it wasn't trained on, through the same `detect` that people run."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fakemamba import load
from recipes.builtin.bank import Bank
from recipes.builtin.card import markdown
from recipes.builtin.evaluate import Table, rate, tabulate
from recipes.builtin.manifest import Clip


@dataclass(frozen=True)
class Judged:
    """A clip and what `detect` said of it; score is None where nothing was judged."""

    clip: Clip
    score: float | None
    verdict: str
    p_fake: float | None


def judge(detector: Any, clips: list[Clip], bank: Bank, rows: list[int], view: int, seconds: float) -> list[Judged]:
    """`detect` over a view of the clips' first seconds."""
    judged = []
    for row in rows:
        result = detector.detect((bank.wave(row, view)[: int(seconds * 16_000)], 16_000))
        judged.append(Judged(clips[row], result.score, result.verdict, result.p_fake))
    return judged


def table(judged: list[Judged]) -> Table:
    """Error rates over what was judged."""
    seen = [j for j in judged if j.score is not None]
    return tabulate([j.clip for j in seen], np.array([j.score for j in seen]))


def verdicts(judged: list[Judged]) -> dict[str, float]:
    """Shares in per cent: of clips that are unsure, and of wrong verdicts among the others, classes weighing alike."""
    shares = {}
    for label in ("bonafide", "spoof"):
        count = Counter(j.verdict for j in judged if j.clip.label == label)
        total = sum(count.values())
        shares[label] = {name: 100 * count[name] / total for name in ("real", "fake", "unsure")}
    wrong = shares["bonafide"]["fake"] + shares["spoof"]["real"]
    right = shares["bonafide"]["real"] + shares["spoof"]["fake"]
    return {
        "unsure": (shares["bonafide"]["unsure"] + shares["spoof"]["unsure"]) / 2,
        "wrong_outside_unsure": 100 * wrong / max(wrong + right, 1e-9),
        "genuine_called_fake": shares["bonafide"]["fake"],
        "fakes_called_real": shares["spoof"]["real"],
    }


def held_out(judged: list[Judged]) -> dict[str, Any]:
    """Test packages: every synthesizer against every human source, none of which training or dev met."""
    seen = [j for j in judged if j.score is not None]
    human = {s: np.array([j.score for j in seen if j.clip.source == s]) for s in sources(seen, "bonafide")}
    fakes = {s: np.array([j.score for j in seen if j.clip.source == s]) for s in sources(seen, "spoof")}
    cells = {f"{h} / {f}": 100 * rate(human[h], fakes[f]) for h in human for f in fakes}
    return {"macro": float(np.mean(list(cells.values()))), "worst": max(cells.values()), **cells,
            "clips": {name: len(x) for name, x in {**human, **fakes}.items()}}  # fmt: skip


def sources(judged: list[Judged], label: str) -> list[str]:
    """The sources of a class."""
    return sorted({j.clip.source for j in judged if j.clip.label == label})


def worst(judged: list[Judged], count: int = 10) -> list[dict[str, Any]]:
    """The surest mistakes, half of each class."""
    seen = [j for j in judged if j.p_fake is not None]
    real = sorted((j for j in seen if j.clip.label == "bonafide"), key=lambda j: -(j.p_fake or 0))[: count // 2]
    fake = sorted((j for j in seen if j.clip.label == "spoof"), key=lambda j: j.p_fake or 0)[: count // 2]
    return [
        {"clip": "/".join(Path(j.clip.path).parts[-2:]), "label": j.clip.label, "system": j.clip.system,
         "p_fake": round(j.p_fake or 0, 3), "seconds": j.clip.seconds}
        for j in [*real, *fake]
    ]  # fmt: skip


def counted(judged: list[Judged]) -> tuple[int, int]:
    """Genuine clips and fakes."""
    genuine = sum(j.clip.label == "bonafide" for j in judged)
    return genuine, len(judged) - genuine


def shown(found: Table) -> dict[str, Any]:
    """A table as plain values."""
    return {"macro": found.macro, "pooled": found.pooled, "by_source": found.parts, "clips": found.counts}


def report(model: Path, clips: list[Clip], bank: Bank, out: Path) -> dict[str, Any]:
    """Measure everything and write it as JSON."""
    detector = load(model, threads=2)
    dev = [i for i, c in enumerate(clips) if c.split == "dev" and c.whole]
    test = [i for i, c in enumerate(clips) if c.split == "test"]
    clean = judge(detector, clips, bank, dev, 0, 4.0)
    judged_test = judge(detector, clips, bank, test, 0, 4.0)
    result = {
        "dev": shown(table(clean)),
        "dev_verdicts": verdicts(clean),
        "dev_light_channel": shown(table(judge(detector, clips, bank, dev, 1, 4.0))),
        "dev_heavy_channel": shown(table(judge(detector, clips, bank, dev, 2, 4.0))),
        "dev_first_second": shown(table(judge(detector, clips, bank, dev, 0, 1.0))),
        "dev_first_2_seconds": shown(table(judge(detector, clips, bank, dev, 0, 2.0))),
        "by_system": by_system(clean),
        "test": held_out(judged_test),
        "test_verdicts": verdicts(judged_test),
        "worst": worst(clean),
        "dev_clips": counted(clean),
        "test_clips": counted(judged_test),
    }
    out.write_text(json.dumps(result, indent=1) + "\n")
    out.with_suffix(".md").write_text(markdown(result))
    return result


def by_system(judged: list[Judged]) -> dict[str, dict[str, float]]:
    """Of each fake system: clips, and how many were called fake, real, unsure."""
    found: dict[str, dict[str, float]] = {}
    for name in sorted({f"{j.clip.source}/{j.clip.system}" for j in judged if j.clip.label == "spoof"}):
        count = Counter(j.verdict for j in judged if f"{j.clip.source}/{j.clip.system}" == name)
        found[name] = {"clips": sum(count.values()), **{k: count[k] for k in ("fake", "unsure", "real")}}
    return found
