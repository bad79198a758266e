"""`python -m recipes.builtin.report.frames`: where a model hears the fake part of a partial fake, as error rates.

A frame's score comes from the near pass of `detect` where the model has one, from the long windows that `detect` tells
of, or from short windows of other lengths slid over the clip. Rates are over the frames of all partial fakes of the dev
split together. Beside them stands what is found when few genuine clips may be marked anywhere, and below what the fake
segments of `detect` itself find.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from fakemamba import Detector, load
from fakemamba.errors import FakeMambaError
from fakemamba.evaluation.localization import FRAME_MS, span_labels
from fakemamba.metrics import frame_eer
from fakemamba.near import frame_means
from fakemamba.result import Result
from fakemamba.scorer import Scorer
from recipes.builtin import keep, manifest
from recipes.builtin.finish import NAME
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.near import marked as marked_spans
from recipes.builtin.report.markdown import table
from recipes.builtin.steps import check_corpus

TABLE = "partial-dev.tsv"
WINDOWS = (0.3, 0.5, 0.7, 1.0)  # seconds; slid by an eighth of themselves
BATCH = 32
FALSE = 0.05  # of the genuine clips, in which a frame may be marked
Frames = np.ndarray[Any, np.dtype[np.float64]]  # (T,) scores, one each 20 ms
Listen = Callable[[Wave], Frames]


@dataclass(frozen=True)
class Partial:
    """A partial fake: its audio, and 1 = genuine or 0 = replaced for each of its frames (T,)."""

    clip: Clip
    wave: Wave
    labels: Frames


def frame_count(wave: Wave) -> int:
    """How many frames a wave has, with the last one that it fills in part."""
    return len(span_labels([], len(wave) / RATE))


def partials(path: Path) -> list[Partial]:
    """The partial fakes of a table."""
    found = []
    for clip in manifest.read(path):
        wave, _ = sf.read(clip.path, dtype="float32")
        found.append(Partial(clip, wave, span_labels(marked_spans(clip), len(wave) / RATE)))
    return found


class Asked:
    """`detect`, asked once about each wave with its near pass and once without; the waves must be kept."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._kept: dict[tuple[int, bool], Result] = {}

    def __call__(self, wave: Wave, *, near: bool) -> Result:
        key = id(wave), near
        if key not in self._kept:
            self._kept[key] = self.detector.detect((wave, RATE), near=near)
        return self._kept[key]


def by_near(asked: Asked) -> Listen:
    """The LLR of the near pass of `detect`; what it did not judge is undecided, 0."""

    def listen(wave: Wave) -> Frames:
        near = asked(wave, near=True).near
        if near is None:
            return np.zeros(frame_count(wave))
        known = [np.nan if llr is None else llr for llr in near.llr]
        return np.nan_to_num(frame_means(known, window=near.window, hop=near.hop, seconds=len(wave) / RATE))

    return listen


def by_detect(asked: Asked) -> Listen:
    """The mean of the windows that `detect` judged, wherever they lie; what none covers is undecided, 0.

    A clip no longer than the model's window has one score for all of it.
    """

    def listen(wave: Wave) -> Frames:
        middles = (np.arange(frame_count(wave)) + 0.5) * FRAME_MS / 1000
        sums, weights = np.zeros(len(middles)), np.zeros(len(middles))
        for window in asked(wave, near=False).timeline:
            covered = (window.start <= middles) & (middles < window.end + FRAME_MS / 1000)
            sums += covered * window.score
            weights += covered
        return sums / np.maximum(weights, 1)

    return listen


def sliding(scorer: Scorer, window: float) -> Listen:
    """Windows of so many seconds, slid by an eighth of that; none shorter than the model takes."""
    size = max(round(window * RATE), scorer.shortest)
    hop = size // 8

    def listen(wave: Wave) -> Frames:
        count, wave = frame_count(wave), np.resize(wave, max(len(wave), size))
        # The last window ends with the clip, as `frame_means` expects.
        starts = [*range(0, len(wave) - size, hop), len(wave) - size]
        parts = [starts[i : i + BATCH] for i in range(0, len(starts), BATCH)]
        scores = [scorer.score(np.stack([wave[s : s + size] for s in part])) for part in parts]
        found = np.concatenate(scores).tolist()
        scored = frame_means(found, window=size / RATE, hop=hop / RATE, seconds=len(wave) / RATE)
        return scored[:count]

    return listen


def rates(clips: Sequence[Partial], scores: Sequence[Frames]) -> dict[str, float]:
    """Frame EER in per cent at 20 ms, over all clips and by system."""
    groups: dict[str, list[int]] = {"all": [*range(len(clips))]}
    for number, part in enumerate(clips):
        groups.setdefault(part.clip.system, []).append(number)
    found = {}
    for group, members in groups.items():
        said = {str(i): scores[i] for i in members}
        true = {str(i): clips[i].labels for i in members}
        (rate,) = frame_eer(said, true, resolutions_ms=[FRAME_MS])
        found[group] = 100 * rate.value
    return found


def rarely(clips: Sequence[Partial], scores: Sequence[Frames], genuine: Sequence[Frames]) -> dict[str, float]:
    """What is found at the threshold that marks a frame in FALSE of the genuine clips; all in per cent.

    Returns:
        frames: of the fake frames are marked; clips: of the partial fakes have a marked fake frame;
        wrongly: of their genuine frames are marked.
    """
    threshold = np.quantile([frames.min() for frames in genuine], FALSE)
    marked, labels = np.concatenate(scores) < threshold, np.concatenate([c.labels for c in clips])
    hit = [(frames[c.labels == 0] < threshold).any() for c, frames in zip(clips, scores, strict=True)]
    return {"frames": 100 * float(marked[labels == 0].mean()), "clips": 100 * float(np.mean(hit)),
            "wrongly": 100 * float(marked[labels == 1].mean())}  # fmt: skip


