"""From windows to one answer and to spans over time; pure functions on numbers.

Windows of one length start every half window; the recording is cut into cells of that hop:

    window 0   |--------------|
    window 1          |--------------|
    window 2                 |--------------|        (the last one is shifted back to the end)
    cells      |   0  |   1  |   2  |   3  |4|

A cell's LLR is the mean of the windows that cover it, weighted by how much of it they cover. Neighbouring cells with
one verdict merge into a span. Cells without speech have no verdict and part spans.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fakemamba.decision import Verdict

CELL_SPEECH = 0.1  # seconds of speech that a cell needs to be labelled
_FEWEST_CELLS = 2  # a fake span of fewer cells never overrules a genuine whole


@dataclass(frozen=True)
class Scored:
    """One judged window: its place and speech in seconds, its raw score and its log-likelihood ratio."""

    start: float
    end: float
    speech: float
    score: float
    llr: float


@dataclass(frozen=True)
class Span:
    """Neighbouring cells of one verdict: place in seconds, number of cells, mean raw score and mean LLR."""

    start: float
    end: float
    cells: int
    verdict: Verdict
    score: float
    llr: float


def overall(windows: Sequence[Scored]) -> tuple[float, float]:
    """(raw score, LLR) of the whole: means weighted by the speech in each window; needs at least one window."""
    speech = np.array([window.speech for window in windows])
    score = np.array([window.score for window in windows])
    llr = np.array([window.llr for window in windows])
    return float(np.average(score, weights=speech)), float(np.average(llr, weights=speech))


def spans(
    windows: Sequence[Scored],
    speech: NDArray[np.float64],
    *,
    hop: float,
    duration: float,
    judge: Callable[[float], Verdict],
    merge: bool = True,
) -> list[Span]:
    """Merge cells into spans of equal verdict.

    Args:
        windows: judged windows in any order.
        speech: (cells,) seconds of speech in each cell.
        hop: length of a cell, seconds.
        duration: of the recording, seconds; the last cell ends there.
        judge: LLR -> verdict.
        merge: False leaves every cell its own span, where verdicts say nothing and scores are all there is.
    """
    score, llr = _cell_means(windows, len(speech), hop, duration)  # (cells,), NaN where no window was judged
    length = np.minimum(hop, duration - hop * np.arange(len(speech)))
    spoken = (speech >= np.minimum(CELL_SPEECH, length / 2)) & ~np.isnan(llr)
    labels: list[Verdict | None] = [judge(float(llr[k])) if spoken[k] else None for k in range(len(speech))]
    found = []
    for (verdict, _), run in groupby(range(len(labels)), key=lambda k: (labels[k], 0 if merge else k)):
        cells = list(run)
        if verdict is not None:
            start, end = cells[0] * hop, min((cells[-1] + 1) * hop, duration)
            means = float(score[cells].mean()), float(llr[cells].mean())
            found.append(Span(start, end, len(cells), verdict, *means))
    return found


def fake_span(found: Sequence[Span]) -> Span | None:
    """The longest span that is confidently fake: at least `confident_cells` cells beyond the unsure band."""
    needed = confident_cells(sum(span.cells for span in found))
    fakes = [span for span in found if span.verdict == "fake" and span.cells >= needed]
    return max(fakes, key=lambda span: span.end - span.start, default=None)


def confident_cells(cells: int) -> int:
    """How many fake cells in a row chance hardly gives a genuine recording of `cells` judged cells.

    If each cell were falsely fake with probability q, independently, about n q^k runs of k or more would be expected
    among n cells. With q = 0.1 and k >= log10(n) + 1.5 that is 10^-1.5, about 0.03, whatever the length.
    """
    return max(_FEWEST_CELLS, math.ceil(math.log10(max(cells, 1)) + 1.5))


def cell_count(duration: float, hop: float) -> int:
    """How many cells cover `duration` seconds; a rest below a millisecond is no cell."""
    return max(1, int(np.ceil((duration - 1e-3) / hop)))


def clock(seconds: float) -> str:
    """4.18 -> "0:04.2", 3725 -> "1:02:05.0"."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02d}.{rest % 10}"


def _cell_means(
    windows: Sequence[Scored], count: int, hop: float, duration: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per cell the means of score and LLR over the windows, weighted by overlap."""
    sums = np.zeros((2, count))
    weight = np.zeros(count)
    for window in windows:
        first = min(int(window.start / hop), count - 1)
        for cell in range(first, min(int(np.ceil(window.end / hop)), count)):
            left, right = cell * hop, min((cell + 1) * hop, duration)
            overlap = max(0.0, min(window.end, right) - max(window.start, left))
            sums[:, cell] += overlap * np.array([window.score, window.llr])
            weight[cell] += overlap
    means = np.full((2, count), np.nan)
    np.divide(sums, weight, out=means, where=weight > 1e-9)
    return means[0], means[1]
