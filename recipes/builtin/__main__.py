"""`python -m recipes.builtin`: from packages and a corpus to weights, resuming where it stopped."""

import argparse
import shutil
from importlib.util import find_spec
from pathlib import Path

from fakemamba.config import load_model_config
from fakemamba.errors import FakeMambaError
from recipes.builtin import shortcuts, smoke
from recipes.builtin.bank import STRENGTHS
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import STEPS, collect
from recipes.builtin.finish import NAME, finish
from recipes.builtin.heldout import DEBIAN as FESTIVAL
from recipes.builtin.manifest import Clip
from recipes.builtin.report import report
from recipes.builtin.steps import Context, named
from recipes.builtin.train import EVERY, Plan, plan, train
from recipes.builtin.train import STEPS as TRAINING_STEPS

SMOKE_TOOLS = ("espeak-ng", "flite")
TOOLS = (*SMOKE_TOOLS, "apt-get", "dpkg", "ffmpeg", "festival", "node", "npm")
DEBIAN = f"ffmpeg espeak-ng flite festival nodejs npm {' '.join(FESTIVAL)}"


def check_tools(corpus: Path, tools: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Say at once what is missing, not hours later."""
    missing = [name for name in tools if shutil.which(name) is None]
    missing += [name for name in modules if find_spec(name) is None]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; apt-get install {DEBIAN}, pip install '.[recipes]'")
    if not (corpus / "corpus.tsv").exists():
        raise SystemExit(f"{corpus}: no corpus.tsv there; give the corpus with --corpus")


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """What a run is asked for."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"))
    parser.add_argument("--config", type=Path, default=Path("configs/compact.toml"))
    parser.add_argument("--steps", type=int, default=TRAINING_STEPS, help="training steps")
    parser.add_argument("--out", type=Path, help=f"the model folder to write; default WORK/{NAME}")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--only", help="make these tables and stop, e.g. human,own:2; 'data' makes them all")
    parser.add_argument("--smoke", action="store_true", help="every step on a few clips, in minutes")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """The whole recipe, or the steps asked for."""
    options = parse(arguments)
    if options.smoke:
        check_tools(options.corpus, SMOKE_TOOLS, ("pyworld",))
        context: Context = smoke.context(options.corpus, options.work, options.seed)
    else:
        check_tools(options.corpus, TOOLS, ("piper", "pyworld"))
        context = Context(options.corpus, options.work, options.seed)
    only, tables = options.only or "data", smoke.STEPS if options.smoke else STEPS
    clips = collect(context, tables if only == "data" else named(tables, only.split(",")), say)
    if not options.only:
        shortcuts.report(clips, options.work / "shortcuts.md", seed=options.seed)
        steps, every = (2, 1) if options.smoke else (options.steps, EVERY)
        learn(options, plan(load_model_config(options.config), steps=steps, every=every, seed=options.seed), clips)


def learn(options: argparse.Namespace, schedule: Plan, clips: list[Clip]) -> None:
    """From the clips to a model folder and its report."""
    bank = build_bank(clips, options.work / "bank.i16", views=len(STRENGTHS), seed=options.seed)
    say(f"bank: {len(bank.samples) / 16_000 / 3600:.1f} h in {bank.views} views")
    best = train(clips, bank, schedule, options.work / "train")
    record = {"recipe": "python -m recipes.builtin", "seed": options.seed, "steps": schedule.steps}
    folder = finish(best, clips, bank, options.out or options.work / NAME, record)
    report(folder.path, clips, bank, options.work / "report.json")
    say(f"done: {folder.path} and {options.work / 'report.json'}")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
