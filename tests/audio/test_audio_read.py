import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from audio_makers import RATE, Pipe, encoded, noise, tone, wav_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.audio import load_audio, open_audio
from fakemamba.errors import FakeMambaWarning

LOSSLESS = {"PCM_16": 4e-5, "PCM_24": 2e-7, "PCM_32": 1e-7, "FLOAT": 1e-7, "DOUBLE": 1e-7, "PCM_U8": 8e-3}
COMPANDED = {"ALAW": 0.02, "ULAW": 0.02}


def snr(wave, reference):
    n = min(len(wave), len(reference))
    error = wave[:n] - reference[:n]
    return 10 * np.log10(np.sum(reference[:n] ** 2) / (np.sum(error**2) + 1e-20))


@pytest.mark.parametrize(("subtype", "tolerance"), [*LOSSLESS.items(), *COMPANDED.items()])
def test_every_wav_subtype_reads_alike(subtype, tolerance):
    wave = load_audio(encoded(tone(), subtype=subtype))
    assert wave.dtype == np.float32
    np.testing.assert_allclose(wave, tone(), atol=tolerance)


@pytest.mark.parametrize(
    ("container", "subtype", "endian"),
    [
        ("AIFF", "PCM_16", None),
        ("FLAC", "PCM_16", None),
        ("FLAC", "PCM_24", None),
        ("RF64", "PCM_16", None),
        ("W64", "PCM_16", None),
        ("CAF", "PCM_16", None),
        ("AU", "PCM_16", None),
        ("WAV", "PCM_16", "BIG"),
    ],
)
def test_lossless_containers(container, subtype, endian):
    wave = load_audio(encoded(tone(), container=container, subtype=subtype, endian=endian))
    np.testing.assert_allclose(wave, tone(), atol=4e-5)


@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_lossy_formats_keep_sound_and_length(container, subtype):
    wave = load_audio(encoded(tone(2.0), container=container, subtype=subtype))
    assert len(wave) == pytest.approx(2 * RATE, abs=32)
    assert snr(wave, tone(2.0)) > 15


def test_content_decides_not_the_extension(tmp_path):
    for name, container in (("a.mp3", "WAV"), ("b.wav", "MP3"), ("c.txt", "FLAC"), ("d.raw", "OGG"), ("e", "AIFF")):
        (tmp_path / name).write_bytes(encoded(tone(), container=container))
        assert len(load_audio(tmp_path / name)) == pytest.approx(RATE, abs=32)


def test_every_kind_of_source_gives_the_same(tmp_path):
    data = encoded(tone())
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    expected = load_audio(data)
    at_its_end = io.BytesIO(data)
    at_its_end.seek(0, io.SEEK_END)
    with path.open("rb") as file:
        for source in (path, str(path), io.BytesIO(data), at_its_end, file, Pipe(data), (expected, RATE)):
            np.testing.assert_array_equal(load_audio(source), expected)
        assert not file.closed, "a caller's file object stays open"


def test_names_for_messages(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(tone(0.1)))
    names = {str(path): path, "<bytes>": path.read_bytes(), "<stdin>": Pipe(path.read_bytes())}
    names |= {"<array>": (tone(), RATE), "<file>": io.BytesIO(path.read_bytes())}
    for name, source in names.items():
        with open_audio(source) as stream:
            assert stream.name == name


def test_what_a_stream_tells_of_its_source():
    with open_audio(encoded(np.stack([tone(2.0, 44_100)] * 2, 1), 44_100, "FLAC")) as stream:
        assert (stream.sample_rate, stream.channels, stream.duration) == (44_100, 2, 2.0)
        assert stream.format == "FLAC PCM_16"
        assert stream.warnings == ()
        assert sum(map(len, stream.blocks())) == 2 * RATE


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_streamed_resampling_equals_resampling_at_once(rate):
    samples = noise(5.0, rate)
    wave = load_audio((samples, rate))
    np.testing.assert_allclose(wave, soxr.resample(samples, rate, RATE, "HQ"), atol=1e-6)
    assert snr(load_audio((tone(1.0, rate), rate))[800:-800], tone(1.0)[800:-800]) > 60


def test_downsampling_leaves_no_alias():
    assert np.abs(load_audio((tone(1.0, 48_000, hertz=11_000), 48_000)))[800:-800].max() < 1e-4


