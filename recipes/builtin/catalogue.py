"""The steps that make audio, in order; the manifest is what their tables hold together."""

from collections.abc import Callable, Iterable
from pathlib import Path

from recipes.builtin import heldout, kokoro, splice
from recipes.builtin.heldout import all_held
from recipes.builtin.human import all_human
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context, Needs, Step
from recipes.builtin.synthesize import all_synthetic
from recipes.builtin.vocode import PLAIN, VARIED, copies
from recipes.builtin.vocoders import fargan, own

_PACKAGES = ("apt-get", "dpkg")
_DECODER = ("node", "npm")  # FARGAN's weights lie in a decoder for JavaScript
STEPS = (
    Step("human", lambda context, _: all_human(context), needs=Needs((*_PACKAGES, "ffmpeg"))),
    Step("synthetic", lambda context, _: all_synthetic(context), needs=Needs(("espeak-ng", "flite"), ("piper",))),
    Step("copies", lambda context, part: copies(context, part, 4, PLAIN, 3), 4, needs=Needs(modules=("pyworld",))),
    Step("kokoro", kokoro.make, kokoro.PARTS, needs=Needs(("espeak-ng", "npm"))),
    Step("varied", lambda context, part: copies(context, part, 6, VARIED, 7), 6, needs=Needs(modules=("pyworld",))),
    Step("fargan", fargan.make, fargan.PARTS, needs=Needs(_DECODER, ("pyworld",))),
    Step("fargan-moved", fargan.make_moved, fargan.MOVED_PARTS, needs=Needs(_DECODER, ("pyworld",))),
    Step("own", own.make, len(own.PLANS), needs=Needs(modules=("pyworld",))),
    Step("partial", splice.make),
    Step("partial-dev", splice.make_dev, needs=Needs(_DECODER, ("pyworld",))),
    Step("test", lambda context, _: all_held(context),
         needs=Needs((*_PACKAGES, *_DECODER, "festival"), voices=(*heldout.HTS, *heldout.DIPHONES))),
)  # fmt: skip


def collect(context: Context, steps: Iterable[Step], say: Callable[[str], None]) -> list[Clip]:
    """Run the steps; returns the corpus' clips and theirs as one list."""
    context.work.mkdir(parents=True, exist_ok=True)
    return [*context.base(), *(clip for step in steps for clip in step.run(context, say))]


def everything(work: Path, corpus: Path) -> list[Clip]:
    """What there is by now: the corpus and all finished tables."""
    context = Context(corpus, work, 0)
    return [*context.base(), *context.clips(*(step.name for step in STEPS))]
