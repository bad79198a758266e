"""WORLD: pitch, envelope and noisiness taken apart and put together again, as measured or as a model predicts them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from recipes.builtin.manifest import RATE, Wave


def plain(_work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
    """What was measured, put together."""
    import pyworld  # type: ignore[import-untyped]

    def copy(wave: Wave, _rng: np.random.Generator) -> tuple[Wave, str]:
        x = wave.astype(np.float64)
        pitch, times = pyworld.dio(x, RATE)
        pitch = pyworld.stonemask(x, pitch, times, RATE)
        envelope = pyworld.cheaptrick(x, pitch, times, RATE)
        noisiness = pyworld.d4c(x, pitch, times, RATE)
        return pyworld.synthesize(pitch, envelope, noisiness, RATE).astype(np.float32), ""

    return copy


def smooth(_work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
    """Few cepstra, smooth in time; coded noisiness; pitch smoothed and moved."""
    import pyworld

    def copy(wave: Wave, rng: np.random.Generator) -> tuple[Wave, str]:
        x = wave.astype(np.float64)
        pitch, times = pyworld.dio(x, RATE)
        pitch = pyworld.stonemask(x, pitch, times, RATE)
        envelope = pyworld.cheaptrick(x, pitch, times, RATE)
        fft = (envelope.shape[1] - 1) * 2
        cepstra = pyworld.code_spectral_envelope(envelope, RATE, int(rng.integers(24, 60)))
        cepstra = gaussian_filter1d(cepstra, rng.uniform(0.3, 2.5), axis=0)
        coded = pyworld.code_aperiodicity(pyworld.d4c(x, pitch, times, RATE), RATE)
        voiced = pitch > 0
        contour = np.where(
            voiced, np.exp(gaussian_filter1d(np.log(np.maximum(median_filter(pitch, 5), 50.0)), 2.0)), 0.0
        )
        made = pyworld.synthesize(
            contour * rng.uniform(0.85, 1.18), pyworld.decode_spectral_envelope(cepstra, RATE, fft),
            pyworld.decode_aperiodicity(coded, RATE, fft), RATE,
        )  # fmt: skip
        return made.astype(np.float32), ""

    return copy
