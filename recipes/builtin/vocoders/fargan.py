"""FARGAN, the neural vocoder inside Opus 1.5 (arXiv 2405.21069), with the weights that its WebAssembly build carries.

Written from the paper and from Opus' sources (BSD): features every 10 ms, then sub-frames of 2.5 ms, each predicted
from the last pitch period and the sub-frame before. Many clips go through at once, since each step is a handful of
small matrices.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from recipes.builtin import keep
from recipes.builtin.manifest import RATE, Clip, Wave
from recipes.builtin.packages import run
from recipes.builtin.steps import Context
from recipes.builtin.vocode import kept, recordings
from recipes.builtin.vocoders.fit import pitch_of

FRAME, SUB = 160, 40  # samples of 10 ms and of 2.5 ms
EMPHASIS = 0.85
BANDS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 34, 40]) * 4  # edges, in bins of 50 Hz
SHORTEST, LONGEST = 32, 256  # pitch periods
DELAY = 240  # samples by which what comes out is late
PARTS, SHARE, BATCH = 4, 0.75, 24
MOVED_PARTS, MOVED_SHARE = 2, 0.4
Weights = dict[str, NDArray[np.float32]]

DUMP = """
import {writeFileSync} from 'fs';
const start = WebAssembly.instantiate;
let memory;
WebAssembly.instantiate = async (module, imports) => {
  const made = await start(module, imports);
  for (const v of Object.values((made.instance || made).exports)) if (v instanceof WebAssembly.Memory) memory = v;
  return made;
};
const {OpusMLDecoder} = await import('@wasm-audio-decoders/opus-ml');
const decoder = new OpusMLDecoder({channels: 1, speechQualityEnhancement: 'none'});
await decoder.ready;
writeFileSync(process.argv[2], new Uint8Array(memory.buffer).slice(0, 8 << 20));
process.exit(0);
"""


def weights(work: Path) -> Weights:
    """Layer name -> matrix (outputs, inputs), and NAME.bias; taken out of the decoder's memory once."""
    folder = work / "packages" / "opus-ml"
    kept = folder / "fargan.npz"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--silent", "--no-audit", "--prefix", str(folder), "@wasm-audio-decoders/opus-ml@0.0.3")
        (folder / "dump.mjs").write_text(DUMP)
        run("node", "dump.mjs", "memory.bin", cwd=folder)
        found = read_layers(arrays((folder / "memory.bin").read_bytes()))
        with keep.whole(kept) as partial, partial.open("wb") as file:
            np.savez(file, **found)
    with np.load(kept) as layers:
        return dict(layers)


