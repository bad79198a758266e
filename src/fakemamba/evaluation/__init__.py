"""A data set through a model, and every number about it.

data set x detector -> scores.tsv -> trials (Judged) -> Evaluation -> text, JSON, HTML
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fakemamba.data.dataset import Dataset
from fakemamba.detect import Detector, load
from fakemamba.evaluation.evaluation import Evaluation, Speed, measure
from fakemamba.evaluation.judged import Judged, from_file, from_scoring
from fakemamba.evaluation.localization import localization, read_spans
from fakemamba.evaluation.protocols import ProtocolName
from fakemamba.evaluation.scoring import Progress, score_dataset
from fakemamba.evaluation.sources import open_dataset

__all__ = [
    "Evaluation",
    "Judged",
    "evaluate",
    "evaluate_scores",
    "from_file",
    "measure",
    "open_dataset",
    "score_dataset",
]


def evaluate(
    model: Detector | str | Path | None,
    dataset: Dataset | str | Path,
    *,
    protocol: ProtocolName | None = None,
    split: str | None = None,
    genuine: Sequence[str | Path] = (),
    folder: str | Path | None = None,
    batch: int = 16,
    workers: int | None = None,
    hop: float | None = None,
    spans: str | Path | None = None,
    resamples: int = 1000,
    worst: int = 10,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Score a data set with a model and measure the scores.

    Args:
        model: a `Detector`, or what `fakemamba.load` takes.
        dataset: a `Dataset`; a folder with real/ and fake/; a table (.tsv, .csv); or "NAME:DIR" for a corpus.
        protocol: fixed (first window, the published protocol), whole (each clip in one pass), detect (what people
            get, with verdicts), locate (window by window, for frame-level rates). None takes fixed for a corpus and
            detect for a folder or a table.
        split: train, dev, eval, a subset's own word or "all"; for a data set by name. genuine: see `open_corpus`.
        folder: keeps `scores.tsv` there and goes on from what it holds. None keeps nothing.
        batch, workers, hop, on_progress: see `score_dataset`.
        spans: a table of spoofed spans (id, start, end), where the corpus has no frame labels of its own.
        resamples: of the bootstrap; 0 for no intervals. worst: mistakes listed of each class.

    Raises:
        FakeMambaError: a mistake that the caller can mend, in one line.
    """
    if isinstance(dataset, Dataset):
        opened, published = dataset, True
    else:
        opened, published = open_dataset(dataset, split=split, genuine=genuine)
    truth = None if spans is None else read_spans(Path(spans))
    scoring = score_dataset(
        model if isinstance(model, Detector) else load(model),
        opened,
        protocol=protocol or ("fixed" if published else "detect"),
        folder=None if folder is None else Path(folder),
        batch=batch,
        workers=workers or min(4, os.cpu_count() or 1),
        hop=hop,
        on_progress=on_progress,
    )
    judged = from_scoring(scoring, notes=opened.notes, warnings=opened.warnings)
    frames, notes = localization(judged, truth)
    speed = Speed(scoring.seconds, scoring.elapsed) if scoring.seconds else None
    return measure(_noted(judged, notes), resamples=resamples, worst=worst, frames=frames, speed=speed)


def evaluate_scores(
    scores: str | Path,
    key: str | Path | None = None,
    *,
    subset: str | None = None,
    spans: str | Path | None = None,
    threshold: float | None = None,
    resamples: int = 1000,
    worst: int = 10,
) -> Evaluation:
    """Measure scores on disk, without a model.

    Args:
        scores: a folder of `evaluate` or its `scores.tsv`; with `key` a score file of any known format.
        key: the labels, in any known format.
        subset: of the trials.
        spans, resamples, worst: as in `evaluate`.
        threshold: for the decisions; None for the model's own, else that of the equal error rate.

    Raises:
        DataError: a file is missing or malformed.
    """
    judged = from_file(scores, key, subset=subset)
    frames, notes = localization(judged, None if spans is None else read_spans(Path(spans)))
    return measure(_noted(judged, notes), threshold=threshold, resamples=resamples, worst=worst, frames=frames)


def _noted(judged: Judged, notes: tuple[str, ...]) -> Judged:
    return replace(judged, notes=(*judged.notes, *notes))
