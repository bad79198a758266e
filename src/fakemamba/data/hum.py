"""Made-up voices for miniatures: harmonic tones with syllables, the fakes told apart by what vocoders get wrong."""

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]

RATE = 16_000
_HARMONICS = 12


def hum(rng: np.random.Generator, seconds: float, *, pitch: float, fake: bool, attack: int = 0) -> Wave:
    """A wave of syllables on a gliding pitch.

    The genuine wavers in pitch and has breath up to 8 kHz; the fake holds its pitch, has no breath and hums at a
    frequency of its own that depends on the attack. Both have the same level and the same syllables.

    Args:
        seconds: its length. pitch: Hz, the speaker's.
        attack: numbers the ways to fake.

    Returns:
        (seconds * 16 000,) with a peak of 0.5.
    """
    count = round(seconds * RATE)
    time = np.arange(count) / RATE
    glide = 1 + 0.1 * np.sin(2 * np.pi * (0.3 + 0.4 * rng.random()) * time + 6 * rng.random())
    if not fake:
        steps = rng.standard_normal(count // 160 + 2)
        glide += 0.015 * np.interp(np.arange(count) / 160, np.arange(len(steps)), steps)
    phase = np.mod(2 * np.pi * np.cumsum(pitch * glide) / RATE, 2 * np.pi).astype(np.float32)
    formants = np.array([500.0, 1500.0, 2500.0]) * (0.85 + 0.3 * rng.random())
    numbers = np.arange(1, _HARMONICS + 1)
    heights = np.exp(-((numbers[:, None] * pitch - formants) ** 2) / (2 * 250.0**2)).sum(axis=1) + 0.05
    wave = sum(
        np.float32(height) * np.sin(np.float32(number) * phase) for number, height in zip(numbers, heights, strict=True)
    )
    syllables = np.clip(np.sin(2 * np.pi * (3 + rng.random()) * time + 6 * rng.random()) + 0.6, 0.02, 1.0)
    voice = np.asarray(wave) * syllables
    voice /= np.abs(voice).max()
    if fake:
        voice += 0.08 * np.sin(2 * np.pi * (4_000 + 700 * attack % 3_500) * time)
    else:
        voice += 0.03 * syllables * rng.standard_normal(count)
    result: Wave = (0.5 * voice / np.abs(voice).max()).astype(np.float32)
    return result
