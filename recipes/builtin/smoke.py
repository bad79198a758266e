"""Every step on next to nothing, in minutes and without a download: does the recipe still run from end to end?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin import splice, synthesize
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context, Needs, Step
from recipes.builtin.vocode import Vocoder, as_loud, copies
from recipes.builtin.vocoders import own, world
from recipes.builtin.vocoders.nets import Codec, Istft

FEW = 6  # corpus clips of each split, label and of what a batch asks for
PLANS = (
    own.Plan("istft", "own-istft", partial(Istft, fft=512, hop=160, bands=40, width=32, depth=1, polar=True), (2, 4)),
    own.Plan("codec", "own-codec", partial(Codec, fft=640, hop=320, bands=40, width=32, depth=2, books=2), (2,)),
)
VOCODERS = (
    Vocoder("copy-world", "world", 1.0, "as its recording", world.plain),
    Vocoder("copy-world-smooth", "world", 1.0, "as its recording", world.smooth),
)


def corpus_part(context: Context) -> list[Clip]:
    """A few clips of every split and label, from as many sources as these hold."""
    seen: Counter[tuple[str, str, bool]] = Counter()
    kept = []
    clips = Context.base(context)
    for index in np.random.default_rng(context.seed).permutation(len(clips)):
        clip = clips[index]
        key = clip.split, clip.label, clip.source.startswith("page-")
        if (clip.seconds >= 2.0 or clip.label == "noise") and seen[key] < FEW:
            seen[key] += 1
            kept.append(clip)
    return kept


class Tiny(Context):
    """A run over a small part of the corpus."""

    def base(self) -> list[Clip]:
        """The few clips that the smoke run uses."""
        return corpus_part(self)


def two_synthesizers(context: Context, _part: int) -> Iterator[Clip]:
    """espeak-ng to train on, flite to test on."""
    chosen = {"espeak-ng": "train", "flite": "test"}
    engines = [replace(e, clips=FEW, split=chosen[e.name]) for e in synthesize.SYNTHESIZERS if e.name in chosen]
    return synthesize.speak_all(engines, replace(context, share=1.0))


def held_human(context: Context, _part: int) -> Iterator[Clip]:
    """Human lines for the test: dev recordings stand in."""
    for clip in context.base():
        if (clip.label, clip.split) == ("bonafide", "dev"):
            yield replace(clip, split="test")


def dev_partials(context: Context, _part: int) -> Iterator[Clip]:
    """Partial fakes of dev recordings, by the vocoder that needs no download."""
    rng = np.random.default_rng([context.seed, 16])
    copy = world.plain(context.work)
    human = [clip for clip in context.base() if (clip.label, clip.split) == ("bonafide", "dev")]
    for number, clip in enumerate(human):
        wave = sf.read(clip.path, dtype="float32")[0]
        raw = as_loud(copy(wave, rng)[0], wave)
        for row in splice.spliced(context, clip, "copy-world", "world", raw, rng, f"dev-{number:04d}"):
            yield replace(row, source="partial")


def trained(context: Context, part: int) -> Iterator[Clip]:
    """Copies by a vocoder that has hardly learned; broken ones are welcome here."""
    return own.copy_all(PLANS[part], context, part, share=1.0, farthest=1e9)


STEPS = (
    Step("synthetic", two_synthesizers, needs=Needs(("espeak-ng", "flite"))),
    Step("copies", lambda context, part: copies(context, part, 2, VOCODERS, 3), 2, needs=Needs(modules=("pyworld",))),
    Step("own", trained, len(PLANS)),
    Step("partial", splice.make),
    Step("partial-dev", dev_partials, needs=Needs(modules=("pyworld",))),
    Step("test", held_human),
)


def context(corpus: Path, work: Path, seed: int) -> Tiny:
    """A tiny run's context."""
    return Tiny(corpus, work, seed)
