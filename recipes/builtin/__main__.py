"""`python -m recipes.builtin`: from packages and a corpus to weights, resuming where it stopped."""

import argparse
import shutil
from importlib.util import find_spec
from pathlib import Path

from fakemamba.config import CepstraConfig, ModelConfig, load_model_config
from fakemamba.errors import FakeMambaError
from recipes.builtin import shortcuts, smoke
from recipes.builtin.bank import STRENGTHS
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import STEPS, collect, everything
from recipes.builtin.facts import build as build_facts
from recipes.builtin.finish import NAME, finish, note_errors
from recipes.builtin.heldout import DEBIAN as FESTIVAL
from recipes.builtin.learn import STEPS as FACT_STEPS
from recipes.builtin.learn import learn
from recipes.builtin.manifest import Clip
from recipes.builtin.report import report
from recipes.builtin.steps import Context, named
from recipes.builtin.train import EVERY, plan, train
from recipes.builtin.train import STEPS as WAVE_STEPS

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
    parser.add_argument("--work", type=Path, help="default runs/builtin; with --smoke runs/smoke")
    parser.add_argument("--config", type=Path, default=Path("configs/compact-statistics.toml"))
    parser.add_argument("--steps", type=int, help="training steps; default by the kind of model")
    parser.add_argument("--out", type=Path, help=f"the model folder to write; default WORK/{NAME}")
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--only", help="make these tables and stop, e.g. human,own:2; 'data' makes them all")
    parser.add_argument("--as-is", action="store_true", help="train on the tables that are there; make no audio")
    parser.add_argument("--smoke", action="store_true", help="every step on a few clips, in minutes")
    options = parser.parse_args(arguments)
    options.work = options.work or Path("runs/smoke" if options.smoke else "runs/builtin")
    return options


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
    if options.as_is:
        clips = everything(options.work, options.corpus)
    else:
        clips = collect(context, tables if only == "data" else named(tables, only.split(",")), say)
    if not options.only:
        shortcuts.report(clips, options.work / "shortcuts.md", seed=options.seed)
        finish_off(options, load_model_config(options.config), clips)


def finish_off(options: argparse.Namespace, config: ModelConfig, clips: list[Clip]) -> None:
    """From the clips to a model folder and its report."""
    bank = build_bank(clips, options.work / "bank.i16", views=len(STRENGTHS), seed=options.seed)
    say(f"bank: {len(bank.samples) / 16_000 / 3600:.1f} h in {bank.views} views")
    if isinstance(config.frontend, CepstraConfig):
        facts = build_facts(clips, bank, options.work / "facts", seed=options.seed)
        steps = 2 if options.smoke else options.steps or FACT_STEPS
        best = learn(clips, facts, config, options.work / "learn", steps=steps, seed=options.seed)
    else:
        steps, every = (2, 1) if options.smoke else (options.steps or WAVE_STEPS, EVERY)
        best = train(clips, bank, plan(config, steps=steps, every=every, seed=options.seed), options.work / "train")
    record = {"recipe": "python -m recipes.builtin", "seed": options.seed, "steps": steps}
    folder = finish(best, clips, bank, options.out or options.work / NAME, record)
    note_errors(folder.path, report(folder.path, clips, bank, options.work / "report.json"))
    say(f"done: {folder.path} and {options.work / 'report.json'}")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
