"""Measures everything that the report tells; what was judged before is read back, so that it resumes table by table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakemamba import load
from recipes.builtin import keep, points
from recipes.builtin.bank import Bank, load_noises
from recipes.builtin.manifest import Clip
from recipes.builtin.report import plots, second, tables
from recipes.builtin.report.conditions import CLEAN, all_conditions, line
from recipes.builtin.report.judged import Bench, Judged
from recipes.builtin.report.markdown import markdown

LEFT_OUT = "left-out/left-out.json"  # in the work folder


def report(
    model: str | Path, clips: list[Clip], bank: Bank, folder: Path, *, seed: int, left_out: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Measure and write report.json, report.md and the plots into `folder`.

    Args:
        model: name or folder.
        clips, bank: of the run; dev and test clips are judged.
        folder: answers are kept in its `judged`.
        seed: of noises and codecs.
        left_out: what `leave_out` wrote; told of where it exists.
        say: told of each condition.
    """
    detector = load(model, threads=1)
    backgrounds = load_noises(clips, "dev")
    bench = Bench(detector, clips, bank, folder / "judged", seed)
    bench.folder.mkdir(parents=True, exist_ok=True)
    dev, conditions = {}, all_conditions(bank.views, backgrounds)
    for condition in conditions:
        say(f"dev, {condition.group}: {condition.title}")
        dev[condition.name] = bench.judge(condition)
    say("held-out packages")
    test = {each.name: bench.judge(each, "test") for each in (CLEAN, line(backgrounds))}
    found = _tables(dev, test)
    found |= {
        "model": {"name": detector.card.name, "sha256": detector.model_sha256},
        "seed": seed,
        "groups": {c.name: {"group": c.group, "title": c.title} for c in conditions},
        "points": points.plain(detector.card.operating_points),
        "left_out": keep.read_json(left_out) if left_out and left_out.exists() else None,
        "second": second.kept(folder, detector.model_sha256),
    }
    keep.put_json(folder / "report.json", found, indent=1)
    keep.put(folder / "report.md", markdown(found))
    plots.draw(found, folder, "report")
    return found


def _tables(dev: dict[str, list[Judged]], test: dict[str, list[Judged]]) -> dict[str, Any]:
    clean, opened = dev["clean"], test["clean"]
    return {
        "conditions": {name: tables.condition(judged) for name, judged in dev.items()},
        "test": {name: tables.held_out(judged) for name, judged in test.items()},
        "verdicts": {"dev": tables.verdicts(clean), "test": tables.verdicts(opened)},
        "clips": {"dev": tables.counted(clean), "test": tables.counted(opened)},
        "calibration": {
            **{name: tables.calibration(dev[name]) for name in ("clean", "channel-1", "line") if name in dev},
            **{f"test-{name}": tables.calibration(judged) for name, judged in test.items()},
        },
        "by_language": tables.grouped(clean, tables.language),
        "by_source": tables.by_source(clean),
        "by_system": tables.by_system(clean),
        "worst": tables.worst(clean),
    }
