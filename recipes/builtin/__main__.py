"""`python -m recipes.builtin`: from packages and a corpus to weights, resuming where it stopped."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from fakemamba.config import CepstraConfig, ModelConfig, load_model_config
from fakemamba.errors import FakeMambaError
from fakemamba.models.statistics import Facets
from recipes.builtin import recogniser, shortcuts, smoke
from recipes.builtin.bank import Bank
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import STEPS, collect, everything
from recipes.builtin.facts import Facts
from recipes.builtin.facts import build as build_facts
from recipes.builtin.finish import NAME, finish, note_errors
from recipes.builtin.heldout import DEBIAN as FESTIVAL
from recipes.builtin.learn import STEPS as FACT_STEPS
from recipes.builtin.learn import learn
from recipes.builtin.leave_out import FOLDS, LEAST, family_folds, leave_out, page_folds
from recipes.builtin.manifest import RATE, Clip
from recipes.builtin.near import note_near
from recipes.builtin.report.measure import LEFT_OUT, report
from recipes.builtin.sampling import Draw
from recipes.builtin.steps import Context, Step, check_corpus, named
from recipes.builtin.train import EVERY, plan, train
from recipes.builtin.train import STEPS as WAVE_STEPS

DEFAULT = Path("configs/compact-recogniser.toml")
DEBIAN = f"ffmpeg espeak-ng flite festival nodejs npm {' '.join(FESTIVAL)}"


def check_tools(steps: Iterable[Step], work: Path) -> None:
    """Say at once what the steps that are still to be made lack, not hours later."""
    missing = {name: None for step in steps if step.waits(work) for name in step.needs.missing()}
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; apt-get install {DEBIAN}, pip install '.[recipes]'")


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """What a run is asked for."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, help="default runs/builtin; with --smoke runs/smoke")
    parser.add_argument("--config", type=Path, default=DEFAULT, help="a model of the kind cepstra or spectrum")
    parser.add_argument("--steps", type=int, help="training steps; default by the kind of model")
    parser.add_argument("--out", type=Path, help=f"the model folder to write, which gives its name; "
                        f"default WORK/{NAME}, or WORK/ and the name of another CONFIG")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--only", help="make these tables and stop, e.g. human,own:2; 'data' makes them all")
    parser.add_argument("--as-is", action="store_true", help="train on the tables that are there; make no audio")
    parser.add_argument(
        "--leave-out",
        action="store_true",
        help="train without some pages, and without families, and stop; for the report",
    )
    parser.add_argument("--smoke", action="store_true", help="every step on a few clips, in minutes")
    options = parser.parse_args(arguments)
    options.work = options.work or Path("runs/smoke" if options.smoke else "runs/builtin")
    return options


def main(arguments: list[str] | None = None) -> None:
    """The whole recipe, or the part asked for."""
    options = parse(arguments)
    check_corpus(options.corpus)
    clips = gathered(options)
    if options.only:
        return
    config = load_model_config(options.config)
    counts = Draw(clips).counts()  # a source without a share is told of before the hours
    shortcuts.report(clips, options.work / "shortcuts.md", seed=options.seed)
    bank = build_bank(clips, options.work / "bank.i16", seed=options.seed)
    say(f"bank: {len(bank.samples) / RATE / 3600:.1f} h in {bank.views} views")
    if options.leave_out or options.smoke:
        leave_some_out(options, config, clips, bank)
    if not options.leave_out:
        finish_off(options, config, clips, bank, counts)


def gathered(options: argparse.Namespace) -> list[Clip]:
    """All clips: those that are there, and with `--as-is` no others."""
    if options.as_is:
        return everything(options.work, options.corpus)
    tables = smoke.STEPS if options.smoke else STEPS
    only = options.only or "data"
    steps = list(tables if only == "data" else named(tables, only.split(",")))
    check_tools(steps, options.work)
    make = smoke.context if options.smoke else Context
    return collect(make(options.corpus, options.work, options.seed), steps, say)


def measured(options: argparse.Namespace, config: ModelConfig, clips: list[Clip], bank: Bank) -> tuple[Facts, Facets]:
    """The statistics of all views, for a model that starts from them, and what measures them."""
    front, weights = config.frontend, None
    assert isinstance(front, CepstraConfig)
    if front.recogniser is not None:
        fetched = recogniser.untrained if options.smoke else recogniser.fetch
        weights = fetched(front.recogniser, options.work)
    facts = build_facts(clips, bank, options.work / "facts", seed=options.seed, frontend=front, weights=weights)
    return facts, recogniser.frontend(front, weights)


def finish_off(options: argparse.Namespace, config: ModelConfig, clips: list[Clip], bank: Bank,
               counts: dict[str, int]) -> None:  # fmt: skip
    """From the clips to a model folder and its report."""
    if isinstance(config.frontend, CepstraConfig):
        steps = 2 if options.smoke else options.steps or FACT_STEPS
        facts, front = measured(options, config, clips, bank)
        place = options.work / "learn"
        best = learn(clips, facts, config, place, steps=steps, seed=options.seed, frontend=front)
    else:
        steps, every = (2, 1) if options.smoke else (options.steps or WAVE_STEPS, EVERY)
        best = train(clips, bank, plan(config, steps=steps, every=every, seed=options.seed), options.work / "train")
    record = {"recipe": command(options), "clips": counts, "seed": options.seed, "steps": steps}
    out = model_folder(options)
    folder = finish(best, clips, bank, out, record)
    note_near(folder.path, clips, options.seed, say)
    found = report(folder.path, clips, bank, options.work / f"report-{out.name}", seed=options.seed,
                   left_out=options.work / LEFT_OUT, say=say)  # fmt: skip
    note_errors(folder.path, found)
    say(f"done: {folder.path} and {options.work / f'report-{out.name}'}")


def leave_some_out(options: argparse.Namespace, config: ModelConfig, clips: list[Clip], bank: Bank) -> None:
    """Trainings that miss pages and families; two of each when the run only tries everything."""
    if not isinstance(config.frontend, CepstraConfig):
        raise SystemExit(f"{options.config}: --leave-out needs a model of the kind cepstra: others take days")
    facts, front = measured(options, config, clips, bank)
    steps = 2 if options.smoke else options.steps or FACT_STEPS
    count, least = (2, 1) if options.smoke else (FOLDS, LEAST)
    families = family_folds(clips, least, options.seed)
    folds = [*page_folds(clips, count, least, options.seed), *(families[:2] if options.smoke else families)]
    leave_out(clips, facts, config, options.work / "left-out", steps=steps, seed=options.seed, widths=front.widths,
              folds=folds, say=say)  # fmt: skip


def model_folder(options: argparse.Namespace) -> Path:
    """Where the model goes; its name goes into the card."""
    named_by_config = NAME if options.config.stem == DEFAULT.stem else options.config.stem
    return options.out or options.work / named_by_config  # type: ignore[no-any-return]


def command(options: argparse.Namespace) -> str:
    """What was asked for, as far as it changes the weights."""
    words = ["python -m recipes.builtin"]
    words += [f"--config {options.config.name}"] if options.config.stem != DEFAULT.stem else []
    words += ["--smoke"] * options.smoke + ["--as-is"] * options.as_is
    return " ".join(words)


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
