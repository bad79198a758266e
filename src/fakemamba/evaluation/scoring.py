"""Every clip of a data set through one model: read in several threads, scored in batches, kept as it goes.

utterances -> threads: prepare -> pile (a few minutes of audio) -> batches of like length -> scores.tsv
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fakemamba import __version__
from fakemamba.audio import SAMPLE_RATE
from fakemamba.audio.source import printable
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.tables import sample
from fakemamba.detect import Detector
from fakemamba.errors import AudioError, ConfigError, DataError, MissingExtraError
from fakemamba.evaluation.clips import Origin, ScoredClip, key_of, nameable
from fakemamba.evaluation.protocols import (
    ClipProtocol,
    Locate,
    Prepared,
    ProtocolName,
    open_protocol,
)
from fakemamba.evaluation.score_file import ScoreFile
from fakemamba.evaluation.unscored import Unscored, write_unscored

_PILE_CLIPS = 256  # clips and seconds that are sorted by length together; 5 minutes are 19 MB
_PILE_SECONDS = 300.0
_PATIENCE = 2.0  # seconds after which scores are written even if the pile is small

# Clips done (with those of earlier runs), clips in all, seconds of audio scored in this run.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Scoring:
    """What a run over a data set gave.

    Attributes:
        origin: what the scores were made with.
        clips: the scored clips in the data set's order, those of earlier runs among them.
        unscored: the others. defects: what was wrong with clips that could be read in this run.
        foreign: rows of the score file that are not in the data set.
        resumed: clips that earlier runs had scored.
        seconds: of audio scored in this run; elapsed: wall-clock seconds that it took.
    """

    origin: Origin
    clips: tuple[ScoredClip, ...]
    unscored: tuple[Unscored, ...] = ()
    defects: tuple[str, ...] = ()
    foreign: int = 0
    resumed: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0


def score_dataset(
    detector: Detector,
    dataset: Dataset,
    *,
    protocol: ProtocolName = "fixed",
    folder: Path | None = None,
    batch: int = 16,
    workers: int = 2,
    hop: float | None = None,
    on_progress: Progress | None = None,
) -> Scoring:
    """Score every clip; the same call goes on after any interruption.

    Args:
        detector: the model.
        dataset: the clips.
        protocol: fixed, whole, detect or locate.
        folder: keeps `scores.tsv` there; clips that stand in it already are not scored again. None keeps no file.
        batch: clips (locate: windows) scored at once.
        workers: threads that read audio (detect: that judge).
        hop: seconds between windows, for locate.
        on_progress: called at the beginning and after each batch of results.

    Raises:
        ConfigError: an option is out of range, or the folder cannot be written.
        DataError: an id stands twice in the data set, or the folder's scores were made otherwise.
        CheckpointError: the model gives scores that are not numbers.
    """
    if batch < 1 or workers < 1:
        raise ConfigError(f"batch and workers must be at least 1, not {batch} and {workers}")
    _check_ids(dataset)
    worker = open_protocol(protocol, detector, hop=hop)
    origin = _origin(detector, dataset, protocol, worker)
    begin = time.monotonic()
    with ScoreFile(folder, origin) as file:
        wanted = {key_of(utterance): utterance for utterance in dataset.utterances}
        done = {key_of(clip.utterance) for clip in file.clips} & set(wanted)
        loop = _Loop(worker, file, batch, len(done), len(wanted), on_progress)
        loop.run([u for key, u in wanted.items() if key not in done], workers)
        if folder is not None:
            write_unscored(folder, loop.unscored)
        found = {key_of(clip.utterance): clip for clip in file.clips}
    return Scoring(
        origin=origin,
        clips=tuple(found[key] for key in wanted if key in found),
        unscored=tuple(loop.unscored),
        defects=tuple(loop.defects),
        foreign=len(found.keys() - wanted.keys()),
        resumed=len(done),
        seconds=loop.seconds,
        elapsed=time.monotonic() - begin,
    )


class _Loop:
    """The pile of prepared clips, and what has come of it so far."""

    def __init__(
        self, worker: ClipProtocol, file: ScoreFile, batch: int, done: int, total: int, on_progress: Progress | None
    ) -> None:
        self._worker, self._file, self._batch, self._on_progress = worker, file, batch, on_progress
        self._done, self._total = done, total
        self._pile: list[Prepared] = []
        self._waiting = 0.0  # seconds of audio in the pile
        self._last = time.monotonic()
        self.unscored: list[Unscored] = []
        self.defects: list[str] = []
        self.seconds = 0.0

    def run(self, utterances: Sequence[Utterance], workers: int) -> None:
        self._tell()
        for utterance, prepared in _in_threads(utterances, self._prepare, workers):
            if isinstance(prepared, Prepared):
                self._pile.append(prepared)
                self.defects += [f"{utterance.id}: {text}" for text in prepared.defects]
                self._waiting += 0 if prepared.wave is None else len(prepared.wave) / SAMPLE_RATE
            else:
                self._done += 1
                reason = printable(prepared, longest=300).removeprefix(f"{utterance.path}: ")
                self.unscored.append(Unscored(utterance.id, str(utterance.path), utterance.label, reason))
            if self._full():
                self._flush()
        self._flush()

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, self._total, self.seconds)

    def _prepare(self, utterance: Utterance) -> Prepared | str:
        """The clip, or why it has no score."""
        if not nameable(utterance):
            return "its name holds a tab, a line break or broken characters; rename it"
        try:
            return self._worker.prepare(utterance)
        except (AudioError, MissingExtraError) as error:
            return str(error)

    def _full(self) -> bool:
        late = len(self._pile) >= self._batch and time.monotonic() - self._last > _PATIENCE
        return len(self._pile) >= _PILE_CLIPS or self._waiting >= _PILE_SECONDS or late

    def _flush(self) -> None:
        self._file.add(self._worker.score(self._pile, self._batch))
        self._done += len(self._pile)
        self.seconds += sum(clip.seconds for clip in self._pile)
        self._pile, self._waiting, self._last = [], 0.0, time.monotonic()
        self._tell()


def _in_threads(
    utterances: Sequence[Utterance], work: Callable[[Utterance], Prepared | str], workers: int
) -> Iterator[tuple[Utterance, Prepared | str]]:
    """In order, with a few clips read ahead, fewer where they are long; what raises ends the rest."""
    waiting: deque[tuple[Utterance, Future[Prepared | str]]] = deque()
    ahead = workers
    with ThreadPoolExecutor(workers, thread_name_prefix="fakemamba-read") as pool:
        try:
            for utterance in utterances:
                waiting.append((utterance, pool.submit(work, utterance)))
                while len(waiting) > ahead:
                    first, future = waiting.popleft()
                    found = future.result()
                    ahead = _ahead(found, workers)
                    yield first, found
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _ahead(found: Prepared | str, workers: int) -> int:
    """How many clips to read ahead: as many of the last one's length as make a pile, within reason."""
    if isinstance(found, str) or found.wave is None:
        return 4 * workers
    return max(workers, min(4 * workers, int(_PILE_SECONDS * SAMPLE_RATE / max(1, len(found.wave)))))


