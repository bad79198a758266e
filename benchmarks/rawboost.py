"""RawBoost on one core, 4.175 s clips: the published form (legacy) against draw + apply.

python benchmarks/rawboost.py [repeats]
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from fakemamba.augment import RawBoost, legacy
from fakemamba.augment.rawboost import SERIES

SAMPLES = 66_800


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Median processor time of one call."""
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        call()
        times.append((time.process_time() - start) * 1e3)
    return float(np.median(times[1:]))


def main() -> None:
    """Print one line for each algorithm."""
    np.ones(3 << 20)  # as in any training process: once freed, glibc keeps blocks up to this size, not mapped anew
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    wave = (0.1 * np.random.default_rng(0).standard_normal(SAMPLES)).astype(np.float32)
    old, new = np.random.RandomState(0), np.random.default_rng(0)
    print(f"{'algorithm':<10}{'legacy ms':>10}{'fast ms':>10}{'ratio':>8}")
    for algorithm in SERIES:
        boost = RawBoost(algorithm)
        slow = milliseconds(lambda a=algorithm: legacy(wave, a, old), repeats)
        fast = milliseconds(lambda b=boost: b.draw(new).apply(wave), repeats)
        print(f"{algorithm:<10}{slow:>10.2f}{fast:>10.2f}{slow / fast:>8.1f}")


if __name__ == "__main__":
    main()
