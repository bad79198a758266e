"""What a stream says, with a scorer whose answers are known."""

import json
from collections import Counter

import numpy as np
import pytest
from streams import detector, kinds, said, silence, spliced

from fakemamba.decision import p_fake
from fakemamba.errors import AudioError, CheckpointError, ConfigError
from fakemamba.stream import End, FakeEnded, FakeStarted, ScoreUpdate, StreamConfig, Unsure
from fakes import RATE, WINDOW, speech, tiny_config


def constant(llr):
    return detector(lambda wave: llr)


def one(events, kind):
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def test_a_genuine_voice_is_judged_each_hop_through_a_growing_window():
    model = constant(5.0)
    events = said(model.stream(), [speech(4.0)])
    scores = [event for event in events if isinstance(event, ScoreUpdate)]
    assert [(s.start, s.time) for s in scores] == [
        (0.0, 1.0),
        (0.0, 1.5),
        (0.0, 2.0),
        (0.5, 2.5),
        (1.0, 3.0),
        (1.5, 3.5),
        (2.0, 4.0),
    ]
    assert {s.verdict for s in scores} == {"real"}
    assert scores[0].p_fake == pytest.approx(p_fake(5.0))
    lengths = Counter(shape for shape in model.scorer.shapes)
    # 1 s and 1.5 s are their own near windows; the five of 2 s each have one of 1.5 s beside them.
    assert lengths == {(1, 16_000): 1, (1, 24_000): 6, (1, WINDOW): 5}
    assert kinds(events) == ["end"]
    end = one(events, End)
    assert (end.verdict, end.reason, end.llr, end.fakes, end.longest_fake) == ("real", None, 5.0, 0, None)
    assert end.first_verdict == 1.0
    assert 2.0 < end.speech <= 4.0


def test_a_fake_from_the_start_starts_where_the_sound_does():
    events = said(constant(-5.0).stream(), [silence(2.0), speech(3.0)])
    assert kinds(events) == ["unsure", "unsure", "fake_started", "fake_ended", "end"]
    assert [event.why for event in events if isinstance(event, Unsure)] == ["silence", "evidence"]
    start, end = one(events, FakeStarted), one(events, FakeEnded)
    assert start.start == pytest.approx(2.0, abs=0.02)
    assert start.time <= 2.0 + 1.5  # 4 nats beyond the edge each second, and more than 4 are asked
    assert (end.start, end.end) == (start.start, pytest.approx(5.0, abs=0.1))
    assert end.p_fake == pytest.approx(p_fake(-5.0))
    whole = one(events, End)
    assert (whole.verdict, whole.fakes, whole.longest_fake) == ("fake", 1, (end.start, end.end))
    assert whole.fake_seconds == pytest.approx(3.0, abs=0.1)


def test_weak_evidence_takes_longer():
    # The band ends at -1: each second of -2 adds one nat, so that 4 are passed at the first look after 4 s.
    assert one(said(constant(-2.0).stream(), [speech(6.0)]), FakeStarted).time == 4.5
    assert one(said(constant(-6.0).stream(), [speech(6.0)]), FakeStarted).time == 1.0
    assert "fake_started" not in kinds(said(constant(-0.9).stream(), [speech(6.0)]))
    eager = constant(-2.0).stream(StreamConfig(start_evidence=0.0))
    assert one(said(eager, [speech(6.0)]), FakeStarted).time == 1.0


def test_evidence_that_takes_most_of_a_minute_is_still_placed():
    model = detector(lambda wave: -1.1 if np.abs(wave).max() > 0.5 else 5.0)  # a tenth of a nat each second
    events = said(model.stream(), [speech(10.0, level=0.2), speech(50.0, level=0.9)])
    start = one(events, FakeStarted)
    assert start.time > 45.0
    assert start.start == pytest.approx(10.0, abs=1.5)
    assert one(said(constant(-1.1).stream(), [speech(50.0)]), FakeStarted).start == 0.0


