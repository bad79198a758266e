"""`python -m recipes.builtin.report.music`: how much music without speech `detect` answers `unsure`, and why.

The music is that of games in Debian packages; a few stretches of each file, evenly spread, are judged one by one.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile as sf

from fakemamba import Detector, load
from fakemamba.errors import FakeMambaError
from recipes.builtin import keep
from recipes.builtin.finish import NAME
from recipes.builtin.manifest import Wave
from recipes.builtin.packages import debian

PACKAGES = ("extremetuxracer-data", "hyperrogue-music", "asc-music")  # songs are not sought, nor ruled out
SECONDS = 10.0
STRETCHES = 3  # of a file
ENDINGS = {".ogg", ".mp3", ".flac", ".wav"}
Heard = tuple[Wave, int]  # samples and their rate


def stretches(path: Path) -> Iterator[Heard]:
    """Up to STRETCHES parts of SECONDS from the inside of a file; none of one that is too short to be a piece."""
    with sf.SoundFile(path) as file:
        rate, length = file.samplerate, int(SECONDS * file.samplerate)
        if file.frames < (STRETCHES + 1) * length:
            return
        for number in range(STRETCHES):
            file.seek((number + 1) * (file.frames - length) // (STRETCHES + 1))
            yield file.read(length, dtype="float32", always_2d=True).mean(axis=1), rate


def pieces(folder: Path) -> list[Heard]:
    """The stretches of all music files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return [part for path in files for part in stretches(path)]


def judged(detector: Detector, heard: Sequence[Heard]) -> dict[str, Any]:
    """How many stretches there are, how many got each verdict, and how often each reason for an `unsure` was given."""
    results = [detector.detect(part, near=False) for part in heard]
    verdicts = Counter(result.verdict for result in results)
    reasons = Counter(re.sub(r"[+-][\d.]+", "…", result.reason) for result in results if result.reason is not None)
    as_music = sum(count for reason, count in reasons.items() if "music" in reason)
    return {
        "stretches": len(results),
        "heard as music": as_music,
        **{name: verdicts[name] for name in ("unsure", "real", "fake")},
        "reasons": dict(reasons.most_common()),
    }


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """The counts of every package as a table, and the share of all that is unsure."""
    names = ("stretches", "heard as music", "unsure", "real", "fake")
    lines = [f"| music of | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {package} | {' | '.join(str(row[name]) for name in names)} |" for package, row in found.items()]
    total = sum(row["stretches"] for row in found.values())
    unsure = sum(row["unsure"] for row in found.values())
    heard = sum(row["heard as music"] for row in found.values())
    told = f"{unsure} of {total} are unsure ({100 * unsure / max(total, 1):.1f} %), {heard} of them as music."
    return "\n".join([*lines, "", told, ""])


def main(arguments: list[str] | None = None) -> None:
    """Fetch the packages, judge their music, write OUT/music.json and OUT/music.md."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.report.music", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"), help="packages are fetched into it")
    parser.add_argument("--model", default=NAME, help=f"name or folder; default {NAME}, as installed")
    parser.add_argument("--out", type=Path, help="default WORK/report-MODEL")
    options = parser.parse_args(arguments)
    detector = load(options.model, threads=1)
    found = {name: judged(detector, pieces(debian(name, options.work))) for name in PACKAGES}
    out = options.out or options.work / f"report-{Path(options.model).name}"
    out.mkdir(parents=True, exist_ok=True)
    keep.put_json(out / "music.json", found, indent=1)
    keep.put(out / "music.md", markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
