"""Human speech for a second test, opened once: telephone prompts that no earlier table holds.

    python -m recipes.builtin.heldout2 --work runs/builtin

Its table isn't among the recipe's steps: there it would change the bank, and it would no longer be unopened.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from recipes.builtin.human import Package, collect
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context, Needs, Step

PACKAGES = (
    Package("asterisk-prompt-it-menardi-wav", "*.wav", "menardi", "it", "CC-BY-SA-3.0-IT", "test", 80),
    Package("asterisk-prompt-fr-armelle", "*.gsm", "armelle", "fr", "GPL-2+", "test", 60),
    Package("asterisk-prompt-es-co", "*.gsm", "asterisk-es-co", "es", "GPL-2", "test", 60),
)


def make(context: Context, _part: int = 0) -> Iterator[Clip]:
    """Every package's clips, in random order."""
    for number, package in enumerate(PACKAGES):
        share = replace(package, clips=context.amount(package.clips))
        yield from collect(share, context.work, np.random.default_rng([context.seed, 21, number]))


STEP = Step("test2-human", make, needs=Needs(("apt-get", "dpkg", "ffmpeg")))


def main(arguments: list[str] | None = None) -> None:
    """Make the table, or say what is missing."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.heldout2", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"))
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    if missing := STEP.waits(options.work) and STEP.needs.missing():
        raise SystemExit(f"missing: {', '.join(missing)}; apt-get install them")
    options.work.mkdir(parents=True, exist_ok=True)
    STEP.run(Context(options.work, options.work, options.seed), print)


if __name__ == "__main__":
    main()