def marks(asked: Asked, wave: Wave, *, near: bool) -> Frames:
    """Where `detect` marks a fake segment: 1 or 0 for each frame (T,)."""
    found = np.zeros(frame_count(wave))
    for one in asked(wave, near=near).segments:
        if one.verdict == "fake":
            found[round(one.start * 1000 / FRAME_MS) : round(one.end * 1000 / FRAME_MS)] = 1
    return found


def told(asked: Asked, clips: Sequence[Partial], genuine: Sequence[Wave], *, near: bool) -> dict[str, float]:
    """What the fake segments of `detect` find, in per cent.

    Returns:
        genuine: of the genuine clips have one; clips, stretches, frames: of the partial fakes, their fake stretches
            and their fake frames are met by one; wrongly: of their genuine frames lie in one.
    """
    found = [marks(asked, part.wave, near=near) for part in clips]
    hits = [
        [bool((frames * where).any()) for where in stretches(part)] for part, frames in zip(clips, found, strict=True)
    ]
    marked, labels = np.concatenate(found), np.concatenate([part.labels for part in clips])
    shares = {
        "genuine": [marks(asked, wave, near=near).any() for wave in genuine],
        "clips": [any(some) for some in hits],
        "stretches": [hit for some in hits for hit in some],
        "frames": marked[labels == 0],
        "wrongly": marked[labels == 1],
    }
    return {name: 100 * float(np.mean(share)) for name, share in shares.items()}


def stretches(part: Partial) -> list[Frames]:
    """Each replaced stretch of a clip, 1 in its frames (T,) and 0 elsewhere."""
    return [1 - span_labels([span], len(part.wave) / RATE) for span in marked_spans(part.clip)]


def measure(detector: Detector, clips: Sequence[Partial], genuine: Sequence[Wave],
            windows: Sequence[float] = WINDOWS) -> dict[str, Any]:  # fmt: skip
    """The rates of all ways, and how often `detect` marks a fake segment, in genuine clips and in partial fakes."""
    asked = Asked(detector)
    ways = {"near pass of `detect`": by_near(asked)} if detector.card.near else {}
    ways |= {"windows of `detect`": by_detect(asked)}
    ways |= {f"{window:g} s windows": sliding(detector.scorer, window) for window in windows}
    eer, found = {}, {}
    for name, listen in ways.items():
        scores = [listen(part.wave) for part in clips]
        eer[name] = rates(clips, scores)
        found[name] = rarely(clips, scores, [listen(wave) for wave in genuine])
    return {
        "model": {"name": detector.card.name, "sha256": detector.model_sha256},
        "clips": {"partial": len(clips), "genuine": len(genuine)},
        "frames": sum(len(part.labels) for part in clips),
        "fake_frames": int(sum((part.labels == 0).sum() for part in clips)),
        "eer": eer,
        "rarely": found,
        "segments": {
            name: told(asked, clips, genuine, near=near)
            for name, near in ((("with the near pass", True),) if detector.card.near else ())
            + (("windows alone", False),)
        },
    }


def markdown(found: dict[str, Any]) -> str:
    """The rates as a table, and the shares below it."""
    groups = list(next(iter(found["eer"].values())))
    heads = [
        "frame EER %, 20 ms",
        *groups,
        "fake frames found",
        "partial fakes found",
        "genuine frames of these marked",
    ]
    rows = [[way, *row.values(), *found["rarely"][way].values()] for way, row in found["eer"].items()]
    clips = found["clips"]
    own = [
        "fake segments of `detect`, %", "genuine clips that have one", "partial fakes found", "fake stretches found",
        "fake frames in one", "genuine frames of these in one",
    ]  # fmt: skip
    return (
        f"{table(heads, rows)}\n\n{clips['partial']} clips, {found['fake_frames']} of {found['frames']} frames fake. "
        f"Found, in %, where a frame is marked\nin {100 * FALSE:.0f} % of {clips['genuine']} genuine clips.\n\n"
        f"{table(own, [[name, *row.values()] for name, row in found['segments'].items()])}\n"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure one model and write OUT/frames.json and OUT/frames.md."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.report.frames", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"), help=f"where {TABLE} is")
    parser.add_argument("--model", default=NAME, help=f"name or folder; default {NAME}, as installed")
    parser.add_argument("--out", type=Path, help="default WORK/report-MODEL")
    parser.add_argument("--windows", type=float, nargs="*", default=WINDOWS, metavar="SECONDS",
                        help="of the other windows to compare with; default %(default)s, nothing for none")  # fmt: skip
    options = parser.parse_args(arguments)
    check_corpus(options.corpus)
    if not (options.work / TABLE).exists():
        raise SystemExit(
            f"{options.work}: no {TABLE} there; make it with  python -m recipes.builtin --only partial-dev"
        )
    base = manifest.read(options.corpus / "corpus.tsv")
    genuine = [sf.read(c.path, dtype="float32")[0] for c in base if (c.label, c.split) == ("bonafide", "dev")]
    found = measure(load(options.model, threads=1), partials(options.work / TABLE), genuine, options.windows)
    out = options.out or options.work / f"report-{Path(options.model).name}"
    out.mkdir(parents=True, exist_ok=True)
    keep.put_json(out / "frames.json", found, indent=1)
    keep.put(out / "frames.md", markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
