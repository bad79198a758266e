"""Augmentation as draw + apply: what happens to speech between a mouth and a file.

`draw(rng, strength)` gives a frozen value, `apply(wave)` uses it: float32 mono 16 kHz in and out, same
length, nothing moved in time, and never a look at the label. `Chain` draws recording chains, `RawBoost` the
published noises; `legacy` repeats the latter number by number.
"""

from fakemamba.augment.channel import CHANCES, Chain, Drawn, apply, draw
from fakemamba.augment.codec import codecs
from fakemamba.augment.edges import trim_edges
from fakemamba.augment.effect import Effect
from fakemamba.augment.rawboost import Boost, RawBoost, Settings
from fakemamba.augment.rawboost_legacy import legacy

__all__ = [
    "CHANCES",
    "Boost",
    "Chain",
    "Drawn",
    "Effect",
    "RawBoost",
    "Settings",
    "apply",
    "codecs",
    "draw",
    "legacy",
    "trim_edges",
]
