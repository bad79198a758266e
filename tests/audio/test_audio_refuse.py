import io
import os
import socket
import sys

import numpy as np
import pytest
from audio_makers import RATE, Pipe, encoded, noise, tone, wav_bytes

from fakemamba.audio import load_audio, open_audio
from fakemamba.errors import AudioError


def refusal(source):
    """The message, which must be one printable line that begins with the source's name."""
    with pytest.raises(AudioError) as caught:
        load_audio(source)
    message = str(caught.value)
    assert message.isprintable(), "one line, whatever the name"
    assert "Traceback" not in message
    return message


def test_paths_that_cannot_be_opened(tmp_path, monkeypatch):
    assert refusal(tmp_path / "no.wav") == f"{tmp_path}/no.wav: no such file; check the path"
    assert "is a directory" in refusal(tmp_path)
    assert "is empty" in refusal("")
    assert "download it first" in refusal("https://example.org/a.wav")
    assert "NUL" in refusal("a\0b.wav")
    assert "name too long" in refusal("a" * 5000).lower()
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    assert "is a link to a file that does not exist" in refusal(tmp_path / "broken")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "symbolic links" in refusal(tmp_path / "loop")
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(tone()))

    def denied(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    assert refusal(path).startswith(f"{path}: no permission to read it")


def test_names_stay_on_one_line(tmp_path):
    assert "a\\nb.wav: no such file" in refusal(tmp_path / "a\nb.wav")
    name = os.fsdecode(b"caf\xe9.wav")
    assert "caf\\udce9.wav: no such file" in refusal(tmp_path / name)
    (tmp_path / name).write_bytes(encoded(tone()))
    assert len(load_audio(tmp_path / name)) == RATE
    (tmp_path / "x\ny").write_bytes(encoded(tone()))
    with open_audio(str(tmp_path / "x\ny")) as stream:
        assert stream.name.isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_pipes_devices_and_sockets(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "nobody writes" in refusal(tmp_path / "pipe")
    assert "is a device" in refusal("/dev/zero")
    assert "is a device" in refusal("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "or a socket" in refusal(tmp_path / "s")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\x89PNG\r\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x7fELF", "program"),
        (b"\x93NUMPY\x01", "NumPy"),
        (b"MThd\0\0\0\6", "MIDI"),
        ("Grüße, plain text\n".encode() * 400, "text"),
        ("Grüße".encode("utf-16") * 400, "text"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://example.org/a.aac\n", "text"),
        (b"<!doctype html><p>404</p>", "text"),
        (bytes(50_000), "zero bytes"),
        (b"\0", "zero bytes"),
    ],
)
def test_what_is_no_audio_is_named(tmp_path, head, kind):
    path = tmp_path / "voice.wav"
    path.write_bytes(head)
    message = refusal(path)
    assert message.startswith(f"{path}: not audio that can be read (looks like ")
    assert kind in message
    assert kind in refusal(Pipe(head))


def test_random_bytes_are_no_audio():
    data = b"\1\2\3\4" + np.random.default_rng(0).bytes(50_000)
    assert "begins with the bytes 01 02 03 04" in refusal(data)


def test_nothing_at_all(tmp_path):
    assert refusal(b"") == "<bytes>: is empty (0 bytes); nothing was recorded or copied"
    assert refusal(Pipe(b"")).startswith("<stdin>: is empty")
    assert refusal(io.BytesIO()).startswith("<file>: is empty")


@pytest.mark.parametrize("container", ["WAV", "AIFF", "OGG", "W64", "RF64"])
def test_zero_samples(container):
    assert "sample" in refusal(encoded(np.zeros(0, np.float32), container=container))


@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3", "OGG", "AIFF", "W64"])
def test_headers_alone_and_their_stumps(container):
    data = encoded(noise(2.0), container=container)
    for size in (1, 4, 12, 30, 44):
        message = refusal(data[:size])
        assert message.startswith("<bytes>: ")


def test_a_wav_header_alone():
    assert "header but no samples" in refusal(wav_bytes())
    assert "header but no samples" in refusal(wav_bytes(promised=32_000))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"rate": 0}, "0 Hz"),
        ({"channels": 0}, "0 channels"),
        ({"channels": 1000}, "1000 channels"),
        ({"channels": 65_535}, "WAV cannot be decoded"),
        ({"rate": 1000}, "1000 Hz is too low to judge speech"),
        ({"rate": 3999}, "too low"),
        ({"rate": 2_000_000_000}, "broken header"),
        ({"rate": 0xFFFFFFFF}, ""),
        ({"tag": 0x4242}, "WAV cannot be decoded"),
        ({"bits": 0}, "WAV cannot be decoded"),
    ],
)
def test_absurd_headers(header, said):
    assert said in refusal(wav_bytes(b"\1\0" * 32_000, **header))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_inf(bad):
    samples = tone(2.0)
    samples[RATE] = bad
    for source in (encoded(samples, subtype="FLOAT"), (samples, RATE)):
        assert "the sample at 1.000 s is NaN or infinite" in refusal(source)


def test_floats_that_were_never_scaled():
    for samples in (tone() * 32768, (tone() * 32768).astype(np.float64)):
        assert "full scale is 1; divide" in refusal((samples, RATE))
    assert "full scale is 1" in refusal(encoded(tone() * 32768, subtype="FLOAT"))


def test_the_wrong_kind_of_thing():
    assert "text mode" in refusal(io.StringIO("hello"))
    assert "text mode" in refusal(sys.__stdout__) if isinstance(sys.__stdout__, io.TextIOBase) else True
    for thing in (None, 3, [0.1, 0.2], tone()):
        assert "give a path, bytes, a binary file or (array, sample_rate)" in refusal(thing)


class Failing(io.BytesIO):
    """A network file whose connection breaks after the header."""

    def __init__(self, data, error):
        super().__init__(data)
        self.error = error

    def read(self, size=-1):
        if self.tell() > 5_000:
            raise self.error
        return super().read(min(size, 4096))


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), RuntimeError("connection\nreset")])
@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_a_file_object_that_fails_midway(error, container, capfd):
    message = refusal(Failing(encoded(noise(9.0), container=container), error))
    assert message.startswith("<file>: reading failed (")
    assert capfd.readouterr().err == "", "no traceback from a C callback"


def test_an_interrupt_is_not_swallowed(capfd):
    with pytest.raises(KeyboardInterrupt):
        load_audio(Failing(encoded(noise(9.0)), KeyboardInterrupt()))
    assert "Traceback" not in capfd.readouterr().err


def test_a_stream_is_read_once():
    with open_audio((tone(), RATE)) as stream:
        list(stream.blocks())
        with pytest.raises(AudioError, match="read already"):
            stream.blocks()


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), 1e-9])
def test_blocks_must_hold_a_sample(seconds):
    with open_audio((tone(), RATE)) as stream, pytest.raises(AudioError, match="hold no sample"):
        stream.blocks(seconds)


def test_too_short_for_one_sample():
    assert "too short" in refusal((np.zeros(1, np.float32), 192_000))