@pytest.mark.parametrize("before", [5.0, 5.13, 5.26, 5.39])
def test_a_spliced_fake_is_placed_within_a_hop(before):
    events = said(detector().stream(), [spliced(before, 4.0, 5.0)])
    start, end = one(events, FakeStarted), one(events, FakeEnded)
    assert start.start == pytest.approx(before, abs=0.5)
    assert end.end == pytest.approx(before + 4.0, abs=0.5)
    assert start.start < start.time <= before + 2.5
    assert end.end < end.time <= before + 4.0 + 2.5
    whole = one(events, End)
    assert (whole.verdict, whole.fakes) == ("unsure", 1)
    assert "spliced" in whole.reason


def test_after_a_fake_span_the_window_does_not_reach_back_into_it():
    events = said(detector().stream(), [spliced(5.0, 4.0, 6.0)])
    over = one(events, FakeEnded)
    after = [event for event in events if isinstance(event, ScoreUpdate) and event.time >= over.time]
    assert {event.verdict for event in after} == {"real"}
    assert after[0].start >= 9.0


def test_silence_and_no_speech_are_unsure_with_their_reason_and_never_scored():
    for wave, why in ((silence(5.0), "silence"), (0.1 * np.random.default_rng(0).normal(size=5 * RATE), "no_speech")):
        model = constant(5.0)
        events = said(model.stream(), [wave])
        assert kinds(events, scores=True) == ["unsure", "end"]
        assert one(events, Unsure).why == why
        assert model.scorer.shapes == []
        end = one(events, End)
        assert (end.verdict, end.p_fake, end.llr, end.score, end.first_verdict) == ("unsure", None, None, None, None)
        assert end.reason


def test_a_pause_ends_a_fake_where_the_sound_ended_and_a_new_window_grows_behind_it():
    events = said(constant(-6.0).stream(), [speech(3.0), silence(3.0), speech(3.0)])
    assert kinds(events) == ["fake_started", "fake_ended", "unsure", "fake_started", "fake_ended", "end"]
    first, second = [event for event in events if isinstance(event, FakeEnded)]
    assert (first.start, second.start) == (pytest.approx(0.0), pytest.approx(6.0, abs=0.1))
    assert (first.end, second.end) == (pytest.approx(3.0, abs=0.1), pytest.approx(9.0, abs=0.1))
    assert first.time == 4.5  # the first look that hears a second of silence
    assert one(events, Unsure).why == "silence"
    reach = [event.start for event in events if isinstance(event, ScoreUpdate) and event.time > 6.0]
    assert min(reach) >= 5.75


def test_a_short_pause_changes_nothing():
    events = said(constant(-6.0).stream(), [speech(3.0), silence(0.7), speech(3.0)])
    assert kinds(events) == ["fake_started", "fake_ended", "end"]


def test_the_band_is_unsure_with_the_numbers_and_real_has_hysteresis():
    events = said(constant(0.5).stream(), [speech(3.0)])
    assert kinds(events) == ["unsure", "end"]
    assert "+0.50" in one(events, Unsure).reason

    falling = iter([5.0, *[0.5] * 20])  # in the band: real stays real until the threshold is passed
    events = said(detector(lambda wave: next(falling)).stream(), [speech(3.0)])
    assert {event.verdict for event in events if isinstance(event, ScoreUpdate)} == {"real"}


def test_a_stream_shorter_than_the_first_window_is_judged_at_its_end():
    events = said(constant(5.0).stream(), [speech(0.8)])
    assert kinds(events, scores=True) == ["score", "end"]
    assert (events[0].start, events[0].time, events[0].verdict) == (0.0, 0.8, "real")
    assert (
        one(said(constant(5.0).stream(), [speech(0.3)]), End).reason
        == "it lasts only 0.30 s; at least 0.5 s are needed"
    )
    assert one(said(constant(5.0).stream(), []), End).time == 0.0


def test_the_operating_point_can_be_moved():
    assert kinds(said(constant(3.0).stream(StreamConfig(threshold=9.0)), [speech(4.0)]))[0] == "fake_started"
    assert one(said(constant(3.0).stream(StreamConfig(threshold=9.0)), [speech(4.0)]), End).verdict == "fake"
    assert one(said(constant(3.0).stream(), [speech(4.0)]), End).verdict == "real"


