"""The same audio gives the same events: however it is cut, whoever scores, and whether or not it was saved."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import detector, kinds, said, silence, spliced

from fakemamba.errors import ConfigError
from fakemamba.stream import StreamConfig
from fakes import speech

WAVE = np.concatenate([silence(0.4), spliced(3.0, 3.0, 2.7), silence(1.3), speech(1.6)])
MODEL = detector()
EXPECTED = said(MODEL.stream(), [WAVE])
CUTS = st.lists(st.integers(0, len(WAVE)), max_size=12).map(sorted)


def pieces(wave, cuts):
    """Cut at shares of the length, so that the same cuts serve at every rate."""
    return np.split(wave, [round(cut * len(wave) / len(WAVE)) for cut in cuts])


def test_the_sound_used_here_has_all_kinds_of_events():
    assert set(kinds(EXPECTED, scores=True)) == {"score", "fake_started", "fake_ended", "unsure", "end"}


@given(CUTS)
@settings(max_examples=25)
def test_any_chunking_gives_the_same_events(cuts):
    assert said(MODEL.stream(), pieces(WAVE, cuts)) == EXPECTED


def test_single_samples_give_the_same_events():
    stream = MODEL.stream()
    events = [event for sample in WAVE[:20_000] for event in stream.feed([sample])]
    assert events + stream.feed(WAVE[20_000:]) + stream.end() == EXPECTED


def at(rate, channels=1, dtype="float32"):
    """WAVE as a sound card at another rate would give it."""
    import soxr

    wave = np.clip(soxr.resample(WAVE, 16_000, rate, quality="VHQ"), -1, 1)
    wave = wave if channels == 1 else np.stack([wave] * channels, axis=1)
    return np.round(wave * 32767).astype(np.int16) if dtype == "int16" else wave.astype(dtype)


@given(
    CUTS, st.sampled_from([(8_000, 1, "int16"), (11_025, 2, "float64"), (44_100, 2, "int16"), (48_000, 1, "float32")])
)
@settings(max_examples=20)
def test_any_chunking_at_any_rate_gives_the_same_events(cuts, kind):
    wave = at(*kind)
    assert said(MODEL.stream(), pieces(wave, cuts), kind[0]) == said(MODEL.stream(), [wave], kind[0])


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_a_rate_that_loses_nothing_gives_the_events_of_16_khz(rate):
    events = said(MODEL.stream(), [at(rate)], rate)
    assert kinds(events, scores=True) == kinds(EXPECTED, scores=True)
    for ours, theirs in zip(events, EXPECTED, strict=True):
        assert ours.time == pytest.approx(theirs.time, abs=1e-3)
        if ours.event == "score":
            assert ours.llr == pytest.approx(theirs.llr, abs=0.02)
        if ours.event == "fake_ended":
            assert (ours.start, ours.end) == pytest.approx((theirs.start, theirs.end), abs=0.11)


@given(CUTS, st.data())
@settings(max_examples=20)
def test_a_saved_stream_goes_on_as_if_nothing_had_been(cuts, data):
    chunks = pieces(at(22_050), cuts)
    stop = data.draw(st.integers(0, len(chunks)))
    stream = MODEL.stream()
    events = [event for chunk in chunks[:stop] for event in stream.feed(chunk, 22_050)]
    saved = json.dumps(stream.state(), allow_nan=False)
    stream.feed(speech(1.0), 16_000)  # what the old one hears afterwards is nothing to the new one
    again = MODEL.stream(state=json.loads(saved))
    assert json.dumps(again.state()) == saved
    assert events + said(again, chunks[stop:], 22_050) == said(MODEL.stream(), [at(22_050)], 22_050)


def test_a_state_remembers_its_configuration():
    config = StreamConfig(hop=0.3, start_evidence=1.0)
    stream = MODEL.stream(config)
    events = stream.feed(WAVE[:50_000])
    state = stream.state()
    assert MODEL.stream(state=state).config == config
    assert events + said(MODEL.stream(config, state=state), [WAVE[50_000:]]) == said(MODEL.stream(config), [WAVE])


@given(CUTS, st.integers(0, 3), st.integers(0, 5))
@settings(max_examples=20)
def test_whoever_scores_gets_the_same_events(cuts, late, part):
    """Windows are scored up to `late` pushes later, first some of them and then the rest, with a save in between."""
    stream, events, due = MODEL.stream(), [], []
    for k, chunk in enumerate(pieces(WAVE, cuts)):
        due += stream.push(chunk)
        if k % (late + 1) == 0:
            scores = [float(MODEL.scorer.score(window.wave[None])[0]) for window in due]
            events += stream.settle(scores[:part])
            stream = MODEL.stream(state=json.loads(json.dumps(stream.state())))
            events += stream.settle(scores[part:])
            due = []
    due += stream.finish()
    events += stream.settle([MODEL.scorer.score(window.wave[None])[0] for window in due])
    assert events == EXPECTED


def test_windows_say_where_they_are():
    for window in MODEL.stream().push(WAVE):
        begin, end = round(window.start * 16_000), round(window.end * 16_000)
        assert window.wave.dtype == np.float32
        np.testing.assert_array_equal(window.wave, WAVE[begin:end])


def test_a_state_that_does_not_fit_is_refused_in_one_line():
    stream = MODEL.stream()
    stream.feed(WAVE[:40_000])
    good = stream.state()
    heard = good["listener"]
    short = base64.b64encode(base64.b64decode(heard["kept"])[:-4]).decode()
    for state, words in (
        ({}, "the stream's state"),
        ({**good, "format": 2}, "format"),
        ({**good, "track": {**good["track"], "sum": "much"}}, "track.sum"),
        ({**good, "listener": {**heard, "kept": "?"}}, "damaged"),
        ({**good, "listener": {**heard, "kept": short}}, "do not fit"),
        ({**good, "listener": {**heard, "looked": 0}}, "do not fit"),
        ({**good, "intake": {**good["intake"], "tail": "AAAA"}}, "damaged"),
        ({**good, "model": ["other", "00"]}, "belongs to another model"),
    ):
        with pytest.raises(ConfigError, match=words) as error:
            MODEL.stream(state=state)
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="another configuration"):
        MODEL.stream(StreamConfig(hop=0.3), state=good)
    with pytest.raises(ConfigError, match="another model"):
        detector(name="other").stream(state=good)
