"""`python -m recipes.builtin.near`: teaches a finished model's card to find the fake part of a partial fake.

Fits the card's section `near` on the dev split, clean and through the light channel together: the length of the short
windows by the frame error rate of the partial fakes, the calibration on the frames of these and of the genuine clips,
and the threshold so that few genuine clips are marked anywhere. Then it counts what `detect` marks with it.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import soundfile as sf

from fakemamba import Detector, load
from fakemamba.audio import activity
from fakemamba.augment import Chain
from fakemamba.checkpoint.card import CARD_FILE, Calibration, Near, NearCounts
from fakemamba.decision import fit_calibration
from fakemamba.errors import DataError, FakeMambaError
from fakemamba.evaluation.localization import FRAME_MS, span_labels
from fakemamba.judge import ENOUGH_SPEECH
from fakemamba.metrics import frame_eer
from fakemamba.near import Frames, frame_means, judged_seconds, stretches
from recipes.builtin import keep, points
from recipes.builtin.bank import LONGEST, VIEWS, load_noises
from recipes.builtin.catalogue import everything
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.steps import check_corpus

SECONDS = (0.4, 0.5, 0.7)  # of a short window, to choose from
# Of a window. The cost is its inverse: at 0.5 the near pass costs the built-in model as much as all else, and both stay
# within 2 % of the time of the audio on one core (benchmarks/detect.py). Denser windows hardly find more.
HOP = 0.5
FALSE = 0.05  # of the genuine clips may be marked anywhere
TAIL = 0.2  # of them, the highest, show how fast chance's evidence thins out
LIGHT = VIEWS[1]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sound:
    """A clip's audio under a view, and 1 = genuine or 0 = fake for each of its frames (T,)."""

    wave: Wave
    labels: Frames

    @property
    def seconds(self) -> float:
        return len(self.wave) / RATE


@dataclass(frozen=True)
class Listened:
    """The raw scores of a sound's frames (T,), where it holds speech (T,), and whether the whole gets a verdict."""

    sound: Sound
    scores: Frames
    speech: np.ndarray[Any, np.dtype[np.bool_]]
    judged: bool


def sounds(clips: Iterable[Clip]) -> list[Sound]:
    """Genuine clips and partial fakes from their files."""
    found = []
    for clip in clips:
        wave = sf.read(clip.path, dtype="float32")[0][:LONGEST]
        found.append(Sound(wave, span_labels(marked(clip), len(wave) / RATE)))
    return found


def marked(clip: Clip) -> list[tuple[float, float, int]]:
    """The replaced stretches of a clip as (start, end, 0), seconds; none of a genuine one."""
    pairs = (span.split("-") for span in clip.spans.split(",") if span)
    return [(float(start), float(end), 0) for start, end in pairs]


def through_light(found: Sequence[Sound], clips: Sequence[Clip], noises: list[Wave], seed: int) -> list[Sound]:
    """The same through the light channel, which moves nothing in time; a clip's draw hangs on its name alone."""
    chain, changed = Chain(chances=LIGHT.chances, noises=noises, available=LIGHT.codecs), []
    for sound, clip in zip(found, clips, strict=True):
        rng = np.random.default_rng([seed, 22, crc32(clip.name.encode())])
        wave = chain.draw(rng, strength=LIGHT.strength).apply(sound.wave)
        changed.append(Sound(np.clip(wave, -1, 1).astype(np.float32), sound.labels))
    return changed


def listen(detector: Detector, seconds: float, found: Sequence[Sound]) -> list[Listened]:
    """What `detect` hears in short windows, before anything is fitted; sounds in which it judges nothing left out."""
    raw = Near(seconds=seconds, hop=hop_of(seconds), calibration=Calibration(), threshold=1.0, length=1.0)
    bare = Detector(detector.scorer, detector.card.model_copy(update={"near": raw}))
    heard = []
    for sound in found:
        result = bare.detect((sound.wave, RATE))
        if result.near is None:
            continue
        values = [np.nan if llr is None else llr for llr in result.near.llr]
        scores = frame_means(values, window=seconds, hop=raw.hop, seconds=sound.seconds)
        judged = result.speech >= ENOUGH_SPEECH
        heard.append(Listened(sound, scores, activity(sound.wave).speech, judged))
    return heard


def hop_of(seconds: float) -> float:
    """From one short window's start to the next, in whole samples."""
    return round(HOP * seconds * RATE) / RATE


def frame_rate(heard: Sequence[Listened]) -> float:
    """Frame EER in per cent at 20 ms over all frames; those that were not judged are undecided."""
    said = {str(i): np.nan_to_num(one.scores) for i, one in enumerate(heard)}
    true = {str(i): one.sound.labels for i, one in enumerate(heard)}
    (rate,) = frame_eer(said, true, resolutions_ms=[FRAME_MS])
    return 100 * float(rate.value)


def calibrated(heard: Sequence[Listened]) -> Calibration:
    """By all frames that were judged; DataError where short windows tell nothing."""
    scores = np.concatenate([one.scores for one in heard])
    labels = np.concatenate([one.sound.labels for one in heard])
    known = ~np.isnan(scores)
    return fit_calibration(scores[known], labels[known].astype(int))


def strongest(one: Listened, calibration: Calibration) -> float:
    """The evidence of a clip's most suspicious stretch; 0 if it has none, or no verdict."""
    llr = calibration.scale * one.scores + calibration.bias
    found = stretches(llr, one.speech, one.sound.seconds) if one.judged else []
    return max((stretch.evidence for stretch in found), default=0.0)