def arrays(memory: bytes) -> dict[str, bytes]:
    """Opus' table of weights: rows of (pointer to a name, type, size, pointer to the data), all of 32 bits."""
    words = np.frombuffer(memory[: len(memory) // 4 * 4], np.uint32)
    names = {}
    for prefix in (b"cond_net_", b"sig_net_"):
        at = memory.find(prefix)
        while at >= 0:
            names[at] = memory[at : memory.index(b"\0", at)].decode("ascii", "replace")
            at = memory.find(prefix, at + 1)
    found = {}
    for place in np.flatnonzero(np.isin(words, list(names))) * 4:
        name, kind, size, data = struct.unpack("<IIII", memory[place : place + 16])
        if kind in (0, 3) and 0 < size < 1 << 20 and data + size <= len(memory):
            found[names[name]] = memory[data : data + size]
    return found


def read_layers(found: dict[str, bytes]) -> Weights:
    """8-bit matrices come in blocks of 8 outputs by 4 inputs and expect inputs of 127; float ones by columns."""
    layers: Weights = {}
    for name, data in found.items():
        if name.endswith("_bias"):
            layers[name[:-5] + ".bias"] = np.frombuffer(data, np.float32)
        elif name.endswith("_weights_int8"):
            scale = np.frombuffer(found[name[:-13] + "_scale"], np.float32)
            blocks = np.frombuffer(data, np.int8).reshape(len(scale) // 8, -1, 8, 4)
            matrix = blocks.transpose(0, 2, 1, 3).reshape(len(scale), -1)
            layers[name[:-13]] = (matrix * scale[:, None] * 127).astype(np.float32)
        elif name.endswith("_weights_float"):
            outputs = len(found[name[:-14] + "_bias"]) // 4
            layers[name[:-14]] = np.frombuffer(data, np.float32).reshape(-1, outputs).T
    return layers


def cepstra(emphasised: Wave) -> NDArray[np.float64]:
    """(T, 18): log energies of overlapping bands over 20 ms every 10 ms, through a cosine transform."""
    ramp = np.sin(0.5 * np.pi * np.sin(0.5 * np.pi * (np.arange(FRAME) + 0.5) / FRAME) ** 2)
    padded = np.pad(emphasised, (FRAME, 0))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * FRAME)[::FRAME] * np.r_[ramp, ramp[::-1]]
    power = np.square(np.abs(np.fft.rfft(frames) / (2 * FRAME)))
    energy = np.zeros((len(power), 18))
    for band, (start, end) in enumerate(pairwise(BANDS)):
        fraction = np.arange(end - start) / (end - start)
        energy[:, band] += power[:, start:end] @ (1 - fraction)
        energy[:, band + 1] += power[:, start:end] @ fraction
    energy[:, [0, -1]] *= 2
    loudness = np.log10(1e-2 + energy)
    most, follow = np.full(len(power), -2.0), np.full(len(power), -2.0)
    for band in range(18):
        loudness[:, band] = np.maximum(most - 8, np.maximum(follow - 2.5, loudness[:, band]))
        most, follow = np.maximum(most, loudness[:, band]), np.maximum(follow - 2.5, loudness[:, band])
    cosine = np.cos((np.arange(18)[:, None] + 0.5) * np.arange(18) * np.pi / 18)
    cosine[:, 0] *= np.sqrt(0.5)
    made = loudness @ cosine * np.sqrt(2 / 18)
    made[:, 0] -= 4
    return made


def features(wave: Wave) -> NDArray[np.float32]:
    """(T, 20): 18 cepstra, the pitch in octaves, how periodic the frame is."""
    emphasised = lfilter([1, -EMPHASIS], [1], wave * 32768.0)
    spectral = cepstra(emphasised)
    pitch = pitch_of(wave, FRAME)[: len(spectral)]
    voiced = np.flatnonzero(pitch > 0)
    steady = np.interp(np.arange(len(pitch)), voiced, pitch[voiced]) if len(voiced) else np.full(len(pitch), 150.0)
    period = np.clip(RATE / np.maximum(steady, 1.0), SHORTEST, LONGEST - 1)
    low = lfilter([1, -0.84946, 1], [1, -1.54220, 0.70781], lfilter([1, -0.8], [1], emphasised))
    low = np.pad(low, (LONGEST, FRAME))
    agreement = np.zeros(len(pitch))
    for frame, lag in enumerate(np.round(period).astype(int)):
        here = low[LONGEST + frame * FRAME :][:FRAME]
        there = low[LONGEST + frame * FRAME - lag :][:FRAME]
        agreement[frame] = here @ there / np.sqrt(1 + (here @ here) * (there @ there))
    agreement = np.log1p(np.exp(5 * agreement)) / np.log1p(np.exp(5.0))
    count = len(pitch)
    return np.c_[spectral[:count], np.log2(256 / period) - 1.5, agreement - 0.5].astype(np.float32)


def predicted(given: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Features as an acoustic model would give them: smoother, less varied, in another voice's pitch."""
    made = gaussian_filter1d(given, rng.uniform(0.3, 1.5), axis=0)
    mean = made[:, :18].mean(axis=0)
    made[:, :18] = mean + rng.uniform(0.88, 1.0) * (made[:, :18] - mean)
    made[:, 18] = np.clip(made[:, 18] + rng.uniform(-0.3, 0.3), -1.49, 1.5)
    return made.astype(np.float32)


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return 0.5 * np.tanh(0.5 * x) + 0.5  # type: ignore[no-any-return]


class Fargan:
    """Features (B, T, 20) -> waves (B, T * 160)."""

    def __init__(self, layers: Weights) -> None:
        self.layers = {name: np.ascontiguousarray(w.T) if w.ndim == 2 else w for name, w in layers.items()}

    def _dense(self, name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
        made = x @ self.layers[name]
        bias = self.layers.get(f"{name}.bias")
        return made if bias is None else made + bias  # type: ignore[no-any-return]

    def _gated(self, name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x * _sigmoid(self._dense(name, x))

    def _gru(self, name: str, x: NDArray[np.float32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        width = state.shape[1]
        given, kept = self._dense(f"{name}_input", x), self._dense(f"{name}_recurrent", state)
        update, reset = np.split(_sigmoid(given[:, : 2 * width] + kept[:, : 2 * width]), 2, axis=1)
        fresh = np.tanh(given[:, 2 * width :] + kept[:, 2 * width :] * reset)
        return update * state + (1 - update) * fresh

    def conditions(self, given: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Per sub-frame conditions (B, 4 T, 80) and periods (B, T)."""
        periods = np.floor(0.5 + 256 / 2.0 ** (given[..., 18] + 1.5)).astype(int)
        embedded = self.layers["cond_net_pembed"][np.clip(periods - 32, 0, 223)]
        first = np.tanh(self._dense("cond_net_fdense1", np.concatenate([given, embedded], axis=-1)))
        padded = np.pad(first, ((0, 0), (2, 0), (0, 0)))
        joined = np.concatenate([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], axis=-1)
        second = np.tanh(self._dense("cond_net_fconv1", joined))
        made = np.tanh(self._dense("cond_net_fdense2", second))
        return made.reshape(len(made), -1, 80), periods

    def __call__(self, given: NDArray[np.float32]) -> Wave:
        conditions, periods = self.conditions(given)
        count, steps = conditions.shape[:2]
        past = np.zeros((count, LONGEST), np.float32)
        before = np.zeros((count, 164), np.float32)
        states = {f"gru{n}": np.zeros((count, self.layers[f"sig_net_gru{n}_recurrent"].shape[0]), np.float32)
                  for n in (1, 2, 3)}  # fmt: skip
        made = np.zeros((count, steps * SUB), np.float32)
        for step in range(steps):
            # A frame is spoken at the period of the one before: features look half a frame ahead.
            period = periods[:, max(0, step // 4 - 1)]
            made[:, step * SUB : (step + 1) * SUB], before = self._step(
                conditions[:, step], period, past, before, states
            )
            past = np.concatenate([past[:, SUB:], made[:, step * SUB : (step + 1) * SUB]], axis=1)
        return lfilter([1], [1, -EMPHASIS], made, axis=1).astype(np.float32)  # type: ignore[no-any-return]

    def _step(self, condition: NDArray[np.float32], period: NDArray[np.int64], past: Wave,
              before: NDArray[np.float32], states: dict[str, NDArray[np.float32]],
              ) -> tuple[Wave, NDArray[np.float32]]:  # fmt: skip
        gain = np.exp(self._dense("sig_net_cond_gain_dense", condition))
        ahead = np.arange(SUB + 4)
        place = LONGEST - period[:, None] - 2 + ahead
        place = np.where(place >= LONGEST, place - period[:, None], place)
        place = np.where(place >= LONGEST, place - period[:, None], place)
        scaled = 1 / (1e-5 + gain)
        predicted = np.clip(scaled * np.take_along_axis(past, np.maximum(place, 0), axis=1), -1, 1)
        last = np.clip(scaled * past[:, -SUB:], -1, 1)
        entered = np.concatenate([condition, predicted, last], axis=1)
        x = np.tanh(self._dense("sig_net_fwc0_conv", np.concatenate([before, entered], axis=1)))
        first = self._gated("sig_net_fwc0_glu_gate", x)
        gates = _sigmoid(self._dense("sig_net_gain_dense_out", first))
        pitched, outs, x = predicted[:, 2:-2], [], first
        for number in (1, 2, 3):
            name = f"gru{number}"
            inner = np.concatenate([x, gates[:, number - 1 : number] * pitched, last], axis=1)
            states[name] = self._gru(f"sig_net_{name}", inner, states[name])
            x = self._gated(f"sig_net_{name}_glu_gate", states[name])
            outs.append(x)
        skip = np.concatenate([*outs, first, gates[:, 3:] * pitched, last], axis=1)
        skip = self._gated("sig_net_skip_glu_gate", np.tanh(self._dense("sig_net_skip_dense", skip)))
        return np.tanh(self._dense("sig_net_sig_dense_out", skip)) * gain, entered


def disturbed(layers: Weights, rng: np.random.Generator) -> Weights:
    """The same network after another training: every weight off by 2-6 % of its matrix' spread."""
    amount = rng.uniform(0.02, 0.06)
    return {name: w if w.ndim == 1 else (w + rng.normal(0, amount * w.std(), w.shape)).astype(np.float32)
            for name, w in layers.items()}  # fmt: skip


def _copied(fargan: Fargan, waves: list[Wave], change: list[bool], rng: np.random.Generator) -> list[Wave]:
    """A batch through the network, as long as what went in; features of the chosen clips are changed."""
    given = [features(np.pad(wave, (0, 2 * DELAY))) for wave in waves]
    given = [predicted(g, rng) if c else g for g, c in zip(given, change, strict=True)]
    batch = np.zeros((len(given), max(map(len, given)), 20), np.float32)
    for row, g in zip(batch, given, strict=True):
        row[: len(g)] = g
    return [raw[DELAY : DELAY + len(wave)] for raw, wave in zip(fargan(batch), waves, strict=True)]


def single(work: Path) -> Callable[[Wave, np.random.Generator], tuple[Wave, str]]:
    """One clip at a time, as the other vocoders copy."""
    net = Fargan(weights(work))
    return lambda wave, rng: (_copied(net, [wave], [False], rng)[0], "")


def _batches(context: Context, part: int, parts: int, share: float, rng: np.random.Generator
             ) -> Iterator[tuple[list[Clip], list[Wave]]]:  # fmt: skip
    chosen = [clip for clip in recordings(context)[part::parts] if rng.random() < share]
    chosen.sort(key=lambda clip: clip.seconds)  # a batch is as long as its longest
    for first in range(0, len(chosen), BATCH):
        clips = chosen[first : first + BATCH]
        yield clips, [sf.read(clip.path, dtype="float32")[0] for clip in clips]


def make(context: Context, part: int) -> Iterator[Clip]:
    """Copies of every PARTS-th recording, a third of them from features as a model would predict them."""
    rng, fargan = np.random.default_rng([context.seed, 14, part]), Fargan(weights(context.work))
    for clips, waves in _batches(context, part, PARTS, SHARE, rng):
        smooth = [bool(x) for x in rng.random(len(clips)) < 1 / 3]
        for clip, wave, raw, s in zip(clips, waves, _copied(fargan, waves, smooth, rng), smooth, strict=True):
            yield from kept(context, clip, wave, raw, family="fargan", licence="BSD-3",
                            name="copy-fargan-smooth" if s else "copy-fargan")  # fmt: skip


def make_moved(context: Context, part: int) -> Iterator[Clip]:
    """Copies by disturbed networks, played faster on the way in and slower on the way out so that traces move."""
    rng, layers = np.random.default_rng([context.seed, 15, part]), weights(context.work)
    for clips, waves in _batches(context, part, MOVED_PARTS, MOVED_SHARE, rng):
        speed = float(np.exp(rng.uniform(0.05, 0.25) * rng.choice([-1, 1])))
        inside = [soxr.resample(wave, RATE * speed, RATE) for wave in waves]
        made = _copied(Fargan(disturbed(layers, rng)), inside, [False] * len(clips), rng)
        for clip, wave, raw in zip(clips, waves, made, strict=True):
            back = soxr.resample(raw, RATE, RATE * speed)
            yield from kept(context, clip, wave, back, family="fargan", licence="BSD-3", name="copy-fargan-moved")
