"""Judges the shipped clip with the built-in model, in a process of its own: `python -m fakemamba.doctor.selftest`.

Prints one JSON line: {"verdict": …, "p_fake": …, "model": …, "seconds": …} or {"error": "one line"}.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parent / "example.flac"  # espeak-ng's voice, examples/synthetic-espeak.wav
EXPECTED = "fake"


def main() -> None:
    """Judge and tell."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    answers.write(json.dumps(judge()) + "\n")
    answers.flush()


def judge() -> dict[str, Any]:
    """The verdict on the clip, and how long it took to open the model and to judge."""
    begin = time.perf_counter()
    try:
        from fakemamba.detect import load

        detector = load()
        result = detector.detect(EXAMPLE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the user must know
        lines = str(error).strip().splitlines() or [""]
        return {"error": f"{type(error).__name__}: {lines[0]}"}
    seconds = round(time.perf_counter() - begin, 3)
    return {"verdict": result.verdict, "p_fake": result.p_fake, "model": result.model, "seconds": seconds}


if __name__ == "__main__":
    main()
    sys.exit(0)
