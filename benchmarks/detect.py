"""Real-time factor, cold start and memory of `detect` with the built-in model.

    python benchmarks/detect.py [--json FILE]

RTF is the time of `Detector.detect` on one core over the audio's duration, best of some repeats, with the model's near
pass and without; the cold start is the wall time of a fresh process that judges one example clip; memory is that
process's peak.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from fakemamba import load

CLIP = Path(__file__).parent.parent / "examples" / "genuine.flac"
COLD = (
    "import resource, sys; from fakemamba.cli import run; code = run(['detect', sys.argv[1]]); "
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
)


def rtf(seconds: float, repeats: int, *, near: bool) -> float:
    """Best of some runs on speech-like audio of a given duration."""
    from fakemamba.audio import load_audio

    detector = load(threads=1)
    speech = load_audio(CLIP)
    wave = np.tile(speech, int(seconds * 16_000 / len(speech)) + 1)[: int(seconds * 16_000)]
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        detector.detect((wave, 16_000), near=near)
        best = min(best, time.perf_counter() - start)
    return best / seconds


def cold(repeats: int = 5) -> tuple[float, float]:
    """Best wall seconds and peak MB of a fresh process."""
    best, peak = float("inf"), 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", COLD, str(CLIP)], capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - start)
        peak = int(done.stderr.split()[-1]) / 1024
    return best, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    durations = {4.0: 10, 60.0: 3, 600.0: 1}
    times = {seconds: rtf(seconds, repeats, near=True) for seconds, repeats in durations.items()}
    without = {seconds: rtf(seconds, repeats, near=False) for seconds, repeats in durations.items()}
    machine = platform.processor() or platform.machine()
    result: dict[str, object] = {"machine": machine, "rtf": times, "rtf_without_near": without}
    result["cold_start_s"], result["cold_peak_mb"] = cold()
    for seconds, value in times.items():
        print(f"RTF, {seconds:5.0f} s of audio, one core: {value:.4f}, without the near pass {without[seconds]:.4f}")
    print(f"cold start: {result['cold_start_s']:.2f} s, peak {result['cold_peak_mb']:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