def test_an_uncalibrated_model_gives_scores_and_no_verdict():
    events = said(detector(lambda wave: -9.0, calibration=None).stream(), [speech(4.0)])
    assert kinds(events) == ["unsure", "end"]
    assert one(events, Unsure).why == "uncalibrated"
    assert {(e.verdict, e.p_fake, e.score) for e in events if isinstance(e, ScoreUpdate)} == {("unsure", None, -9.0)}


def test_windows_are_filled_for_a_model_that_wants_it():
    model = detector(lambda wave: 5.0, model=tiny_config(short="repeat"))
    said(model.stream(), [speech(3.0)])
    assert set(model.scorer.shapes) == {(1, WINDOW)}


def test_events_are_plain_and_frozen():
    events = said(detector().stream(), [spliced(4.0, 4.0, 4.0), silence(2.0)])
    plain = [json.loads(json.dumps(event.to_dict(), allow_nan=False)) for event in events]
    assert {entry["event"] for entry in plain} == {"score", "fake_started", "fake_ended", "unsure", "end"}
    assert [entry["time"] for entry in plain] == sorted(entry["time"] for entry in plain)
    with pytest.raises(AttributeError):
        events[0].time = 3.0


def test_memory_and_work_do_not_grow_with_the_length():
    model = constant(5.0)
    stream = model.stream()
    sizes = []
    for _ in range(3):
        said_before = len(model.scorer.shapes)
        for _ in range(10):
            stream.feed(speech(3.0))
        sizes.append((len(json.dumps(stream.state())), len(model.scorer.shapes) - said_before))
    assert sizes[1][0] == pytest.approx(sizes[2][0], rel=0.01)
    assert sizes[1][1] == sizes[2][1] == 120  # 30 s: 60 hops of two windows


def test_mistakes_are_told_in_one_line():
    model = detector()
    for wrong, words in (
        ({"hop": 0}, "hop"),
        ({"hop": float("nan")}, "hop"),
        ({"threshold": float("inf")}, "threshold"),
        ({"hops": 1}, "hops"),
    ):
        from fakemamba.config import parse

        with pytest.raises(ConfigError, match=words):
            parse(StreamConfig, wrong, "stream")
    for config, words in (
        (StreamConfig(window=3.0), "longer than the model's"),
        (StreamConfig(first=2.5), "first = 2.5"),
    ):
        with pytest.raises(ConfigError, match=words):
            model.stream(config)
    stream = model.stream()
    with pytest.raises(ConfigError, match="more scores"):
        stream.settle([1.0])
    with pytest.raises(CheckpointError, match="not a number"):
        constant(float("nan")).stream().feed(speech(2.0))
    stream.push(speech(2.0))
    for early in (lambda: stream.feed(speech(1.0)), stream.end):
        with pytest.raises(ConfigError, match="wait for their scores"):
            early()
    stream.settle([1.0] * 4)
    stream.end()
    for late in (lambda: stream.feed(speech(1.0)), stream.end):
        with pytest.raises(AudioError, match="has ended"):
            late()


def test_a_refused_chunk_leaves_the_stream_as_it_was():
    wave, model = speech(4.0), detector()
    bad = wave[:100].copy()
    bad[50] = np.nan
    stream = model.stream()
    events = stream.feed(wave[:RATE])
    for chunk, rate, words in (
        (bad, None, "1.003 s is NaN"),
        (100 * wave, None, "full scale"),
        (wave, 100, "sample rate"),
        (wave, 16_000.5, "whole number"),
        (np.zeros((10, 0)), None, "channels"),
        (np.zeros((2, 2, 2)), None, "no audio"),
        (["a"], None, "no audio"),
        (np.zeros(4, np.int64), None, "full scale"),
    ):
        with pytest.raises(AudioError, match=words):
            stream.feed(chunk, rate)
    assert events + stream.feed(wave[RATE:]) + stream.end() == said(model.stream(), [wave])
