"""The second test's tables: the prompts, their copies, and one voice from text; a table a family."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from recipes.builtin.heard import Ears
from recipes.builtin.manifest import Clip, Wave, cut, save, to_rate
from recipes.builtin.second import human, tract, vocoders
from recipes.builtin.second.line import like
from recipes.builtin.steps import Context, Needs, Step
from recipes.builtin.texts import SENTENCES
from recipes.builtin.vocode import Copy

HUMAN = "test2-human"
TOOLS = ("ffmpeg",)


@dataclass(frozen=True)
class Copier:
    """What copies prompts; its name is the family's too, and its clips' system is `copy-NAME`, with the kind behind."""

    name: str
    clips: int
    prepare: Callable[[Path], Copy]
    tools: tuple[str, ...] = ()


COPIERS = (
    Copier("codec2", 100, vocoders.codec2, ("c2enc", "c2dec")),
    Copier("lpc10", 100, vocoders.lpc10, ("sox",)),
    Copier("griffin-lim", 100, vocoders.griffin_lim),
    Copier("psola", 100, vocoders.psola),
)
PARTS, VOICED = 6, 10  # tables of the throat, and clips in each: it takes several times as long as it speaks


def prompts(context: Context) -> list[Clip]:
    """The human side; raises SystemExit where its table isn't there yet."""
    found = context.clips(HUMAN)
    if not found:
        raise SystemExit(
            f"{context.work / HUMAN}.tsv is missing; run this command without --only, or with {HUMAN} first"
        )
    return found


def as_loud(copy: Wave, wave: Wave) -> Wave:
    """At the level of its prompt, whatever its length.

    Before the line, never after: a gain behind it gives fakes a rounding noise of their own, 3 dB above the prompts'.
    """
    gain = np.sqrt(float(np.mean(wave**2)) / max(float(np.mean(copy**2)), 1e-12))
    return (copy * np.float32(gain)).astype(np.float32)


def broken(wave: Wave) -> bool:
    """Silent, short or not finite."""
    return len(wave) < 16_000 or not np.isfinite(wave).all() or float(np.abs(wave).max()) < 1e-3


def copies(context: Context, number: int) -> Iterator[Clip]:
    """Prompts at random through one copier and their own line again; each prompt once."""
    copier, given = COPIERS[number], prompts(context)
    rng, made = np.random.default_rng([context.seed, 22, number]), 0
    copy = copier.prepare(context.work)
    for index in rng.permutation(len(given)):
        if made >= context.amount(copier.clips):
            return
        prompt = given[index]
        wave, _ = sf.read(prompt.path, dtype="float32")
        raw, kind = copy(wave, rng)
        heard = like(as_loud(raw, wave), prompt)
        if broken(heard):
            continue
        made += 1
        name = f"copy-{copier.name}"
        path, seconds = save(context.work / "audio" / f"test2-{copier.name}", f"{index:05d}", heard)
        yield Clip(str(path), "spoof", "test", f"{name}-{kind}" if kind else name, copier.name, prompt.speaker,
                   prompt.language, name, prompt.licence, seconds)  # fmt: skip


def voices(context: Context, part: int) -> Iterator[Clip]:
    """The throat in the prompts' languages, as a prompt drawn at random was recorded, through that prompt's line."""
    given, rng = prompts(context), np.random.default_rng([context.seed, 23, part])
    speak, name = tract.speaker(context.work), "vocaltractlab"
    for index in range(context.amount(VOICED)):
        prompt = given[int(rng.integers(len(given)))]
        wave, rate = speak(str(rng.choice(SENTENCES[prompt.language])), prompt.language, rng)
        for stretch in list(cut(to_rate(wave, rate), rng))[:1]:
            recorded = as_loud(Ears([prompt])(stretch, rng), sf.read(prompt.path, dtype="float32")[0])
            heard = like(recorded, prompt)
            path, seconds = save(context.work / "audio" / f"test2-{name}", f"{part:02d}-{index:02d}", heard)
            yield Clip(str(path), "spoof", "test", name, "vocal-tract", f"{name}-jd3", prompt.language, name, "GPL-3",
                       seconds)  # fmt: skip


def _step(number: int, copier: Copier) -> Step:
    return Step(f"test2-{copier.name}", lambda context, _: copies(context, number),
                needs=Needs((*TOOLS, *copier.tools)))  # fmt: skip


STEPS = (
    Step(HUMAN, lambda context, _: human.make(context), needs=Needs(("apt-get", "dpkg", *TOOLS))),
    *(_step(number, copier) for number, copier in enumerate(COPIERS)),
    Step("test2-vocaltractlab", voices, PARTS, needs=Needs((*TOOLS, "espeak-ng"))),
)
