"""The near pass: numbers that can be checked by hand, and what becomes of them in a result."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from fakemamba.checkpoint.folder import Calibration, CheckpointError, Near, write_folder
from fakemamba.detect import Detector, load
from fakemamba.near import frame_means, overlaid, stretches, threshold
from fakemamba.result import Result, Segment
from fakes import RATE, WINDOW, FakeScorer, Wave, speech, tiny_card, write_tiny_model

NEAR = Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=1.0, length=3.0)
SHORT = RATE // 2


def loud_short_is_fake(wave: Wave) -> float:
    """Long windows sound genuine whatever they hold; short ones fake where they are loud."""
    return 5.0 if len(wave) == WINDOW or np.abs(wave).max() < 0.5 else -5.0


def spliced(seconds: float, start: float, end: float) -> Wave:
    wave = speech(seconds, level=0.3)
    wave[round(start * RATE) : round(end * RATE)] *= 3.0
    return np.clip(wave, -1, 1)


def judge(wave: Wave, scorer: FakeScorer | None = None, *, near: Near | None = NEAR, **options: bool) -> Result:
    return Detector(scorer or FakeScorer(loud_short_is_fake), tiny_card(near=near)).detect((wave, RATE), **options)


def heard_short(scorer: FakeScorer) -> int:
    return sum(count for count, length in scorer.shapes if length == SHORT)


def test_a_card_without_the_section_hears_no_short_window() -> None:
    scorer = FakeScorer(loud_short_is_fake)
    result = judge(spliced(8.0, 3.0, 4.0), scorer, near=None)
    assert {length for _, length in scorer.shapes} == {WINDOW}
    assert result.near is None
    assert [segment.verdict for segment in result.segments] == ["real"]


def test_near_windows_that_the_model_cannot_take_are_refused_at_once() -> None:
    scorer = FakeScorer(loud_short_is_fake)
    scorer.shortest = 8_001
    with pytest.raises(CheckpointError, match=r"near windows of 0\.5 s are too short"):
        Detector(scorer, tiny_card(near=NEAR))


def test_a_near_look_can_be_left_out() -> None:
    scorer = FakeScorer(loud_short_is_fake)
    result = judge(spliced(8.0, 3.0, 4.0), scorer, near=NEAR)
    without = Detector(scorer, tiny_card(near=NEAR)).detect((spliced(8.0, 3.0, 4.0), RATE), near=False)
    assert (result.near is None, without.near) == (False, None)
    assert (without.verdict, without.llr, without.timeline) == (result.verdict, result.llr, result.timeline)
    assert without.warnings == ()


def test_a_replaced_word_is_found_where_it_is_and_the_verdict_on_the_whole_stays() -> None:
    result = judge(spliced(8.0, 3.0, 4.0))
    assert (result.verdict, result.reason) == ("real", None)
    (fake,) = [segment for segment in result.segments if segment.verdict == "fake"]
    assert fake.near
    assert (fake.start, fake.end) == (pytest.approx(3.0, abs=0.3), pytest.approx(4.0, abs=0.3))
    assert fake.p_fake == pytest.approx(1 / (1 + math.exp(fake.score)))
    assert [(s.verdict, s.near) for s in result.segments] == [("real", False), ("fake", True), ("real", False)]
    assert (result.segments[0].end, result.segments[2].start) == (fake.start, fake.end)
    (warning,) = result.warnings
    assert "parts may be fake: 0:02." in warning


def test_every_short_window_is_heard_once_and_the_last_ends_with_the_recording() -> None:
    seen: list[Wave] = []
    scorer = FakeScorer(lambda wave: seen.append(wave) or 5.0)
    wave = speech(7.31)
    result = judge(wave, scorer)
    short = [heard for heard in seen if len(heard) == SHORT]
    starts = [*range(0, len(wave) - SHORT, RATE // 8), len(wave) - SHORT]
    assert len(short) == len(starts)
    assert all(np.array_equal(heard, wave[at : at + SHORT]) for heard, at in zip(short, starts, strict=True))
    assert result.near is not None
    assert result.near.llr == (5.0,) * len(starts)


@pytest.mark.parametrize(("seconds", "windows"), [(0.55, 2), (0.5, 1), (2.0, 13), (2.01, 14), (3.0, 21), (4.0, 29)])
def test_how_many_short_windows_a_recording_has(seconds: float, windows: int) -> None:
    result = judge(speech(seconds))
    assert result.near is not None
    assert len(result.near.llr) == windows


def test_what_is_shorter_than_a_short_window_gets_no_near_look() -> None:
    result = judge(speech(0.7), near=NEAR.model_copy(update={"seconds": 0.8}))
    assert result.near is None


def test_short_windows_are_heard_only_where_the_long_ones_are_judged() -> None:
    wave = np.concatenate([speech(4.0), np.zeros(8 * RATE, np.float32), speech(4.0)])
    scorer = FakeScorer(loud_short_is_fake)
    result = judge(wave, scorer)
    assert result.near is not None
    known = [llr is not None for llr in result.near.llr]
    assert len(known) == 125
    assert sum(known) == heard_short(scorer) < 80
    assert not any(known[5 * 8 : 10 * 8])


def test_memory_holds_one_batch_of_short_windows() -> None:
    scorer = FakeScorer(loud_short_is_fake)
    judge(speech(60.0), scorer)
    assert max(count * length for count, length in scorer.shapes) <= 4 * WINDOW


def test_where_the_whole_abstains_the_near_pass_says_nothing() -> None:
    result = judge(np.concatenate([np.zeros(RATE, np.float32), spliced(0.7, 0.0, 0.7), np.zeros(RATE, np.float32)]))
    assert "at least 1 s" in (result.reason or "")
    assert (result.warnings, [s for s in result.segments if s.near]) == ((), [])


def test_a_fake_whole_needs_no_note() -> None:
    result = judge(spliced(8.0, 3.0, 4.0), FakeScorer(lambda wave: -5.0))
    assert (result.verdict, result.warnings) == ("fake", ())
    assert [(s.start, s.end, s.near) for s in result.segments] == [(0.0, 8.0, False)]


def test_short_windows_without_a_number_blame_the_model() -> None:
    with pytest.raises(CheckpointError, match="not a number"):
        judge(speech(4.0), FakeScorer(lambda wave: 5.0 if len(wave) == WINDOW else float("nan")))


def test_frames_are_the_triangle_of_the_windows_that_have_a_score() -> None:
    # Windows of 0.2 s every 0.1 s over 0.6 s; only the first and the last are known, 0.2 to 0.4 s by none of them.
    frames = frame_means([1.0, math.nan, math.nan, math.nan, 3.0], window=0.2, hop=0.1, seconds=0.6)
    assert len(frames) == 30
    np.testing.assert_allclose(frames[:10], 1.0)
    np.testing.assert_allclose(frames[20:], 3.0)
    assert np.isnan(frames[12:18]).all()


def test_a_stretch_is_a_run_below_zero_and_its_evidence_the_area() -> None:
    llr = np.ones(100)
    llr[10:20], llr[30:60], llr[70:75] = -2.0, -1.0, -9.0
    llr[45] = np.nan
    llr[98:] = -1.0
    spoken = np.ones(80, bool)
    spoken[70:] = False  # nobody speaks in the last runs
    found = stretches(llr, spoken, 1.99)
    assert [(s.start, s.end, s.llr) for s in found] == [
        (pytest.approx(0.2), pytest.approx(0.4), -2.0),
        (pytest.approx(0.6), pytest.approx(0.9), -1.0),
        (pytest.approx(0.92), pytest.approx(1.2), -1.0),
    ]
    assert [s.evidence for s in found] == pytest.approx([0.4, 0.3, 0.28])


def test_longer_recordings_need_more_evidence() -> None:
    near = NEAR.model_copy(update={"growth": 0.5})
    assert threshold(near, 1.0) == threshold(near, 3.0) == 1.0
    assert threshold(near, 3.0 * math.e**4) == pytest.approx(3.0)
    wave = spliced(8.0, 3.0, 3.3)
    strict = near.model_copy(update={"growth": 50.0})
    assert any(s.near for s in judge(wave, near=near).segments)
    assert not any(s.near for s in judge(wave, near=strict).segments)


def segment(start: float, end: float, verdict: str = "real", *, near: bool = False) -> Segment:
    return Segment(start=start, end=end, verdict=verdict, p_fake=0.5, score=0.0, near=near)  # type: ignore[arg-type]


def test_what_is_left_beside_a_near_segment_must_be_worth_telling() -> None:
    found = overlaid(
        [segment(0, 4), segment(4, 6, "fake"), segment(6, 8, "unsure")],
        [segment(0.05, 1, "fake", near=True), segment(3.5, 4.5, "fake", near=True), segment(7, 9, "fake", near=True)],
    )
    assert [(s.start, s.end, s.verdict, s.near) for s in found] == [
        (0.05, 1, "fake", True),
        (1, 3.5, "real", False),
        (3.5, 4, "fake", True),
        (4, 6, "fake", False),
        (6, 7, "unsure", False),
        (7, 9, "fake", True),
    ]


def test_the_onnx_model_takes_a_near_look_and_the_result_is_plain(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", near=NEAR)
    assert json.loads((model / "config.json").read_text())["near"]["seconds"] == 0.5
    wave = speech(3.0, level=0.02)
    result = load(model).detect((wave, RATE))
    assert result.near is not None
    first = 4 - 200 * float(np.abs(wave[:SHORT]).mean())
    assert result.near.llr[0] == pytest.approx(first, abs=2e-3)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["near"]["llr"] == list(result.near.llr)


@pytest.mark.parametrize(
    ("near", "card", "fault"),
    [
        ({"hop": 0.6}, {}, "leaves gaps"),
        ({"seconds": 1.2}, {}, "half the model's window"),
        ({}, {"calibration": None}, "not calibrated"),
        ({"threshold": 0.0}, {}, "threshold"),
        ({"smooth": 3}, {}, "smooth"),
    ],
)
def test_a_section_that_cannot_be_right_is_refused(near: dict[str, float], card: dict[str, None], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        tiny_card(near={**NEAR.model_dump(), **near}, **card)


def test_a_card_without_sections_is_written_without_them(tmp_path: Path) -> None:
    write_folder(tmp_path / "model", tiny_card(), {"model.onnx": b""})
    assert not {"near", "conditions"} & set(json.loads((tmp_path / "model" / "config.json").read_text()))


def test_a_hop_of_no_whole_number_of_samples_is_refused() -> None:
    with pytest.raises(ValidationError, match="no whole number of samples"):
        Near(**{**NEAR.model_dump(), "hop": 0.03333})
