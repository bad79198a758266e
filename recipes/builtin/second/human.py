"""The human side: telephone prompts that no earlier table holds."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from recipes.builtin.human import Package, collect
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context

PACKAGES = (
    Package("asterisk-prompt-it-menardi-wav", "*.wav", "menardi", "it", "CC-BY-SA-3.0-IT", "test", 80),
    Package("asterisk-prompt-fr-armelle", "*.gsm", "armelle", "fr", "GPL-2+", "test", 60),
    Package("asterisk-prompt-es-co", "*.gsm", "asterisk-es-co", "es", "GPL-2", "test", 60),
)


def make(context: Context) -> Iterator[Clip]:
    """Every package's clips, in random order."""
    for number, package in enumerate(PACKAGES):
        share = replace(package, clips=context.amount(package.clips))
        yield from collect(share, context.work, np.random.default_rng([context.seed, 21, number]))