def test_channels_are_mixed_to_their_mean():
    channels = np.stack([tone(hertz=f) for f in range(200, 1000, 100)], 1)
    np.testing.assert_allclose(load_audio(encoded(channels, subtype="FLOAT")), channels.mean(1), atol=1e-7)


def test_opposite_phase_is_told():
    with open_audio((np.stack([tone(), -0.99 * tone()], 1), RATE)) as stream:
        list(stream.blocks())
        assert "cancel" in stream.warnings[0]


@given(seconds=st.floats(0.001, 3.0))
@settings(max_examples=15, deadline=None)
def test_blocks_of_any_length_are_the_same_audio(seconds):
    data = encoded(noise(2.5, 22_050), 22_050)
    with open_audio(data) as stream:
        blocks = list(stream.blocks(seconds))
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(data))
    assert {len(block) for block in blocks[:-1]} <= {round(seconds * RATE)}


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_with_a_writer():
    """What the shell passes for <(command)."""
    reader, writer = os.pipe()

    def write():
        with os.fdopen(writer, "wb") as file:
            file.write(encoded(tone(5.0)))  # more than a pipe holds at once

    thread = threading.Thread(target=write)
    thread.start()
    wave = load_audio(f"/dev/fd/{reader}")
    thread.join()
    os.close(reader)
    np.testing.assert_allclose(wave, tone(5.0), atol=4e-5)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_wav_from_a_pipe_promises_nothing(size):
    """FFmpeg, SoX and arecord cannot go back to write the size."""
    with open_audio(wav_bytes(b"\1\0" * 8000, promised=size)) as stream:
        assert sum(map(len, stream.blocks())) == 8000
        assert stream.warnings == ()


def test_a_flac_of_unknown_length():
    data = bytearray(encoded(noise(5.0), container="FLAC"))
    data[21] &= 0xF0  # STREAMINFO: the low 36 bits before the MD5 are the number of samples
    data[22:26] = bytes(4)
    with open_audio(bytes(data)) as stream:
        assert stream.duration is None
        assert sum(map(len, stream.blocks())) == 5 * RATE
        assert stream.warnings == ()


@pytest.mark.parametrize("container", ["WAV", "RF64", "W64", "AIFF", "FLAC", "MP3", "OGG"])
def test_a_cut_file_gives_what_is_there_and_says_so(container):
    data = encoded(noise(20.0), container=container)
    with open_audio(data[: len(data) // 2]) as stream:
        wave = np.concatenate(list(stream.blocks()))
        assert 7.0 * RATE < len(wave) < 13.0 * RATE
        assert len(stream.warnings) == 1
        assert "cut short" in stream.warnings[0] or "damaged at" in stream.warnings[0]
    with pytest.warns(FakeMambaWarning, match="<bytes>: "):
        load_audio(data[: len(data) // 2])


def test_a_cut_wav_names_both_lengths():
    with open_audio(wav_bytes(b"\1\0" * RATE, promised=2 * 3 * RATE)) as stream:
        list(stream.blocks())
        assert stream.warnings == ("cut short: its header promises 3.00 s, 1.00 s could be read",)


def test_a_lying_header_allocates_nothing():
    with open_audio(wav_bytes(b"\1\0" * RATE, promised=0xF0000000)) as stream:
        assert stream.duration == 1.0
        assert sum(map(len, stream.blocks())) == RATE
        assert "cut short" in stream.warnings[0]


def test_an_unclosed_recording_is_read():
    data = wav_bytes(b"\1\0" * RATE, promised=0)
    assert len(load_audio(data[:4] + bytes(4) + data[8:])) == RATE


def test_chunks_before_the_data_are_walked():
    odd = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    assert len(load_audio(wav_bytes(b"\1\0" * 800, chunks=odd * 20))) == 800


def test_peaks_over_full_scale():
    with open_audio((4.0 * tone(), RATE)) as stream:  # 1.2: as much as codecs overshoot
        assert np.abs(np.concatenate(list(stream.blocks()))).max() == 1.0
        assert stream.warnings == ()
    loud = encoded(9.0 * tone(), subtype="FLOAT")
    with pytest.warns(FakeMambaWarning, match=r"peaks reach 2\.7"):
        assert np.abs(load_audio(loud)).max() == 1.0


def test_soundfile_itself_agrees():
    data = encoded(noise(3.0), container="OGG")
    np.testing.assert_array_equal(load_audio(data), soundfile.read(io.BytesIO(data), dtype="float32")[0])
