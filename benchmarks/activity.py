"""How often speech is found in speech, and how much of it in what is none.

    python benchmarks/activity.py [CORPUS]      (default ../shared/corpus: corpus.tsv and audio/)

Prints, per source and label, the share of clips with at least 0.3 s of speech frames: as they are, through a
telephone band, with white noise at 10 dB SNR, and at -50 dBFS in 16 bits; then the worst 4 s of noises and signals.
"""

import csv
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakemamba.audio import FRAME, SAMPLE_RATE, load_audio, speech_activity

Wave = NDArray[np.float32]
ENOUGH = 0.3  # seconds


def level(wave: NDArray[np.floating], decibel: float = -20.0) -> Wave:
    return (wave * (10 ** (decibel / 20) / np.sqrt(np.mean(wave**2) + 1e-20))).astype(np.float32)


def telephone(wave: Wave) -> Wave:
    spectrum, hertz = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(wave)).astype(np.float32)


def noisy(wave: Wave) -> Wave:
    noise = np.random.default_rng(len(wave)).standard_normal(len(wave))
    return (wave + noise * np.sqrt(np.mean(wave**2) / 10)).astype(np.float32)


def faint(wave: Wave) -> Wave:
    return (np.round(level(wave, -50) * 32768) / 32768).astype(np.float32)


CHANNELS: dict[str, Callable[[Wave], Wave]] = {
    "clean": lambda wave: wave,
    "telephone": telephone,
    "10 dB": noisy,
    "-50 dBFS": faint,
}


def coloured(rng: np.random.Generator, slope: float, count: int) -> Wave:
    """Noise whose power falls with the `slope`-th power of the frequency."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    return level(np.fft.irfft(spectrum * np.maximum(np.arange(len(spectrum)), 4) ** (-slope / 2), count))


def note(hertz: float, harmonics: int, seconds: float, decay: float) -> NDArray[np.float64]:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [np.sin(2 * np.pi * hertz * k * t + k) / k**1.2 for k in range(1, harmonics + 1) if hertz * k < 7500]
    return np.sum(partials, axis=0) * np.exp(-decay * t) * np.minimum(1, 50 * t)


def music() -> dict[str, Wave]:
    chords = [(261, 329, 392), (220, 261, 329), (174, 220, 261), (196, 246, 293)]
    scale = [261, 293, 329, 349, 392, 440, 493, 523] * 2
    made = {}
    for harmonics in (1, 5, 12):
        for decay in (0, 1, 4):
            played = [sum(note(f, harmonics, 1.0, decay) for f in chord) for chord in chords]
            made[f"chords, {harmonics} harmonics, decay {decay}"] = level(np.concatenate(played))
        melody = np.concatenate([note(f, harmonics, 0.25, 3) for f in scale])
        made[f"melody, {harmonics} harmonics"] = level(melody)
        made[f"melody, {harmonics} harmonics, noise"] = noisy(level(melody))
    made["organ"] = level(np.sum([note(f, 10, 4.0, 0) for f in chords[0]], axis=0))
    return made


def signals(rng: np.random.Generator, seconds: float = 4.0) -> dict[str, Wave]:
    """Everything that a telephone, a room or a test bench may give instead of speech."""
    count = round(seconds * SAMPLE_RATE)
    t = np.arange(count) / SAMPLE_RATE

    def sine(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sin(2 * np.pi * np.cumsum(np.broadcast_to(hertz, t.shape)) / SAMPLE_RATE)

    made = {f"noise, slope {slope}": coloured(rng, slope, count) for slope in (0, 1, 2, 2.5, 3)}
    made |= {f"sine {hertz} Hz": level(sine(hertz)) for hertz in (60, 100, 200, 440, 1000, 3000, 7000)}
    made |= {f"hum {h} Hz": level(sum(np.sin(h * k * 2 * np.pi * t + k) / k for k in range(1, 12))) for h in (50, 60)}
    made["hum in noise"] = noisy(made["hum 50 Hz"])
    made["sine in noise"] = noisy(made["sine 200 Hz"])
    made["chirp"] = level(sine(np.linspace(50, 7000, count)))
    made["fast chirps"] = level(sine(80 + 320 * (t * 2 % 1)))
    made["siren"] = level(sine(900 + 400 * np.sin(np.pi * t)))
    rows, columns = np.array([697, 770, 852, 941]), np.array([1209, 1336, 1477])
    digit = (t * 5).astype(int)
    tones = (sine(rows[digit % 4] * 1.0) + sine(columns[digit % 3] * 1.0)) * (t * 5 % 1 < 0.5)
    made["DTMF"], made["DTMF in noise"] = level(tones), noisy(level(tones))
    made["busy"] = level((sine(480) + sine(620)) * (t % 1 < 0.5))
    made["beeps"] = level(sine(1000) * (t % 1 < 0.3))
    made["square beeps"] = level(np.sign(sine(800)) * (t % 0.5 < 0.25))
    made["clicks"] = level((np.arange(count) % 8000 == 0) * 1.0, -40)
    made["buzz 100 Hz"] = level((np.arange(count) % 160 == 0) * 1.0, -40)
    made["noise bursts"] = level(rng.standard_normal(count) * (t % 0.4 < 0.15))
    made["modulated noise"] = level(rng.standard_normal(count) * (1 + np.sin(8 * np.pi * t)))
    made["silence"], made["DC"] = np.zeros(count, np.float32), np.full(count, 0.3, np.float32)
    made["dither"] = (rng.integers(-1, 2, count) / 32768).astype(np.float32)
    return made | music()


def seconds_of_speech(wave: Wave) -> float:
    return float(speech_activity(wave).sum() * FRAME / SAMPLE_RATE)


def worst_four_seconds(wave: Wave) -> float:
    starts = range(0, max(1, len(wave) - 4 * SAMPLE_RATE + 1), SAMPLE_RATE)
    return max(seconds_of_speech(wave[start : start + 4 * SAMPLE_RATE]) for start in starts)


def measure_speech(corpus: Path, rows: list[dict[str, str]]) -> None:
    found: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    spent = lasted = 0.0
    for row in rows:
        wave = load_audio(corpus / row["path"])
        group = "page-*" if row["source"].startswith("page-") else row["source"]
        for name, channel in CHANNELS.items():
            heard = channel(wave)
            begun = time.perf_counter()
            enough = seconds_of_speech(heard) >= ENOUGH
            spent, lasted = spent + time.perf_counter() - begun, lasted + len(wave) / SAMPLE_RATE
            for key in {group, row["source"], "all"}:
                found[key, row["label"]][name].append(enough)
    print(f"{'clips with >= 0.3 s of speech, %':42}{'clips':>6}" + "".join(f"{name:>11}" for name in CHANNELS))
    for (source, label), shares in sorted(found.items()):
        values = "".join(f"{100 * np.mean(shares[name]):11.1f}" for name in CHANNELS)
        print(f"{source:32}{label:10}{len(shares['clean']):6}{values}")
    print(f"real-time factor {spent / lasted:.5f}")


def main() -> None:
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/corpus")
    with (corpus / "corpus.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    measure_speech(corpus, [row for row in rows if row["label"] != "noise"])
    print("\nworst 4 s, seconds of speech")
    for row in rows:
        if row["label"] == "noise":
            print(f"{Path(row['path']).name:42}{worst_four_seconds(load_audio(corpus / row['path'])):6.2f}")
    trials = [signals(np.random.default_rng(seed)) for seed in range(5)]
    for name in trials[0]:
        print(f"{name:42}{max(worst_four_seconds(trial[name]) for trial in trials):6.2f}")


if __name__ == "__main__":
    main()
