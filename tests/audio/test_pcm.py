"""Bytes through a pipe: every encoding as libsndfile reads it, headers whose sizes lie, and any piece length."""

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.audio.pcm import ENCODINGS, PcmFormat, PcmParser
from fakemamba.errors import AudioError
from fakes import speech

SUBTYPES = {
    "s16le": ("PCM_16", "LITTLE"),
    "s16be": ("PCM_16", "BIG"),
    "s24le": ("PCM_24", "LITTLE"),
    "s32le": ("PCM_32", "LITTLE"),
    "u8": ("PCM_U8", "LITTLE"),
    "f32le": ("FLOAT", "LITTLE"),
    "f64le": ("DOUBLE", "LITTLE"),
    "mulaw": ("ULAW", "LITTLE"),
    "alaw": ("ALAW", "LITTLE"),
}
WAVE = np.stack([speech(0.5, level=0.9), speech(0.5, seed=1, level=0.01)], axis=1)


def written(subtype="PCM_16", kind="WAV", endian="FILE"):
    file = io.BytesIO()
    soundfile.write(file, WAVE, 16_000, format=kind, subtype=subtype, endian=endian)
    return file.getvalue()


def parsed(data, raw=None, cuts=()):
    parser = PcmParser("pipe", raw)
    frames = [parser.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    parser.end()
    return np.concatenate([part for part in frames if len(part)]), parser.format


def test_every_encoding_is_read_as_libsndfile_does():
    assert set(SUBTYPES) == set(ENCODINGS)
    for encoding, (subtype, endian) in SUBTYPES.items():
        data = written(subtype, "RAW", endian)
        told = {"format": "RAW", "subtype": subtype, "endian": endian, "channels": 2, "samplerate": 8_000}
        expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", **told)
        frames, _ = parsed(data, PcmFormat(encoding, 8_000, 2))
        np.testing.assert_allclose(frames, expected, atol=1e-7, err_msg=encoding)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_a_wav_says_itself_what_it_is(subtype, kind):
    data = written(subtype, kind)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    frames, found = parsed(data, PcmFormat("f32le", 44_100, 1))  # the header wins
    assert (found.rate, found.channels) == (16_000, 2)
    np.testing.assert_allclose(frames, expected, atol=1e-7)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000 - 37, 0xFFFFFFFF - 36])
def test_sizes_that_nobody_could_know_are_not_believed(size):
    data = written()
    at = data.index(b"data") + 4
    endless = data[:4] + struct.pack("<I", 0xFFFFFFFF) + data[8:at] + struct.pack("<I", size) + data[at + 4 :]
    np.testing.assert_array_equal(parsed(endless)[0], parsed(data)[0])


def test_what_follows_the_samples_is_no_sound():
    data = written() + b"LIST" + struct.pack("<I", 4000) + bytes(range(250)) * 16
    assert len(parsed(data)[0]) == len(WAVE)


@given(st.lists(st.integers(0, 60), max_size=8), st.sampled_from(["WAV", "RAW"]), st.sampled_from(["PCM_16", "PCM_24"]))
@settings(max_examples=50)
def test_pieces_of_any_length_give_the_same_frames(cuts, kind, subtype):
    data = written(subtype, kind)[:400]
    raw = PcmFormat("s16le" if subtype == "PCM_16" else "s24le", 8_000, 2) if kind == "RAW" else None
    np.testing.assert_array_equal(parsed(data, raw, sorted(cuts))[0], parsed(data, raw)[0])


def test_nothing_said_means_16_bit_mono_at_16_khz():
    assert parsed(written(kind="RAW"))[1] == PcmFormat("s16le", 16_000, 1)


def test_what_cannot_be_judged_is_told_in_one_line():
    fmt = written()[: written().index(b"data")]
    for data, words in (
        (b"", "is empty"),
        (written()[:30], "ends within its header"),
        (written(kind="FLAC"), "looks like FLAC"),
        (b"ID3\x04" + bytes(100), "looks like MP3"),
        (b"<html><body>no such page</body></html>", "looks like text"),
        (fmt[:20] + struct.pack("<H", 85) + fmt[22:] + b"data" + bytes(50), "format 85 of 16 bits"),
        (fmt[:24] + struct.pack("<I", 100) + fmt[28:] + b"data" + bytes(50), "100 Hz"),
        (fmt[:12] + b"data" + bytes(50), "no fmt chunk"),
        (fmt[:12] + b"junk" + struct.pack("<I", 2**30), "a chunk of 1073741824 bytes"),
    ):
        with pytest.raises(AudioError, match=words) as error:
            parsed(data)
        assert "\n" not in str(error.value)
    for wrong in ({"encoding": "s17"}, {"rate": 1}, {"channels": 0}, {"channels": 999}):
        with pytest.raises(AudioError, match=r"s16le|4000|1 to 64"):
            PcmFormat(**wrong)
