"""Codecs: the right length, nothing late, the real tables, and only what this machine has."""

import io

import numpy as np
import pytest
import soundfile

from fakemamba.augment import codecs
from fakemamba.augment import media as ffmpeg
from fakemamba.augment.codec import FAMILIES, Codec
from fakemamba.augment.g711 import companded
from fakemamba.augment.spectral import fast_length
from fakemamba.errors import ConfigError, MissingExtraError

WITHOUT_PYAV = {"mp3", "vorbis", "opus", "alaw", "mulaw", "gsm", "ima_adpcm", "ms_adpcm"}


def vowels(length: int) -> np.ndarray:
    """(length,) float32: harmonics of a moving pitch under moving formants, which speech codecs understand."""
    seconds = np.arange(length) / 16_000
    pitch = 130 + 30 * np.sin(2 * np.pi * 1.3 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    formant = 700 + 400 * np.sin(2 * np.pi * 2.1 * seconds)
    wave = sum(np.cos(k * phase) * np.exp(-(((k * pitch - formant) / 500) ** 2)) for k in range(1, 24))
    return (0.2 * wave * (1.1 + np.sin(2 * np.pi * 3.7 * seconds)) / 2).astype(np.float32)


def delay(reference: np.ndarray, wave: np.ndarray) -> int:
    """Samples by which `wave` is late, by cross-correlation."""
    size = fast_length(2 * len(reference))
    product = np.fft.rfft(wave, size) * np.conj(np.fft.rfft(reference, size))
    place = int(np.argmax(np.fft.irfft(product, size)))
    return place if place < size // 2 else place - size


CASES = [(name, rate, level) for name in FAMILIES for rate in sorted(set(FAMILIES[name].rates)) for level in (0.1, 0.9)]


@pytest.mark.parametrize(("name", "rate", "level"), CASES)
def test_codecs_keep_the_time(name, rate, level):
    if name not in codecs():
        pytest.skip(f"{name} needs PyAV with its encoder")
    wave = vowels(16_000)
    out = Codec(name, rate, level).apply(wave)
    assert out.shape == wave.shape
    assert out.dtype == np.float32
    assert abs(delay(wave, out)) <= 32  # 2 ms
    assert np.corrcoef(wave, out)[0, 1] > 0.5
    assert not np.array_equal(wave, out)


@pytest.mark.parametrize("name", sorted(FAMILIES))
@pytest.mark.parametrize("length", [400, 2777])
def test_short_and_hard_inputs(name, length):
    if name not in codecs():
        pytest.skip(f"{name} needs PyAV with its encoder")
    for wave in (vowels(length), np.zeros(length), np.full(length, 0.9), 3 * np.sign(vowels(length))):
        for seed in range(2):
            codec = Codec.draw(np.random.default_rng(seed), available={name})
            out = codec.apply(wave.astype(np.float32))
            assert out.shape == (length,)
            assert np.isfinite(out).all()


@pytest.mark.parametrize(("law", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
def test_g711_is_libsndfiles(law, subtype):
    samples = np.arange(-32767, 32768, dtype=np.int16)
    memory = io.BytesIO()
    soundfile.write(memory, samples, 8000, format="WAV", subtype=subtype)
    memory.seek(0)
    theirs = soundfile.read(memory, dtype="float32")[0]
    ours = companded(samples.astype(np.float32) / 32767, law)
    # The two may put a sample that lies on the border of two steps into either.
    assert (ours == theirs).mean() > 0.98
    assert np.abs(ours - theirs).max() <= 1024 / 32768


def test_a_draw_keeps_to_what_is_available():
    rng = np.random.default_rng(0)
    assert {Codec.draw(rng, available={"gsm", "alaw", "unheard of"}).name for _ in range(50)} == {"gsm", "alaw"}
    with pytest.raises(ConfigError, match=r"no codec to draw.*mp3"):
        Codec.draw(rng, available=())


def test_a_fixed_choice_is_the_same_draw_everywhere():
    first = [Codec.draw(np.random.default_rng(seed), available=WITHOUT_PYAV) for seed in range(20)]
    backwards = sorted(WITHOUT_PYAV, reverse=True)
    assert first == [Codec.draw(np.random.default_rng(seed), available=backwards) for seed in range(20)]


def test_without_pyav_its_codecs_are_left_out_and_named_when_forced(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    ffmpeg.can.cache_clear()
    try:
        assert codecs() == WITHOUT_PYAV
        with pytest.raises(MissingExtraError, match=r"fakemamba\[media\]"):
            Codec("aac", 16_000).apply(vowels(2000))
    finally:
        ffmpeg.can.cache_clear()


def test_an_encoder_that_ffmpeg_lacks_is_no_codec():
    pytest.importorskip("av")
    assert not ffmpeg.can("no such encoder")
