"""What a minute of audio costs in recordings of 1 to 60 minutes: linear time, flat memory?

python benchmarks/long.py [--model NAME | FOLDER | CONFIG.toml [--narrow]] [--how detect whole] [--minutes 1 5 15 30 60]
                          [--rounds 3] [--threads 2] [--work DIR] [--json FILE]

`detect` goes from a WAV file to the verdict as `fakemamba detect` does. `whole` is the protocol of `fakemamba evaluate`
that gives one score to a whole recording: XLS-R in windows, the encoder over all frames. A configuration gets random
weights, which cost the same. Every recording is judged in a process of its own, whose peak of memory is shown; its
calls are timed after a short one that warms up. The recordings take turns; the last column is the median over the
rounds of what a minute costs against a minute of the shortest recording.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile

CLIP = Path(__file__).resolve().parent.parent / "examples" / "genuine.flac"
RATE = 16_000
NARROW: dict[str, Any] = {"width": 64, "layers": 2, "heads": 4, "ffn": 128, "conv_channels": (32,) * 7}


@dataclass(frozen=True)
class Task:
    """For a measuring process: a model folder, how to judge, the recording, threads."""

    model: str
    how: str
    recording: str
    threads: int


def measure(task: Task) -> dict[str, Any]:
    """Seconds of one call, seconds of audio, the score, and this process's peak of memory in MB."""
    from fakemamba.checkpoint.folder import TENSOR_FILE, open_folder
    from fakemamba.detect import Detector, load
    from fakemamba.evaluation.protocols import judge_waves
    from fakemamba.machine.memory import peak_bytes

    detector, folder = load(task.model, threads=task.threads), open_folder(task.model)
    if task.how == "whole" and TENSOR_FILE in folder.card.files:  # its ONNX file would take all at once
        from fakemamba.torch_scorer import TorchScorer

        detector = Detector(TorchScorer(folder, threads=task.threads), folder.card)
    before = peak_bytes()

    def judge(path: str) -> float | None:
        if task.how == "detect":
            return detector.detect(path).score
        return judge_waves(detector, [path], "whole", 1)[0]

    judge(str(CLIP))
    begin = time.perf_counter()
    score = judge(task.recording)
    spent, peak = time.perf_counter() - begin, peak_bytes()
    audio = soundfile.info(task.recording).frames / RATE
    loaded = None if before is None else before / 1e6
    return {"s": spent, "audio_s": audio, "score": score, "loaded_mb": loaded, "peak_mb": peak and peak / 1e6}


def in_a_process(task: Task) -> dict[str, Any]:
    """`measure` in a process of its own."""
    words = [sys.executable, str(Path(__file__).resolve()), "--task", json.dumps(asdict(task))]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{task.how} of {task.recording} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def write(path: Path, minutes: float) -> None:
    """The example's voice, end to end."""
    from fakemamba.audio import load_audio

    voice, left = np.tile(load_audio(CLIP), 40), round(60 * minutes * RATE)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        while left > 0:
            file.write(voice[:left])
            left -= len(voice)


def prepared(model: str | None, room: Path, *, narrow: bool) -> str:
    """A model's folder; made with random weights from a configuration."""
    from fakemamba.checkpoint.folder import open_folder

    if model is None or not model.endswith(".toml"):
        return str(open_folder(model).path)
    import torch

    from fakemamba.checkpoint.torch_io import save_system
    from fakemamba.config import XlsrConfig, load_model_config
    from fakemamba.models import build

    config = load_model_config(Path(model))
    if narrow:
        config = config.model_copy(update={"frontend": XlsrConfig(**NARROW)})
    torch.manual_seed(0)
    return str(save_system(room / "model", build(config).eval(), config, name="random").path)


def table(how: str, found: dict[float, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row a length: medians over the rounds."""
    cost = {minutes: [60 * call["s"] / call["audio_s"] for call in calls] for minutes, calls in found.items()}
    base = cost[min(cost)]
    return [
        {
            "how": how, "minutes": minutes, "s_per_minute": statistics.median(spent),
            "ratio": statistics.median(now / first for now, first in zip(spent, base, strict=True)),
            "peak_mb": max(call["peak_mb"] or 0 for call in found[minutes]),
            "loaded_mb": max(call["loaded_mb"] or 0 for call in found[minutes]), "score": found[minutes][0]["score"],
        }
        for minutes, spent in cost.items()
    ]  # fmt: skip


def measured(options: argparse.Namespace, room: Path) -> list[dict[str, Any]]:
    """All rows, printed as they come."""
    model = prepared(options.model, room, narrow=options.narrow)
    recordings = {minutes: room / f"{minutes:g}.wav" for minutes in sorted(options.minutes)}
    for minutes, path in recordings.items():
        write(path, minutes)
    rows: list[dict[str, Any]] = []
    print(f"{'':8}{'minutes':>8}{'s a minute':>12}{'peak MB':>9}{'loaded MB':>11}{'cost / shortest':>17}")
    for how in options.how:
        found: dict[float, list[dict[str, Any]]] = {minutes: [] for minutes in recordings}
        for _ in range(options.rounds):
            for minutes, path in recordings.items():
                found[minutes].append(in_a_process(Task(model, how, str(path), options.threads)))
        for row in table(how, found):
            print(f"{how:8}{row['minutes']:>8g}{row['s_per_minute']:>12.3f}{row['peak_mb']:>9.0f}"
                  f"{row['loaded_mb']:>11.0f}{row['ratio']:>17.3f}", flush=True)  # fmt: skip
            rows.append(row)
    return rows


def main() -> None:
    """Print a table; write it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="the built-in one if not given")
    parser.add_argument("--narrow", action="store_true", help="a configuration with a small XLS-R: hours in minutes")
    parser.add_argument("--how", nargs="+", choices=["detect", "whole"], default=["detect"])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 15, 30, 60])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, help="where recordings and random weights go for a while")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task is not None:
        print(json.dumps(measure(Task(**json.loads(options.task)))))
        return
    from fakemamba.machine.processor import processor_name

    with TemporaryDirectory(dir=options.work) as room:
        rows = measured(options, Path(room))
    if options.json:
        record = {"machine": processor_name(), "threads": options.threads, "rounds": options.rounds, "rows": rows}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
