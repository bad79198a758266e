"""Short sounds inside a page: the beginning of a clip, coded small, as a data URI."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from fakemamba.audio import SAMPLE_RATE, open_audio
from fakemamba.errors import FakeMambaError
from fakemamba.scorer import FloatArray

SECONDS = 8.0  # of each clip: enough to hear why it fooled the model
MOST_BYTES = 3_000_000  # of all sounds of a page together, so that it can be mailed
_LEVEL = 0.5  # quiet clips are raised to this peak, up to 20 dB
_MOST_GAIN = 10.0


def players(paths: Sequence[str | Path], *, most_bytes: int = MOST_BYTES) -> list[str]:
    """Data URIs of the clips' first seconds, in order; "" for what cannot be read and from where they grow too large.

    Args:
        paths: of audio files.
        most_bytes: of all URIs together.
    """
    found: list[str] = []
    used = 0
    for path in paths:
        uri = _uri(path) if used < most_bytes else ""
        used += len(uri)
        found.append(uri if used <= most_bytes else "")
    return found


def _uri(path: str | Path) -> str:
    try:
        wave = _beginning(path)
        kind, data = _coded(wave)
    except (FakeMambaError, soundfile.SoundFileError):
        return ""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _beginning(path: str | Path) -> FloatArray:
    with open_audio(path) as stream:
        wave = next(stream.blocks(SECONDS))
    peak = float(np.abs(wave).max(initial=0.0))
    return wave * np.float32(min(_MOST_GAIN, _LEVEL / peak) if 0 < peak < _LEVEL else 1.0)


def _coded(wave: FloatArray) -> tuple[str, bytes]:
    """MP3, which every browser plays; a libsndfile without it gives 16-bit WAV."""
    out = io.BytesIO()
    if "MP3" in soundfile.available_formats():
        soundfile.write(out, wave, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
        return "audio/mpeg", out.getvalue()
    soundfile.write(out, wave, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return "audio/wav", out.getvalue()
