"""Windows -> one answer and spans, by numbers that can be checked by hand."""

import numpy as np
import pytest

from fakemamba.checkpoint.folder import Decision
from fakemamba.decision import Verdict, decide
from fakemamba.timeline import Scored, Span, cell_count, clock, confident_cells, fake_span, overall, spans


def window(start: float, llr: float, *, end: float | None = None, speech: float = 2.0) -> Scored:
    return Scored(start, start + 2.0 if end is None else end, speech, score=10 * llr, llr=llr)


def judge(llr: float) -> Verdict:
    return decide(llr, Decision(unsure_below=1.0, unsure_above=1.0))


def test_overall_weighs_windows_by_their_speech() -> None:
    # (3 * 4 + 1 * -2) / 4 = 2.5
    score, llr = overall([window(0, 4.0, speech=1.5), window(1, -2.0, speech=0.5)])
    assert (score, llr) == (25.0, 2.5)


def test_a_cell_is_the_mean_of_the_windows_over_it() -> None:
    # Cells: [0,1) 4; [1,2) (4-2)/2 = 1; [2,3) (-2-6)/2 = -4; [3,4) -6.
    found = spans([window(0, 4.0), window(1, -2.0), window(2, -6.0)], np.ones(4), hop=1.0, duration=4.0, judge=judge)
    assert found == [
        Span(0.0, 1.0, 1, "real", 40.0, 4.0),
        Span(1.0, 2.0, 1, "unsure", 10.0, 1.0),
        Span(2.0, 4.0, 2, "fake", -50.0, -5.0),
    ]


def test_a_shifted_last_window_counts_by_its_overlap() -> None:
    # 2.5 s: windows at 0 and 0.5. Cell [1,2): both fully; cell [2,2.5): only the second; cell [0,1): 1 s and 0.5 s.
    found = spans([window(0, 6.0), window(0.5, 3.0)], np.ones(3), hop=1.0, duration=2.5, judge=judge)
    assert len(found) == 1
    assert (found[0].start, found[0].end, found[0].cells) == (0.0, 2.5, 3)
    assert found[0].llr == pytest.approx((5.0 + 4.5 + 3.0) / 3)


def test_cells_without_speech_part_spans_and_have_no_verdict() -> None:
    found = spans(
        [window(0, 4.0), window(1, 4.0), window(2, 4.0)], np.array([1, 0, 0.05, 1]), hop=1.0, duration=4.0, judge=judge
    )
    assert [(span.start, span.end) for span in found] == [(0.0, 1.0), (3.0, 4.0)]


def test_cells_without_a_judged_window_have_no_verdict() -> None:
    found = spans([window(0, 4.0)], np.ones(4), hop=1.0, duration=4.0, judge=judge)
    assert [(span.start, span.end) for span in found] == [(0.0, 2.0)]


def test_a_short_rest_belongs_to_the_span_if_it_is_spoken_throughout() -> None:
    found = spans([window(0, 4.0), window(0.05, 4.0)], np.array([1, 1, 0.05]), hop=1.0, duration=2.05, judge=judge)
    assert found[0].end == 2.05


def test_only_a_long_enough_fake_span_is_confident() -> None:
    one = Span(0, 1, 1, "fake", -5, -5)
    two, four = Span(3, 5, 2, "fake", -5, -5), Span(7, 11, 4, "fake", -5, -5)
    assert fake_span([one, Span(1, 5, 4, "unsure", 0, 0)]) is None
    assert fake_span([one, two, four]) == four


def test_in_a_long_recording_a_fake_span_must_be_longer() -> None:
    three, rest = Span(3, 6, 3, "fake", -5, -5), Span(6, 400, 394, "real", 5, 5)
    assert fake_span([three]) == three
    assert fake_span([three, rest]) is None  # of 397 cells, 5 in a row are needed


@pytest.mark.parametrize(
    ("cells", "needed"), [(0, 2), (1, 2), (3, 2), (4, 3), (31, 3), (32, 4), (1800, 5), (10_000, 6)]
)
def test_confident_cells(cells: int, needed: int) -> None:
    assert confident_cells(cells) == needed


@pytest.mark.parametrize(("duration", "count"), [(0.5, 1), (1.0, 1), (1.0005, 1), (1.01, 2), (3.0, 3)])
def test_cell_count(duration: float, count: int) -> None:
    assert cell_count(duration, 1.0) == count


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (4.18, "0:04.2"), (59.97, "1:00.0"), (3725, "1:02:05.0")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
