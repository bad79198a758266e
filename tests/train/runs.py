"""A training run that takes a second: a tiny system on a handful of made-up clips."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000

MODEL = """
[model]
width = 16
score = "logit_difference"
window = 8000
short = "as_is"

[model.frontend]
kind = "spectrum"
fft = 128
channels = [4, 4]
time_strides = [2, 2]

[model.encoder]
depth = 1
"""

STATISTICS = """
[model]
width = 8
pooling = "statistics"
score = "logit_difference"
window = 8000
short = "as_is"

[model.frontend]
kind = "cepstra"
ffts = [64, 128, 256]

[model.encoder]
kind = "none"
dropout = 0.0
"""

RUN = """
[data]
train = [{ corpus = "tsv", root = "ROOT" }]
dev = [{ corpus = "tsv", root = "ROOT" }]

[batch]
size = 6
crop = "random"

[optim]
lr = 1e-3
clip = 1.0

[train]
epochs = 2
patience = 0
"""


def write_corpus(folder: Path, train: int = 16, dev: int = 8) -> Path:
    """A table and its clips: genuine ones are tones, spoofed ones noise."""
    audio = folder / "audio"
    audio.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), ["path\tlabel\tsplit\tsystem\tspeaker\tlanguage\tsource\tlicence\tseconds"]
    for number in range(train + dev):
        genuine, split = number % 2, "train" if number < train else "dev"
        samples = int(rng.integers(6000, 12_000))
        tone = 0.3 * np.sin(np.arange(samples) * (0.05 + 0.01 * number))
        wave = tone + 0.01 * rng.standard_normal(samples) if genuine else 0.2 * rng.standard_normal(samples)
        soundfile.write(audio / f"{number}.wav", wave, RATE)
        label = "bonafide" if genuine else "spoof"
        rows.append(f"audio/{number}.wav\t{label}\t{split}\tx\ts{number % 3}\ten\tmade\tCC0\t{samples / RATE:.2f}")
    (folder / "corpus.tsv").write_text("\n".join(rows) + "\n")
    return folder


def write_config(folder: Path, corpus: Path, more: str = "", model: str = MODEL) -> Path:
    """The tiny run's settings."""
    path = folder / "run.toml"
    path.write_text(model + RUN.replace("ROOT", str(corpus)) + more)
    return path
