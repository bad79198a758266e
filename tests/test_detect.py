"""The main line with a scorer whose answers are known."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import fakemamba
from fakemamba.checkpoint.folder import Calibration, Decision
from fakemamba.detect import Detector, load
from fakemamba.errors import AudioError, CheckpointError, ConfigError
from fakemamba.result import Result
from fakes import RATE, WINDOW, FakeScorer, Wave, speech, tiny_card, tiny_config, write_tiny_model


def loud_is_fake(wave: Wave) -> float:
    return -6.0 if np.abs(wave).max() > 0.5 else 6.0


def judge(wave: Wave, scorer: FakeScorer | None = None, **card: object) -> Result:
    return Detector(scorer or FakeScorer(), tiny_card(**card), model_sha256="ab" * 32).detect((wave, RATE))


def test_a_long_clip_is_windowed_and_summed_up() -> None:
    scorer = FakeScorer()
    result = judge(speech(21.0), scorer)
    assert result.verdict == "real"
    assert result.duration == pytest.approx(21.0)
    assert result.speech > 8.0
    assert (result.score, result.llr) == pytest.approx((5.0, 5.0))
    assert result.p_fake == pytest.approx(1 / (1 + math.exp(5)))
    assert result.reason is None
    assert scorer.shapes == [(4, WINDOW)] * 5  # starts 0 .. 19 s, in batches of 4
    assert [(s.start, s.end, s.verdict) for s in result.segments] == [(0.0, 21.0, "real")]


def test_the_timeline_holds_every_judged_window_and_adds_up_to_the_whole() -> None:
    calibration = Calibration(scale=2.0, bias=-1.0)
    wave = np.concatenate([speech(4.0), np.zeros(RATE * 4, np.float32), speech(4.0, level=0.9)])
    result = judge(wave, FakeScorer(loud_is_fake), calibration=calibration)
    starts = [window.start for window in result.timeline]
    assert starts[:3] == [0.0, 1.0, 2.0]
    assert not {4.0, 5.0, 6.0} & set(starts)  # nothing is heard there
    assert all(window.end - window.start == 2.0 for window in result.timeline)
    assert [(w.score, w.llr, w.p_fake) for w in result.timeline[:1]] == [
        (6.0, pytest.approx(11.0), pytest.approx(1 / (1 + math.exp(11))))
    ]
    speech_heard = sum(window.speech for window in result.timeline)
    assert sum(w.speech * w.score for w in result.timeline) / speech_heard == pytest.approx(result.score)
    plain = result.to_dict()["timeline"]
    assert plain[0] == {
        "start": 0.0,
        "end": 2.0,
        "speech": plain[0]["speech"],
        **{"p_fake": result.timeline[0].p_fake, "llr": result.timeline[0].llr, "score": 6.0},
    }
    uncalibrated = judge(speech(3.0), calibration=None).timeline
    assert [(window.p_fake, window.llr, window.score) for window in uncalibrated] == [(None, None, 5.0)] * 2


def test_calibration_and_decision_come_from_the_card() -> None:
    calibrated = {"calibration": Calibration(scale=2.0, bias=-7.0), "decision": Decision(threshold=4.0)}
    result = judge(speech(4.0), FakeScorer(lambda wave: 5.0), **calibrated)
    assert (result.score, result.llr) == pytest.approx((5.0, 3.0))
    assert (result.threshold, result.verdict) == (4.0, "fake")
    assert result.p_fake == pytest.approx(1 / (1 + math.exp(3)))


def test_a_given_threshold_replaces_the_cards_and_keeps_the_band() -> None:
    detector = Detector(FakeScorer(lambda wave: 5.0), tiny_card(), threshold=4.5)
    assert detector.detect((speech(3.0), RATE)).verdict == "unsure"
    assert (
        Detector(FakeScorer(lambda wave: 5.6), tiny_card(), threshold=4.5).detect((speech(3.0), RATE)).verdict == "real"
    )


def test_an_uncalibrated_model_gives_no_probability_and_says_so() -> None:
    result = judge(speech(3.0), calibration=None)
    assert (result.verdict, result.p_fake, result.llr, result.threshold) == ("unsure", None, None, None)
    assert result.score == pytest.approx(5.0)
    assert "not calibrated and gives scores only" in (result.reason or "")
    assert [(s.start, s.verdict, s.p_fake, s.score) for s in result.segments] == [
        (start, "unsure", None, pytest.approx(5.0)) for start in (0.0, 1.0, 2.0)
    ]


@pytest.mark.parametrize(("threshold", "verdict"), [(4.9, "real"), (5.1, "fake")])
def test_a_threshold_on_an_uncalibrated_model_applies_to_its_raw_score(threshold: float, verdict: str) -> None:
    detector = Detector(FakeScorer(), tiny_card(calibration=None), threshold=threshold)  # the card's band is in LLR
    result = detector.detect((speech(3.0), RATE))
    assert (result.verdict, result.p_fake, result.llr, result.threshold) == (verdict, None, None, threshold)
    assert [segment.verdict for segment in result.segments] == [verdict]
    assert "not calibrated" in result.warnings[0]


@pytest.mark.parametrize(("short", "length"), [("repeat", WINDOW), ("as_is", 16_000)])
def test_a_short_clip_is_repeated_or_taken_as_it_is(short: str, length: int) -> None:
    seen: list[Wave] = []
    wave = speech(1.0)
    judge(wave, FakeScorer(lambda window: seen.append(window) or 5.0), model=tiny_config(short=short))
    assert len(seen) == 1
    assert len(seen[0]) == length
    assert np.array_equal(seen[0], np.resize(wave, length))


def test_a_short_clip_never_goes_below_the_scorers_shortest() -> None:
    scorer = FakeScorer()
    scorer.shortest = 20_000
    judge(speech(1.0), scorer, model=tiny_config(short="as_is"))
    assert scorer.shapes == [(1, 20_000)]


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (speech(0.3), "0.30 s"),
        (np.zeros(RATE * 3, np.float32), "silent"),
        (1e-5 * np.ones(RATE * 3, np.float32), "silent"),
        (np.random.default_rng(0).normal(0, 0.1, RATE * 3).astype(np.float32), "no speech"),
        (0.3 * np.sin(np.arange(RATE * 3) * 0.3).astype(np.float32), "no speech"),
    ],
    ids=["too short", "zeros", "near zeros", "white noise", "tone"],
)
def test_what_holds_no_speech_is_unsure_with_the_reason_and_is_never_scored(wave: Wave, reason: str) -> None:
    scorer = FakeScorer()
    result = judge(wave, scorer)
    assert (result.verdict, result.p_fake, result.score, result.llr) == ("unsure", None, None, None)
    assert reason in (result.reason or "")
    assert result.segments == ()
    assert scorer.shapes == []


def test_windows_without_speech_are_not_scored_and_parts_without_speech_not_labelled() -> None:
    wave = np.concatenate([speech(4.0), np.zeros(RATE * 8, np.float32), speech(4.0, seed=1)])
    scorer = FakeScorer()
    result = judge(wave, scorer)
    assert sum(shape[0] for shape in scorer.shapes) < 12  # of 15 windows
    assert [(round(s.start), round(s.end)) for s in result.segments] == [(0, 4), (12, 16)]


def test_the_answer_does_not_hang_on_the_level_of_silence_around() -> None:
    wave = speech(6.0)
    pause = np.zeros(RATE * 10, np.float32)
    assert judge(np.concatenate([wave, pause])).llr == judge(wave).llr


def test_a_confident_fake_span_turns_real_into_unsure_and_is_named() -> None:
    wave = speech(20.0)
    wave[8 * RATE : 12 * RATE] *= 3.0
    result = judge(np.clip(wave, -1, 1), FakeScorer(loud_is_fake))
    assert result.llr is not None
    assert result.llr > 1.0
    assert result.verdict == "unsure"
    assert "sounds fake" in (result.reason or "")
    fake = [s for s in result.segments if s.verdict == "fake"]
    assert len(fake) == 1
    assert fake[0].start <= 8.0
    assert fake[0].end >= 12.0
    assert f"0:{fake[0].start:04.1f}" in (result.reason or "")


def test_a_mostly_fake_clip_stays_fake() -> None:
    wave = 3.0 * speech(20.0)
    wave[: 6 * RATE] /= 3.0
    result = judge(np.clip(wave, -1, 1), FakeScorer(loud_is_fake))
    assert result.verdict == "fake"
    assert {s.verdict for s in result.segments} >= {"real", "fake"}


def test_unsure_by_the_band_has_its_reason() -> None:
    result = judge(speech(4.0), FakeScorer(lambda wave: 0.5))
    assert result.verdict == "unsure"
    assert "+0.50" in (result.reason or "")
    assert result.p_fake == pytest.approx(1 / (1 + math.exp(0.5)))


def test_a_score_that_is_no_number_blames_the_model() -> None:
    with pytest.raises(CheckpointError, match="not a number"):
        judge(speech(4.0), FakeScorer(lambda wave: float("nan")))


def test_progress_is_told_in_seconds() -> None:
    told: list[tuple[float, float | None]] = []
    Detector(FakeScorer(), tiny_card()).detect((speech(21.0), RATE), lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == [5.0, 9.0, 13.0, 17.0, 21.0]
    assert {total for _, total in told} == {21.0}


def test_a_result_is_plain_and_knows_file_and_model(tmp_path: Path) -> None:
    import hashlib

    import soundfile

    path = tmp_path / "clip.wav"
    soundfile.write(path, speech(3.0), RATE)
    model = write_tiny_model(tmp_path / "model")
    result = load(model).detect(path)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert plain["model_sha256"] == hashlib.sha256((model / "model.onnx").read_bytes()).hexdigest()
    assert (plain["model"], plain["version"]) == ("tiny", fakemamba.__version__)
    assert plain["segments"][0]["verdict"] == result.verdict
    assert load(model).detect(path.read_bytes()).source_sha256 == plain["source_sha256"]


def test_the_onnx_model_scores_as_its_formula(tmp_path: Path) -> None:
    wave = speech(2.0)
    result = load(write_tiny_model(tmp_path / "model"), threads=1).detect((wave, RATE))
    assert result.score == pytest.approx(4 - 200 * float(np.abs(wave).mean()), rel=1e-5)


def test_a_file_that_vanishes_is_an_audio_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakemamba import detect

    (tmp_path / "x.wav").write_bytes(b"x")

    def fail(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(detect.hashlib, "file_digest", fail)
    with pytest.raises(AudioError, match="Input/output error"):
        detect._sha256(tmp_path / "x.wav")


def test_options_are_checked(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    with pytest.raises(ConfigError, match="threads"):
        load(model, threads=0)
    with pytest.raises(ConfigError, match="threshold"):
        load(model, threshold=float("nan"))


def test_warming_up_scores_one_window_and_changes_no_answer():
    scorer = FakeScorer()
    detector = Detector(scorer, tiny_card())
    before = detector.detect((speech(3.0), RATE))
    scorer.shapes.clear()
    detector.warm_up()
    assert scorer.shapes == [(1, 32_000)]
    assert detector.detect((speech(3.0), RATE)) == before


BAND = {"conditions": {"telephone": Calibration(scale=0.1)}}


def through_a_telephone(wave: Wave) -> Wave:
    spectrum = np.fft.rfft(wave)
    spectrum[np.fft.rfftfreq(len(wave), 1 / RATE) > 3400] = 0
    return np.fft.irfft(spectrum, len(wave)).astype(np.float32)


def test_the_same_score_counts_less_where_the_card_says_so() -> None:
    clear, narrow = (judge(wave, **BAND) for wave in (speech(4.0), through_a_telephone(speech(4.0))))
    assert (clear.score, clear.llr, clear.verdict, clear.warnings) == (5.0, 5.0, "real", ())
    assert (narrow.score, narrow.verdict) == (5.0, "unsure")
    assert narrow.llr == pytest.approx(0.5)
    assert narrow.reason is not None
    assert "+0.50" in narrow.reason
    assert "nothing above 4 kHz" in narrow.warnings[0]


def test_a_card_without_conditions_hears_no_difference() -> None:
    result = judge(through_a_telephone(speech(4.0)))
    assert (result.llr, result.verdict, result.warnings) == (5.0, "real", ())


def test_each_window_counts_by_what_it_went_through() -> None:
    wave = np.concatenate([speech(4.0), through_a_telephone(speech(2.0, seed=1))])
    result = judge(wave, **BAND)
    assert [window.llr for window in result.timeline] == pytest.approx([5.0, 5.0, 5.0, 5.0, 0.5])
    assert result.warnings == ()  # not most of it


def test_a_stream_counts_less_too() -> None:
    detector = Detector(FakeScorer(), tiny_card(**BAND))
    ends = []
    for wave in (speech(4.0), through_a_telephone(speech(4.0))):
        stream = detector.stream()
        ends.append([*stream.feed(wave, RATE), *stream.end()][-1])
    assert [end.llr for end in ends] == pytest.approx([5.0, 0.5])
