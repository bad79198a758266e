"""The shipped model hears a fake that is spliced into genuine speech, from the shipped clips; through FFmpeg too."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fakemamba
from conftest import ROOT
from fakemamba.audio import load_audio, speech_activity
from fakemamba.stream import Event

RATE = 16_000
HOP = 0.5


def clip(name: str) -> np.ndarray:
    return load_audio(ROOT / "examples" / name)


def spliced(cut: float = 0.0) -> tuple[np.ndarray, float, float]:
    """A woman reads her sentence twice, a synthesizer speaks, she reads twice again; `cut` seconds off the front."""
    genuine, fake = clip("genuine.flac"), clip("synthetic-espeak.wav")
    before = np.concatenate([genuine, genuine])[round(cut * RATE) :]
    wave = np.concatenate([before, fake, genuine, genuine])
    return wave, len(before) / RATE, (len(before) + len(fake)) / RATE


@pytest.fixture(scope="module")
def detector() -> fakemamba.Detector:
    return fakemamba.load(threads=1)


@pytest.mark.parametrize("cut", [0.0, 0.17, 0.33])
def test_a_spliced_fake_is_marked_within_a_hop(detector: fakemamba.Detector, cut: float) -> None:
    wave, start, end = spliced(cut)
    stream = detector.stream()
    events: list[Event] = stream.feed(wave) + stream.end()
    (marked,) = [event for event in events if isinstance(event, fakemamba.stream.FakeEnded)]
    assert marked.start == pytest.approx(start, abs=HOP)
    assert marked.end == pytest.approx(end, abs=HOP)


def test_the_first_verdict_comes_within_one_and_a_half_seconds(detector: fakemamba.Detector) -> None:
    """Of speech that is found as such: of the genuine clip's first second the activity says nothing."""
    for name in ("genuine.flac", "synthetic-espeak.wav", "synthetic-flite.ogg"):
        wave = clip(name)
        onset = np.flatnonzero(speech_activity(wave))[0] * 0.02
        for lead in (0.0, 0.6, 1.3, 2.7):
            stream = detector.stream()
            stream.feed(np.concatenate([np.zeros(round(lead * RATE), np.float32), wave]))
            assert stream.end()[-1].first_verdict <= lead + onset + 1.5 + 0.1, (name, lead)


def test_ffmpeg_at_the_speed_of_life_into_listen(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("needs the program ffmpeg")
    wave, start, end = spliced(3.0)  # 13 s of sound take 13 s
    soundfile.write(tmp_path / "call.flac", wave, RATE)
    command = [ffmpeg, "-loglevel", "error", "-re", "-i", str(tmp_path / "call.flac"), "-f", "wav", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as source:
        heard = subprocess.run(
            [sys.executable, "-m", "fakemamba", "listen", "-", "--json", "--threads", "1", "--fail-on-fake"],
            stdin=source.stdout,
            stdout=subprocess.PIPE,
            check=False,
        )
    events = [json.loads(line) for line in heard.stdout.splitlines()]
    assert heard.returncode == 1
    (started,) = [event for event in events if event["event"] == "fake_started"]
    (ended,) = [event for event in events if event["event"] == "fake_ended"]
    assert started["start"] == ended["start"] == pytest.approx(start, abs=HOP)
    assert ended["end"] == pytest.approx(end, abs=HOP)
    assert events[-1]["event"] == "end"
