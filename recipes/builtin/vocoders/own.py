"""The vocoders that are trained here: several families, heads, losses and upsamplers, each early and late."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import soundfile as sf
import torch

from recipes.builtin.manifest import Clip
from recipes.builtin.steps import Context
from recipes.builtin.vocode import FARTHEST, kept, recordings
from recipes.builtin.vocoders import fit
from recipes.builtin.vocoders.fit import Plan
from recipes.builtin.vocoders.nets import Codec, Istft, SourceFilter, Upsampler

PLANS = (
    Plan("istft-polar", "own-istft",
         partial(Istft, fft=1024, hop=256, bands=80, width=256, depth=6, polar=True), (300, 900)),
    Plan("codec", "own-codec",
         partial(Codec, fft=1024, hop=256, bands=80, width=256, depth=6, books=8), (400, 1300)),
    Plan("upsampler-transpose", "own-upsampler",
         partial(Upsampler, fft=800, strides=(8, 5, 5), bands=80, width=256, grow="transpose", snake=False),
         (300, 900)),
    Plan("source-filter", "own-source-filter",
         partial(SourceFilter, fft=512, hop=128, bands=60, width=128, depth=4), (150, 600)),
    Plan("istft-plain", "own-istft",
         partial(Istft, fft=640, hop=160, bands=64, width=256, depth=6, polar=False), (300, 900)),
    Plan("upsampler-snake", "own-upsampler",
         partial(Upsampler, fft=1024, strides=(8, 8, 4), bands=80, width=256, grow="nearest", snake=True),
         (1000, 3000)),  # learns slowest of all: still 14 where others are at 8 after 250 steps
    Plan("istft-unjudged", "own-istft",
         partial(Istft, fft=512, hop=128, bands=80, width=192, depth=5, polar=True), (900,), judged=False),
    Plan("istft-long", "own-istft",
         partial(Istft, fft=800, hop=200, bands=80, width=256, depth=6, polar=True), (1500, 3500)),
)  # fmt: skip
SHARE, LATE = 0.22, 0.7  # of the recordings through each vocoder; of these through its late state


def speech_clips(context: Context) -> list[Clip]:
    """What they learn from: clean recordings first, speakers mixed."""
    clean = {"librispeech", "speechocean", "festvox-ru", "fillets-ng-data-cs"}
    return sorted(
        recordings(context), key=lambda clip: clip.source not in clean and not clip.source.startswith("page-")
    )


def make(context: Context, part: int) -> Iterator[Clip]:
    """Train the part's vocoder, then copy recordings through all that was kept of it."""
    return copy_all(PLANS[part], context, part)


def copy_all(plan: Plan, context: Context, part: int, *, share: float = SHARE, farthest: float = FARTHEST
             ) -> Iterator[Clip]:  # fmt: skip
    """Copies through one vocoder, by its early and its late state."""
    folder = context.work / "vocoders"
    torch.set_num_threads(1)
    fit.train(plan, fit.load_speech(speech_clips(context)), folder, context.seed + part, lambda s: print(s, flush=True))
    nets = {step: fit.load(plan, step, folder) for step in plan.marks}
    rng = np.random.default_rng([context.seed, 8, part])
    for clip in recordings(context):
        if rng.random() > share:
            continue
        late = len(nets) == 1 or rng.random() < LATE
        step = plan.marks[-1] if late else plan.marks[0]
        wave, _ = sf.read(clip.path, dtype="float32")
        with torch.inference_mode():
            raw = fit.apply(nets[step], torch.from_numpy(wave)[None], rng)[0].numpy()
        name = f"copy-own-{plan.name}-{'late' if late else 'early'}"
        yield from kept(context, clip, wave, raw, name=name, family=plan.family, licence="as its recording",
                        farthest=farthest)  # fmt: skip
