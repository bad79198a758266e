"""What only FFmpeg reads, and what is said where it is not installed."""

import sys

import numpy as np
import pytest
from audio_makers import RATE, encoded, media_bytes, noise, tone, wav_bytes

from fakemamba.audio import load_audio, open_audio
from fakemamba.errors import AudioError, MissingExtraError

pytest.importorskip("av", reason="needs the media extra")

CONTAINERS = [
    ("ipod", "aac", "M4A aac"),
    ("mp4", "aac", "MP4 aac"),
    ("3gp", "aac", "3GP aac"),
    ("adts", "aac", "AAC aac"),
    ("mov", "pcm_s16le", "QuickTime video pcm_s16le"),
    ("webm", "libopus", "WebM or Matroska opus"),
    ("asf", "wmav2", "WMA or WMV wmav2"),
    ("avi", "pcm_s16le", "AVI video pcm_s16le"),
    ("mpegts", "aac", "MPEG transport stream aac"),
    ("tta", "tta", "True Audio tta"),
]


@pytest.mark.parametrize(("container", "codec", "name"), CONTAINERS)
def test_media_containers(container, codec, name, tmp_path):
    path = tmp_path / "sound.wav"  # a wrong extension besides
    path.write_bytes(media_bytes(tone(2.0), container=container, codec=codec))
    with open_audio(path) as stream:
        wave = np.concatenate(list(stream.blocks()))
        assert stream.format == name
        assert stream.warnings == ()
        assert stream.duration == pytest.approx(2.0, abs=0.2)
    assert len(wave) == pytest.approx(2 * RATE, abs=0.15 * RATE)
    spectrum = np.abs(np.fft.rfft(wave[8000:24_000]))
    assert np.argmax(spectrum) == 440
    assert np.abs(wave[8000:24_000]).max() == pytest.approx(0.3, rel=0.1)


def test_the_sound_of_a_video():
    wave = load_audio(media_bytes(tone(2.0, 48_000), 48_000, "mp4", "aac", video=True))
    assert len(wave) == pytest.approx(2 * RATE, abs=0.15 * RATE)


def test_a_video_without_sound():
    with pytest.raises(AudioError, match="<bytes>: this MP4 cannot be decoded: it has no sound track"):
        load_audio(media_bytes(None, codec=None, video=True))


def test_a_cut_video_gives_what_is_there():
    data = media_bytes(noise(8.0), movflags="faststart")
    with open_audio(data[: len(data) // 2]) as stream:
        assert 3.0 < sum(map(len, stream.blocks())) / RATE < 5.0
        assert any("cut short: its header promises 8" in warning for warning in stream.warnings)


def test_a_video_without_its_index():
    data = media_bytes(noise(2.0))
    with pytest.raises(AudioError, match="this MP4 cannot be decoded"):
        load_audio(data[: len(data) // 2])


def test_protected_sound():
    """Encrypted samples look like this to a player without the key."""
    data = media_bytes(noise(2.0))
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    with pytest.raises(AudioError, match=r"none of its \d+ packets could be decoded: protected \(DRM\) or damaged"):
        load_audio(data[:start] + b"\x5a" * size + data[start + size :])


def test_an_unknown_codec():
    data = media_bytes(noise(1.0), container="mov", codec="pcm_s16le").replace(b"sowt", b"qqqq")
    with pytest.raises(AudioError, match="unknown codec"):
        load_audio(data)


def test_playlists_make_nobody_open_other_files(tmp_path):
    """A playlist inside is refused by FFmpeg's list of containers, even if it does not look like text."""
    (tmp_path / "secret.aac").write_bytes(media_bytes(tone(), container="adts"))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/secret.aac\n#EXT-X-ENDLIST\n".encode()
    for data in (playlist, playlist + b"\0\1\2"):
        (tmp_path / "list.m3u8").write_bytes(data)
        with pytest.raises(AudioError, match="not audio that can be read"):
            load_audio(tmp_path / "list.m3u8")


def test_without_the_extra(monkeypatch):
    data = {name: media_bytes(tone(), container=name) for name in ("ipod", "matroska")}
    monkeypatch.setitem(sys.modules, "av", None)
    for name in data:
        with pytest.raises(MissingExtraError, match=r"pip install 'fakemamba\[media\]'"):
            load_audio(data[name])
    for broken in (wav_bytes(b"\1\0" * 800, tag=0x4242), encoded(noise(), container="FLAC")[:50]):
        with pytest.raises(AudioError, match=r"cannot be decoded: .*export it again"):
            load_audio(broken)
    with pytest.raises(AudioError, match=r"begins with the bytes 01 02 .*fakemamba\[media\]"):
        load_audio(b"\1\2\3" * 900)
