"""The steps that make audio, in order; the manifest is what their tables hold together."""

from collections.abc import Callable, Iterable
from pathlib import Path

from recipes.builtin import kokoro, splice
from recipes.builtin.heldout import all_held
from recipes.builtin.human import all_human
from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context, Step
from recipes.builtin.synthesize import all_synthetic
from recipes.builtin.vocode import PLAIN, VARIED, copies
from recipes.builtin.vocoders import fargan, own

STEPS = (
    Step("human", lambda context, _: all_human(context)),
    Step("synthetic", lambda context, _: all_synthetic(context)),
    Step("copies", lambda context, part: copies(context, part, 4, PLAIN, 3), 4),
    Step("kokoro", kokoro.make, kokoro.PARTS),
    Step("varied", lambda context, part: copies(context, part, 6, VARIED, 7), 6),
    Step("fargan", fargan.make, fargan.PARTS),
    Step("fargan-moved", fargan.make_moved, fargan.MOVED_PARTS),
    Step("own", own.make, len(own.PLANS)),
    Step("partial", splice.make),
    Step("partial-dev", splice.make_dev),
    Step("test", lambda context, _: all_held(context)),
)


def collect(context: Context, steps: Iterable[Step], say: Callable[[str], None]) -> list[Clip]:
    """Run the steps; returns the corpus' clips and theirs as one list."""
    context.work.mkdir(parents=True, exist_ok=True)
    return [*context.base(), *(clip for step in steps for clip in step.run(context, say))]


def everything(work: Path, corpus: Path) -> list[Clip]:
    """What there is by now: the corpus and all finished tables."""
    context = Context(corpus, work, 0)
    return [*context.base(), *context.clips(*(step.name for step in STEPS))]