def limit(evidence: Sequence[float], seconds: Sequence[float]) -> tuple[float, float, float]:
    """(threshold, growth, length): at most FALSE of genuine clips reach what is asked of their length.

    The growth is the mean excess of the tail over its beginning, the length the mean of `seconds`, one for each clip.
    """
    given, length = np.asarray(evidence, dtype=np.float64), float(np.mean(seconds))
    tail = np.sort(given)[::-1][: max(2, round(TAIL * len(given)))]
    growth = float(tail.mean() - tail[-1])
    # What a clip's evidence would be in one of the mean length; shorter ones are asked no less.
    falling = np.sort(given - growth * np.log(np.maximum(1.0, np.asarray(seconds) / length)))[::-1]
    allowed = int(FALSE * len(falling))
    reached = falling[allowed - 1] if allowed else falling[0] + 0.1
    return max(0.1, float(reached + falling[allowed]) / 2), growth, length


def fit(detector: Detector, genuine: Sequence[Sound], partial: Sequence[Sound], say: Say = lambda _: None) -> Near:
    """The section of a model's card, from genuine clips and partial fakes under all views that it should hold for.

    Raises:
        DataError: short windows tell this model nothing.
    """
    rates, heard = {}, {}
    for seconds in SECONDS:
        if round(seconds * RATE) < detector.scorer.shortest or 2 * seconds > detector.window:
            continue
        heard[seconds] = listen(detector, seconds, partial)
        rates[seconds] = frame_rate(heard[seconds])
        say(f"windows of {seconds:g} s: frame EER {rates[seconds]:.1f} %")
    if not rates:
        raise DataError(f"near: the model takes no windows of {max(SECONDS):g} s or shorter")
    seconds = min(rates, key=lambda one: rates[one])
    human, spliced = listen(detector, seconds, genuine), heard[seconds]
    calibration = calibrated([*human, *spliced])
    evidence = [strongest(one, calibration) for one in human]
    threshold, growth, length = limit(evidence, [judged_seconds(one.scores) for one in human])
    return Near(
        seconds=seconds, hop=hop_of(seconds), calibration=calibration, threshold=threshold, length=length, growth=growth
    )


def finds(detector: Detector, sound: Sound) -> tuple[bool, bool]:
    """Whether `detect` marks anything by its near pass, and whether such a mark meets a fake frame."""
    segments = [one for one in detector.detect((sound.wave, RATE)).segments if one.near]
    frames = np.ones_like(sound.labels)
    for one in segments:
        frames[round(one.start * 1000 / FRAME_MS) : round(one.end * 1000 / FRAME_MS)] = 0
    return bool(segments), bool(((frames == 0) & (sound.labels == 0)).any())


def counted(detector: Detector, on: str, genuine: Sequence[Sound], partial: Sequence[Sound]) -> NearCounts:
    """What the finished section does with clips of known truth."""
    marks = [finds(detector, sound)[0] for sound in genuine]
    hits = [finds(detector, sound)[1] for sound in partial]
    return NearCounts(on=on, genuine=len(marks), genuine_marked=sum(marks), partial=len(hits), partial_found=sum(hits))


def note_near(folder: Path, clips: Sequence[Clip], seed: int, say: Say = lambda _: None) -> Near | None:
    """Fit the section and put it into the card, in place of one that is there; no file's hash changes.

    Where there are no partial fakes to fit on, or short windows tell the model nothing, the card gets none.
    """
    human = [clip for clip in clips if clip.split == "dev" and clip.label == "bonafide"]
    spliced = [clip for clip in clips if clip.spans and clip.split == "dev"]
    near = _fitted(folder, (human, spliced), load_noises(clips, "dev"), seed, say) if human and spliced else None
    card = keep.read_json(folder / CARD_FILE)
    card.pop("near", None)
    if near is not None:
        card["near"] = near.model_dump(mode="json")
    else:
        say("no near pass: no dev clips with fake parts, or short windows tell this model nothing")
    keep.put_json(folder / CARD_FILE, card, indent=2)
    return near


def _fitted(folder: Path, clips: tuple[list[Clip], list[Clip]], noises: list[Wave], seed: int, say: Say) -> Near | None:
    detector = load(folder, threads=1)
    clean = [sounds(some) for some in clips]
    light = [through_light(found, some, noises, seed) for found, some in zip(clean, clips, strict=True)]
    try:
        near = fit(detector, clean[0] + light[0], clean[1] + light[1], say)
    except DataError as error:
        say(str(error))
        return None
    done = Detector(detector.scorer, detector.card.model_copy(update={"near": near}))
    counts = (counted(done, points.CLEAN, *clean), counted(done, points.LIGHT, *light))
    return near.model_copy(update={"measured": counts})


def main(arguments: list[str] | None = None) -> None:
    """Fit one finished model folder and write its card anew."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.near", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="its card is written anew")
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"), help="where partial-dev.tsv is")
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    check_corpus(options.corpus)
    clips = everything(options.work, options.corpus)
    if not any(clip.spans and clip.split == "dev" for clip in clips):
        raise SystemExit(
            f"{options.work}: no partial-dev.tsv there; make it with  python -m recipes.builtin --only partial-dev"
        )
    near = note_near(options.model, clips, options.seed, lambda line: print(line, flush=True))
    print(near.model_dump_json(indent=2) if near else f"{options.model}: has no near pass")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
