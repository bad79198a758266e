"""How well a stream marks spliced fakes, how soon it speaks, and what a second of it costs.

    python benchmarks/stream.py ../shared/corpus

48 recordings of dev clips, seed 7: some 5 s of one genuine speaker or page, 3 to 6 s of fakes, 5 s genuine again, all
at one level; every fourth has genuine speech in the middle. One thread.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fakemamba
from fakemamba.audio import SAMPLE_RATE, load_audio
from fakemamba.stream import End, FakeEnded, FakeStarted

Wave = NDArray[np.float32]
Row = dict[str, str]
Clips = dict[str, dict[str, list[Row]]]

COUNT, SEED, LEVEL = 48, 7, 0.05
TOUCH = 0.3  # seconds that a marked span must share with the fake to count as found


@dataclass(frozen=True)
class Recording:
    """A splice: where the fake is, in seconds; None where all is genuine."""

    wave: Wave
    fake: tuple[float, float] | None

    @property
    def seconds(self) -> float:
        return len(self.wave) / SAMPLE_RATE


class Maker:
    """Draws recordings from the dev split."""

    def __init__(self, corpus: Path) -> None:
        self._corpus = corpus
        self._rng = np.random.default_rng(SEED)
        with (corpus / "corpus.tsv").open(newline="") as file:
            self.rows = [row for row in csv.DictReader(file, delimiter="\t") if row["split"] == "dev"]
        self._clips: Clips = {}
        for row in self.rows:
            self._clips.setdefault(row["source"], {}).setdefault(row["label"], []).append(row)

    def recordings(self) -> list[Recording]:
        fakes = [name for name, labels in self._clips.items() if "spoof" in labels]
        humans = [name for name, labels in self._clips.items() if "bonafide" in labels and not name.startswith("page")]
        return [self._draw(k, fakes[k % len(fakes)], humans[k % len(humans)]) for k in range(COUNT)]

    def _draw(self, number: int, source: str, human: str) -> Recording:
        voice = self._clips[source if "bonafide" in self._clips[source] else human]["bonafide"]
        before = self._joined(self._one_speaker(voice), 5)
        middle = self._joined(self._one_speaker(self._clips[source]["spoof"]), 3 + 3 * self._rng.random())
        after = self._joined(self._one_speaker(voice), 5)
        if number % 4 == 3:
            return Recording(np.concatenate([before, self._joined(self._one_speaker(voice), 4), after]), None)
        start = len(before) / SAMPLE_RATE
        return Recording(np.concatenate([before, middle, after]), (start, start + len(middle) / SAMPLE_RATE))

    def _one_speaker(self, rows: list[Row]) -> list[Row]:
        speaker = rows[self._rng.integers(len(rows))]["speaker"]
        own = [row for row in rows if row["speaker"] == speaker]
        return own if len(own) >= 3 else rows

    def _joined(self, rows: list[Row], seconds: float) -> Wave:
        parts: list[Wave] = []
        for k in self._rng.permutation(len(rows)):
            wave = load_audio(self._corpus / rows[k]["path"])
            parts.append((wave * (LEVEL / np.sqrt(np.mean(wave**2)))).clip(-1, 1).astype(np.float32))
            if sum(map(len, parts)) >= seconds * SAMPLE_RATE:
                break
        return np.concatenate(parts)


def spliced(detector: fakemamba.Detector, recordings: list[Recording]) -> None:
    starts, ends, delays = [], [], []
    false = genuine = 0.0
    for recording in recordings:
        stream = detector.stream()
        events = stream.feed(recording.wave) + stream.end()
        told = [event.time for event in events if isinstance(event, FakeStarted)]
        spans = [event for event in events if isinstance(event, FakeEnded)]
        start, end = recording.fake or (0.0, 0.0)
        found = [k for k, span in enumerate(spans) if span.start < end - TOUCH and span.end > start + TOUCH]
        false += len(spans) - len(found)
        genuine += recording.seconds - (end - start)
        if found:
            starts.append(spans[found[0]].start - start)
            ends.append(spans[found[-1]].end - end)
            delays.append(told[found[0]] - start)
    fakes = sum(recording.fake is not None for recording in recordings)
    print(f"found {len(starts)} of {fakes}; false spans a minute of genuine speech {60 * false / genuine:.2f}")
    print(f"told after {np.median(delays):.1f} s (median)")
    for name, errors in (("start", starts), ("end", ends)):
        size = np.abs(errors)
        shares = ", ".join(f"within {limit} s {np.mean(size <= limit):.0%}" for limit in (0.5, 1.0))
        middle = np.percentile(errors, [10, 90]).round(1)
        print(f"{name}: median error {np.median(size):.2f} s, {shares}, 10-90 % of them {middle}")


def first_verdicts(detector: fakemamba.Detector, corpus: Path, rows: list[Row]) -> None:
    rng = np.random.default_rng(0)
    waits = []
    for row in [row for row in rows if row["label"] != "noise"][::8]:
        wave, lead = load_audio(corpus / row["path"]), rng.uniform(0, 3)
        loud = np.flatnonzero(np.abs(wave) > 0.01 * min(1.0, np.abs(wave).max() / 0.3))[0]
        stream = detector.stream()
        stream.feed(np.concatenate([np.zeros(int(lead * SAMPLE_RATE), np.float32), wave]))
        end = stream.end()[-1]
        assert isinstance(end, End)
        if end.first_verdict is not None:
            waits.append(end.first_verdict - lead - loud / SAMPLE_RATE)
    half, most, last = np.percentile(waits, [50, 95, 100])
    shown = f"median {half:.2f} s, 95 % {most:.2f} s, slowest {last:.2f} s"
    print(f"first score after the first sound, {len(waits)} clips: {shown}")


def cost(detector: fakemamba.Detector, wave: Wave) -> None:
    stream = detector.stream()
    begin = time.process_time()
    for start in range(0, len(wave), 320):
        stream.feed(wave[start : start + 320])
    spent = time.process_time() - begin
    print(f"processor time for a second of sound in chunks of 20 ms: {spent * SAMPLE_RATE / len(wave):.3f} s")


def main() -> None:
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/corpus")
    maker, detector = Maker(corpus), fakemamba.load(threads=1)
    recordings = maker.recordings()
    cost(detector, recordings[0].wave)
    first_verdicts(detector, corpus, maker.rows)
    spliced(detector, recordings)


if __name__ == "__main__":
    main()
