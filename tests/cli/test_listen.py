"""`fakemamba listen` as people use it: what it prints and returns, from pipes, recordings and microphones."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import soundfile

import fakemamba
from fakemamba.cli import run, sources
from fakemamba.cli.listen import _Interrupt, _Stopped
from fakes import RATE, speech, write_tiny_model

QUIET, LOUD = speech(5.0, level=0.05), speech(5.0, seed=1, level=0.9)
SPLICED = np.concatenate([QUIET, LOUD, QUIET])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the tiny model (loud is fake) and a spliced clip."""
    path = tmp_path_factory.mktemp("listen")
    write_tiny_model(path / "model", model=_short())
    soundfile.write(path / "spliced.wav", SPLICED, RATE)
    soundfile.write(path / "real.flac", QUIET, RATE)
    return path


def _short():
    from fakes import tiny_config

    return tiny_config(short="as_is")


@pytest.fixture
def listen(place, capsys, monkeypatch):
    """Run `fakemamba listen … --model model` in the folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(place)

    def call(*words, stdin=None):
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        code = run(["listen", "--model", "model", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


class Stdin:
    def __init__(self, data: bytes, terminal: bool = False) -> None:
        self.buffer = io.BytesIO(data)
        self.isatty = lambda: terminal


def events(out):
    return [json.loads(line) for line in out.splitlines()]


def pcm(wave):
    return np.round(wave * 32767).astype("<i2").tobytes()


def test_a_recording_in_plain_lines(listen):
    code, out, err = listen("spliced.wav")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert "REAL" in lines[0]
    assert any("FAKE    starts at 0:0" in line for line in lines)
    assert any("fake from 0:0" in line for line in lines)
    assert "FAKE on the whole" in lines[-1]
    assert "1 fake span" in lines[-1]
    assert len(lines) < 8
    assert len(listen("spliced.wav", "--verbose")[1].splitlines()) > 28


def test_json_lines_are_the_events_of_the_library(listen):
    code, out, _ = listen("spliced.wav", "--json")
    assert code == 0
    stream = fakemamba.load("model").stream()
    wave, _ = soundfile.read("spliced.wav", dtype="float32")
    expected = [json.loads(json.dumps(event.to_dict())) for event in stream.feed(wave) + stream.end()]
    assert events(out) == expected
    assert {"score", "fake_started", "fake_ended", "end"} <= {event["event"] for event in expected}


def test_stdin_as_wav_and_as_raw_says_the_same(listen, place):
    whole = events(listen("spliced.wav", "--json")[1])
    wav = (place / "spliced.wav").read_bytes()
    assert events(listen("-", "--json", stdin=wav)[1]) == whole
    assert events(listen("-", "--json", stdin=wav[44:])[1]) == whole
    stereo = np.stack([SPLICED, SPLICED], axis=1).astype("<f4").tobytes()
    raw = events(listen("-", "--json", "--format", "f32le", "--channels", "2", "--rate", "16000", stdin=stereo)[1])
    assert [event["event"] for event in raw] == [event["event"] for event in whole]


def test_fail_on_fake(listen):
    assert listen("spliced.wav", "--fail-on-fake")[0] == 1
    assert listen("real.flac", "--fail-on-fake")[0] == 0


def test_options_reach_the_stream(listen):
    times = [e["time"] for e in events(listen("real.flac", "--json", "--hop", "1")[1]) if e["event"] == "score"]
    assert times == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert events(listen("real.flac", "--json", "--threshold", "100")[1])[-1]["verdict"] == "fake"
    assert events(listen("spliced.wav", "--json", "--seconds", "3")[1])[-1]["time"] == pytest.approx(3.0, abs=0.11)


def test_real_time_waits_for_what_is_not_yet_heard(listen, monkeypatch):
    clock = types.SimpleNamespace(now=100.0, slept=0.0)

    def sleep(seconds):
        clock.now += seconds
        clock.slept += seconds

    monkeypatch.setattr(sources, "time", types.SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    assert listen("real.flac", "--real-time")[0] == 0
    assert clock.slept == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        ([""], None, "name is empty"),
        (["nope.wav"], None, "nope.wav: no such file"),
        (["-"], b"", "stdin: is empty"),
        (["-"], b"fLaC" + bytes(50), "looks like FLAC"),
        (["-", "--format", "s17"], b"", "'s17' is not known; use one of s16le"),
        (["-", "--rate", "10"], b"", "10 Hz"),
        (["real.flac", "--rate", "8000"], None, "use them with -"),
        (["real.flac", "--device", "1"], None, "--device"),
        (["-", "--real-time"], b"", "--real-time"),
        (["real.flac", "--seconds", "0"], None, "--seconds"),
        (["real.flac", "--hop", "0"], None, "hop"),
        (["real.flac", "--hop", "3"], None, "longer than the window"),
        (["real.flac", "--threads", "0"], None, "threads"),
    ],
)
def test_mistakes_are_told_in_one_line(listen, words, stdin, told):
    code, out, err = listen(*words, stdin=stdin)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert told in err
    assert err.count("\n") == 1


def test_a_terminal_as_stdin_is_no_pipe(listen, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"", terminal=True))
    code, _, err = listen("-")
    assert code == 2
    assert "nothing is piped" in err


def test_help_loads_nothing_and_shows_the_pipe(capsys):
    assert run(["listen", "--help"]) == 0
    assert "ffmpeg -re" in capsys.readouterr().out


class FakeSound(types.SimpleNamespace):
    """sounddevice as far as it is used here: delivers `wave` from its own rate as soon as it is opened."""

    class PortAudioError(Exception):
        pass

    def __init__(self, wave=None, rate=16_000, trouble=None):
        super().__init__(wave=wave, rate=rate, trouble=trouble, asked=None)

    def query_devices(self, device=None, kind=None):
        info = {"name": "Mic [1]", "max_input_channels": 2, "default_samplerate": float(self.rate)}
        if kind is None:
            return [info, {**info, "name": "Speaker", "max_input_channels": 0}]
        if self.trouble:
            raise self.PortAudioError(self.trouble)
        self.asked = device
        return info

    def InputStream(self, *, callback, blocksize, **_options):
        from contextlib import contextmanager

        @contextmanager
        def opened():
            for start in range(0, len(self.wave), blocksize):
                callback(self.wave[start : start + blocksize, None], blocksize, None, None)
            yield

        return opened()


@pytest.fixture
def microphone(monkeypatch):
    def plug(**facts):
        sound = FakeSound(**facts)
        monkeypatch.setitem(sys.modules, "sounddevice", sound)
        return sound

    return plug


def test_the_microphone_is_heard(listen, microphone):
    sound = microphone(wave=speech(4.0, seed=1, level=0.9))
    code, out, _ = listen("--json", "--seconds", "3.9", "--device", "7")
    assert code == 0
    assert sound.asked == 7
    assert events(out)[-1]["verdict"] == "fake"


def test_blocks_that_find_no_place_are_reported_and_times_stay_true(listen, microphone):
    microphone(wave=speech(9.0, level=0.05))  # all at once, and 5 s have a place; then one more block is heard
    keep_in = sources._keep_in
    code, out, _ = listen("--json", "--seconds", "5")
    assert code == 0
    assert "dropped" not in {event["event"] for event in events(out)}

    import queue

    blocks = queue.Queue(2)
    keep = keep_in(blocks)
    for level in (0.1, 0.2, 0.3, 0.4):
        keep(np.full((1600, 1), level, np.float32), 16_000)
    assert [blocks.get().dropped, blocks.get().dropped] == [0.0, 0.0]
    keep(np.full((1600, 1), 0.5, np.float32), 16_000)
    late = blocks.get()
    assert late.dropped == pytest.approx(0.2)
    assert len(late.samples) == 4800
    assert not late.samples[:3200].any()


def test_dropped_blocks_are_shown(listen, monkeypatch):
    def lossy(path, **_options):
        yield sources.Block(QUIET, RATE, time.monotonic())
        yield sources.Block(QUIET, RATE, time.monotonic(), dropped=0.3)

    monkeypatch.setattr(sources, "file_blocks", lossy)
    assert {"event": "dropped", "time": 5.0, "seconds": 0.3} in events(listen("x", "--json")[1])
    assert "0.3 s were lost: this machine is too slow" in listen("x")[1]


def test_microphones_are_listed(listen, microphone):
    microphone()
    assert listen("--list-devices")[1] == "0  Mic [1]  (2 channels, 16000 Hz)\n"


def test_no_microphone_is_one_line(listen, microphone, monkeypatch):
    microphone(trouble="Error querying device -1\nmore")
    code, _, err = listen()
    assert code == 2
    assert "no microphone can be opened (Error querying device -1); see" in err
    assert err.count("\n") == 1
    assert "the input 'x'" in listen("--device", "x")[2]
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for words in ([], ["--list-devices"]):
        code, _, err = listen(*words)
        assert code == 2
        assert "pip install 'fakemamba[live]'" in err


def test_ctrl_c_ends_with_the_summary(listen, monkeypatch, microphone):
    def pressed(path, **_options):
        yield sources.Block(QUIET, RATE, time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        yield sources.Block(QUIET, RATE, time.monotonic())

    monkeypatch.setattr(sources, "file_blocks", pressed)
    before = signal.getsignal(signal.SIGINT)
    code, out, err = listen("x", "--json")
    assert (code, err) == (130, "")
    assert events(out)[-1]["event"] == "end"
    assert events(out)[-1]["time"] == 5.0
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(sources, "microphone_blocks", pressed)  # a microphone has no other end
    assert listen("--json")[0] == 0


def test_ctrl_c_while_waiting_ends_at_once_and_twice_at_any_time():
    interrupt = _Interrupt()
    assert interrupt.waiting(lambda: 5) == 5
    with pytest.raises(_Stopped):
        interrupt.waiting(interrupt.press)
    assert interrupt.stop()
    with pytest.raises(_Stopped):
        interrupt.waiting(lambda: 5)
    with pytest.raises(KeyboardInterrupt):
        interrupt.press()


def test_the_meter_draws_all_events(listen, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = listen("spliced.wav")
    assert code == 0
    for word in ("level", "p_fake", "past", "ms behind", "█", "starts at", "on the whole"):
        assert word in out


def test_a_reader_that_leaves_early_is_no_error(place):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "fakemamba", "listen", "-m", "model", "--json", "spliced.wav"],
        cwd=place,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
