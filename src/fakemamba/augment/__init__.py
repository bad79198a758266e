"""Augmentation as draw + apply: what happens to speech between a mouth and a file.

`draw(rng, strength)` gives a frozen value, `apply(wave)` uses it: float32 mono 16 kHz in and out, same
length, nothing moved in time, and never a look at the label.
"""

from fakemamba.augment.channel import CHANCES, Chain, Drawn, apply, draw
from fakemamba.augment.codec import codecs
from fakemamba.augment.effect import Effect

__all__ = ["CHANCES", "Chain", "Drawn", "Effect", "apply", "codecs", "draw"]
