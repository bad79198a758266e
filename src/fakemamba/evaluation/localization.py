"""Where in a clip is the fake? Window scores become frame scores, as in `fakemamba.near`, and meet the frame labels."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakemamba.data.frames import read_frame_labels
from fakemamba.data.tables import ALIASES, LABELS
from fakemamba.errors import DataError
from fakemamba.evaluation.clips import ScoredClip
from fakemamba.evaluation.judged import Judged
from fakemamba.metrics import FrameEer, frame_eer
from fakemamba.metrics.frames import RESOLUTIONS_MS
from fakemamba.near import frame_means

FRAME_MS = 20

# Clip -> its spans as (start, end, label), seconds and 1 = bona fide, 0 = spoof.
Spans = Mapping[str, Sequence[tuple[float, float, int]]]


def localization(judged: Judged, spans: Spans | None = None) -> tuple[tuple[FrameEer, ...], tuple[str, ...]]:
    """Frame-level rates at 10 to 640 ms, and what to say about them.

    Args:
        judged: clips scored by the protocol locate.
        spans: labels of clips that have no file of frame labels; what no span covers is bona fide.

    Raises:
        DataError: a file of labels is damaged, or its length does not fit the audio.
    """
    book = _Book()
    scores: dict[str, NDArray[np.float64]] = {}
    labels: dict[str, NDArray[np.float64]] = {}
    for name, clip in zip(judged.names if judged.clips else (), judged.clips, strict=True):
        truth = book.truth(clip, spans)
        if truth is not None and clip.windows and clip.utterance.seconds:
            labels[name] = truth
            scores[name] = frame_means(clip.windows, window=clip.window, hop=clip.hop, seconds=clip.utterance.seconds)
    if not labels:
        return (), ()
    without = len(judged) - len(labels)
    notes = (f"frame-level rates leave out {without} clips without frame labels",) if without else ()
    found: list[FrameEer] = []
    for resolution in RESOLUTIONS_MS:
        try:
            found += frame_eer(scores, labels, score_ms=FRAME_MS, label_ms=FRAME_MS, resolutions_ms=[resolution])
        except DataError as error:
            if "error rates need both classes" not in str(error):
                raise
            notes = (*notes, f"no frame-level rate at {resolution} ms: every frame there is of one class")
    return tuple(found), notes


def read_spans(path: Path) -> Spans:
    """Spoofed (and bona fide) stretches from a table with the columns id (or file), start, end and, if any, label.

    Without a label column every span is spoofed.

    Raises:
        DataError: a column is missing, or a row is no span.
    """
    rows, names = _span_table(path)
    spans: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    for number, row in enumerate(rows, 2):
        try:
            start, end = float(row[names.index("start")]), float(row[names.index("end")])
            label = LABELS[row[names.index("label")].lower()] if "label" in names else False
            if not 0 <= start < end < np.inf:
                raise ValueError(f"{start} to {end}")
        except (ValueError, KeyError, IndexError) as error:
            raise DataError(f"{path}, line {number}: not a span in seconds with a known label ({error})") from error
        spans[row[names.index("id")]].append((start, end, int(label)))
    return dict(spans)


def _span_table(path: Path) -> tuple[list[list[str]], list[str]]:
    """Rows and column names; `read_table` knows a header by its labels, which a table of spans need not have."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a table of spans: {error}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    separator = "\t" if lines and "\t" in lines[0] else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    names = [ALIASES.get(name.lower(), name.lower()) for name in (rows[0] if rows else [])]
    if not {"id", "start", "end"} <= set(names):
        raise DataError(f"{path}: a table of spans needs a header with id, start and end (seconds), and maybe label")
    return rows[1:], names


class _Book:
    """Frame labels by clip; a corpus keeps those of a whole split in one file, which is read once."""

    def __init__(self) -> None:
        self._files: dict[Path, Mapping[str, NDArray[np.int64]]] = {}

    def truth(self, clip: ScoredClip, spans: Spans | None) -> NDArray[np.float64] | None:
        """(T,) 1 = bona fide, 0 = spoof, in frames of 20 ms; None where nothing is known."""
        utterance = clip.utterance
        if spans is not None and utterance.id in spans and utterance.seconds:
            return span_labels(spans[utterance.id], utterance.seconds)
        if utterance.frames is None:
            return None
        if utterance.frames not in self._files:
            self._files[utterance.frames] = read_frame_labels(utterance.frames)
        labels = self._files[utterance.frames].get(utterance.id)
        return None if labels is None else labels.astype(np.float64)


def span_labels(spans: Sequence[tuple[float, float, int]], seconds: float) -> NDArray[np.float64]:
    """A frame is spoofed if any part of it lies in a spoofed span; later spans overrule earlier ones."""
    frame = FRAME_MS / 1000
    labels = np.ones(max(1, int(np.ceil(seconds / frame - 1e-6))))
    for start, end, label in spans:
        labels[int(start / frame + 1e-6) : int(np.ceil(end / frame - 1e-6))] = label
    return labels
