"""STATUS.md in the work folder: what is ready, what is being made, since when."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from recipes.builtin import keep
from recipes.builtin.manifest import Clip, read


def counted(clips: list[Clip]) -> list[tuple[str, str, str, str, int, float]]:
    """(split, label, family, system, clips, minutes), sorted."""
    rows: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for clip in clips:
        rows[clip.split, clip.label, clip.family, clip.system].append(clip.seconds)
    return sorted((*key, len(seconds), sum(seconds) / 60) for key, seconds in rows.items())


def _when(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%H:%M")


def write(work: Path) -> None:
    """Tell from the tables that are finished and from those that are begun."""
    tables = sorted(work.glob("*.tsv"))
    clips = [clip for table in tables for clip in read(table)]
    minutes = sum(clip.seconds for clip in clips) / 60
    begun = [f"{path.name.split('.')[0]} (last row {_when(path)})" for path in work.glob("*.tsv.partial")]
    lines = ["# Data ready", "", f"{len(clips)} clips, {minutes:.0f} min, without the corpus.", "",
             "| table | clips | min | finished (UTC) |", "|---|---|---|---|"]  # fmt: skip
    for table in tables:
        own = read(table)
        lines.append(f"| {table.name} | {len(own)} | {sum(c.seconds for c in own) / 60:.1f} | {_when(table)} |")
    lines += ["", "In work: " + (", ".join(begun) or "nothing"),
              "", "| split | label | family | system | clips | min |", "|---|---|---|---|---|---|"]  # fmt: skip
    lines += [f"| {s} | {la} | {f} | {y} | {n} | {m:.1f} |" for s, la, f, y, n, m in counted(clips)]
    keep.put(work / "STATUS.md", "\n".join(lines) + "\n")
