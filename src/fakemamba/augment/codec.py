"""Real encoders, in memory: MP3, Vorbis, Opus, GSM, ADPCM by libsndfile, G.711 by formula, more with PyAV."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
import soundfile

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, between, fit
from fakemamba.augment.g711 import companded
from fakemamba.augment.media import can, coded
from fakemamba.augment.resampling import resample
from fakemamba.errors import ConfigError


@dataclass(frozen=True)
class Family:
    """How one codec is drawn.

    Attributes:
        weight: how often, relative to the others.
        rates: the sampling rates (Hz) that its encoder knows; a rate that stands twice comes twice as often.
        gentle, harsh: compression levels of libsndfile (0 = most bits .. 1 = fewest) at strength 0 and 1.
        container, subtype: libsndfile's names; empty where the codec is made elsewhere.
        encoder, decoder: FFmpeg's names, for codecs that need PyAV.
        bitrates: bit/s, from compression level 0 to 1, for those.
        delay: samples (at the encoder's rate) by which those arrive late.
    """

    weight: float
    rates: tuple[int, ...]
    gentle: float = 0.0
    harsh: float = 0.0
    container: str = ""
    subtype: str = ""
    encoder: str = ""
    decoder: str = ""
    bitrates: tuple[int, ...] = ()
    delay: int = 0


# Weights weigh plausibility against cost (benchmarks/augment.py): of a 4 s clip, in ms, Opus 50, MP3 28, Vorbis 16,
# AMR 15, AAC 11, GSM 8, G.722 7, ADPCM 2-3, G.711 0.5.
FAMILIES: dict[str, Family] = {
    "mp3": Family(0.16, (16_000, 16_000, 16_000, 22_050, 24_000, 24_000, 44_100), 0.2, 0.9, "MP3", "MPEG_LAYER_III"),
    "vorbis": Family(0.15, (16_000, 16_000, 22_050, 44_100), 0.0, 1.0, "OGG", "VORBIS"),
    "opus": Family(0.04, (8_000, 12_000, 16_000, 16_000, 24_000), 0.5, 1.0, "OGG", "OPUS"),
    "alaw": Family(0.15, (8_000,)),
    "mulaw": Family(0.15, (8_000,)),
    "gsm": Family(0.12, (8_000,), container="WAV", subtype="GSM610"),
    "ima_adpcm": Family(0.09, (8_000, 16_000), container="WAV", subtype="IMA_ADPCM"),
    "ms_adpcm": Family(0.09, (8_000, 16_000), container="WAV", subtype="MS_ADPCM"),
    "aac": Family(
        0.10, (16_000, 24_000, 44_100), 0, 1, "", "", "aac", "aac", (96_000, 64_000, 48_000, 32_000, 24_000), 1024
    ),
    "g722": Family(0.08, (16_000,), encoder="g722", decoder="g722", bitrates=(64_000,), delay=22),
    "amr_nb": Family(
        0.06, (8_000,), 0, 1, "", "", "libopencore_amrnb", "amrnb", (12_200, 10_200, 7_950, 6_700, 5_900, 4_750), 40
    ),
}
_OPTIONS = {"aac": {"aac_coder": "fast"}}  # a quarter of the time of FFmpeg's default search
# An MP3 stream too small for a LAME tag decodes with the delay of encoder (576) and decoder (529) in front.
_MP3_DELAY = 1105


@dataclass(frozen=True)
class Codec:
    """One encoding and decoding.

    Attributes:
        name: a key of `FAMILIES`.
        rate: Hz at which the encoder runs; the wave is resampled there and back.
        level: libsndfile's compression level, 0 .. 1, where the codec has one.
        quality: soxr's quality of the resampling.
    """

    name: str
    rate: int
    level: float = 0.0
    quality: str = "MQ"

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0, available: Collection[str] | None = None) -> Self:
        """One of the `available` codecs (None: every one that this machine has).

        Raises:
            ConfigError: `available` names no codec that exists.
        """
        allowed = codecs() if available is None else available
        names = [name for name in FAMILIES if name in allowed]
        if not names:
            raise ConfigError(f"no codec to draw: `available` must name at least one of {', '.join(FAMILIES)}")
        weights = np.array([FAMILIES[name].weight for name in names])
        name = str(rng.choice(names, p=weights / weights.sum()))
        family = FAMILIES[name]
        level = between(rng, family.gentle, family.gentle + (family.harsh - family.gentle) * strength)
        quality = str(rng.choice(("LQ", "MQ", "HQ")))
        return cls(name=name, rate=int(rng.choice(family.rates)), level=level, quality=quality)

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,), the codec's delay removed."""
        there = np.clip(resample(wave, SAMPLE_RATE, self.rate, self.quality), -1, 1)
        back = self._coded(there)
        return fit(resample(back, self.rate, SAMPLE_RATE, self.quality), len(wave))

    def _coded(self, wave: FloatArray) -> FloatArray:
        family = FAMILIES[self.name]
        if family.container:
            return self._through_file(wave)
        if not family.encoder:
            return companded(wave, self.name)
        bitrate = family.bitrates[round(self.level * (len(family.bitrates) - 1))]
        options = _OPTIONS.get(self.name, {})
        return coded(wave, self.rate, family.encoder, family.decoder, bitrate, **options)[family.delay :]

    def _through_file(self, wave: FloatArray) -> FloatArray:
        family = FAMILIES[self.name]
        options = {"compression_level": self.level} if family.harsh else {}
        if self.name == "mp3":
            options["bitrate_mode"] = "CONSTANT"  # type: ignore[assignment]
        memory = io.BytesIO()
        with soundfile.SoundFile(
            memory, "w", self.rate, 1, format=family.container, subtype=family.subtype, **options
        ) as file:
            file.write(wave)
        memory.seek(0)
        decoded: FloatArray = soundfile.read(memory, dtype="float32")[0]
        late = self.name == "mp3" and len(decoded) > len(wave)
        return decoded[_MP3_DELAY:] if late else decoded


def codecs() -> frozenset[str]:
    """The codecs that can be drawn on this machine."""
    return frozenset(name for name, family in FAMILIES.items() if not family.encoder or can(family.encoder))
