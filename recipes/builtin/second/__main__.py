"""`python -m recipes.builtin.second`: the second test's tables; no model hears them here."""

import argparse
from pathlib import Path

import soundfile as sf

from recipes.builtin import keep, shortcuts
from recipes.builtin.second.steps import STEPS
from recipes.builtin.steps import Context, named


def main(arguments: list[str] | None = None) -> None:
    """Make the tables that aren't there, or say what is missing for them."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.second", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"))
    parser.add_argument("--only", metavar="TABLES", help=f"of {', '.join(step.name for step in STEPS)}")
    parser.add_argument("--cues", action="store_true",
                        help="then measure what tells the classes apart unheard: WORK/test2-cues.md")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    chosen = list(named(STEPS, options.only.split(","))) if options.only else list(STEPS)
    lacking = {step.name: missing for step in chosen if step.waits(options.work) and (missing := step.needs.missing())}
    if lacking:
        told = "; ".join(f"{name} needs {', '.join(missing)}" for name, missing in lacking.items())
        raise SystemExit(
            f"missing: {told}\napt-get install codec2 espeak-ng ffmpeg sox, or name other tables with --only"
        )
    options.work.mkdir(parents=True, exist_ok=True)
    context = Context(options.work, options.work, options.seed)
    for step in chosen:
        step.run(context, print)
    if options.cues:
        clips = context.clips(*(step.name for step in STEPS))
        found = shortcuts.table((clip, sf.read(clip.path, dtype="float32")[0]) for clip in clips)
        keep.put(options.work / "test2-cues.md", shortcuts.markdown(found))
        print(options.work / "test2-cues.md")


if __name__ == "__main__":
    main()