def _check_ids(dataset: Dataset) -> None:
    seen: set[tuple[str, str]] = set()
    twice = []
    for key in map(key_of, dataset.utterances):
        if key in seen:
            twice.append(key[1])
        seen.add(key)
    if twice:
        raise DataError(f"{dataset.name}: {len(twice)} ids stand there more than once: {sample(twice)}")
    if not seen:
        raise DataError(f"{dataset.name}: holds no clip")


def _origin(detector: Detector, dataset: Dataset, protocol: ProtocolName, worker: ClipProtocol) -> Origin:
    decision, decides = detector.decision, detector.decides
    return Origin(
        dataset=dataset.name,
        expected=len(dataset),
        model=detector.card.name,
        model_sha256=detector.model_sha256,
        licence=detector.card.licence,
        precision=detector.scorer.precision,
        protocol=protocol,
        threshold=decision.threshold if decides else None,
        unsure_below=decision.low if decides else None,
        unsure_above=decision.high if decides else None,
        operating_point=detector.judge.operating_point,
        calibrated=detector.card.calibration is not None,
        calibrations=_calibrations(detector),
        window=detector.window,
        hop=_hop(detector, protocol, worker),
        version=__version__,
    )


def _calibrations(detector: Detector) -> str:
    """All that turns a score into an LLR, as one text."""
    judge = detector.judge
    if not judge.calibrated:
        return ""
    every = [("", judge.calibration), *sorted(judge.conditions.items())]
    return json.dumps({name: [one.scale, one.bias] for name, one in every})


def _hop(detector: Detector, protocol: ProtocolName, worker: ClipProtocol) -> float | None:
    """Seconds between windows, where the protocol has several."""
    if isinstance(worker, Locate):
        return worker.hop
    return detector.window / 2 if protocol == "detect" else None
