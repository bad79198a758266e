"""What every effect of the recording chain costs on one core, for a clip of 4 s.

python benchmarks/augment.py [draws]
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from fakemamba.augment import CHANCES, Chain, Effect, codecs
from fakemamba.augment.codec import Codec

SECONDS = 4
RATE = 16_000


def clip(seed: int) -> np.ndarray:
    """(N,) noise with the envelope and roughly the spectrum of speech."""
    rng = np.random.default_rng(seed)
    rough = np.cumsum(rng.standard_normal(SECONDS * RATE)) * 0.02
    smooth = rough - np.convolve(rough, np.ones(161) / 161, mode="same")
    envelope = 0.1 + np.abs(np.sin(np.arange(SECONDS * RATE) * (2 * np.pi * 2 / RATE)))
    wave = (smooth * envelope).astype(np.float32)
    return wave / (2 * np.abs(wave).max())


def milliseconds(make: Callable[[np.random.Generator], Effect], draws: int) -> np.ndarray:
    """(draws,) processor time of draw + apply."""
    wave, times = clip(0), []
    for seed in range(draws):
        start = time.process_time()
        make(np.random.default_rng(seed)).apply(wave)
        times.append((time.process_time() - start) * 1e3)
    return np.array(times)


def row(name: str, times: np.ndarray) -> None:
    """One line of the table."""
    print(f"{name:<24}{times.mean():>9.2f}{np.median(times):>9.2f}{np.quantile(times, 0.95):>9.2f}")


def main() -> None:
    """Print the table: mean, median and 95 % point in milliseconds."""
    np.ones(3 << 20)  # as in any training process: once freed, glibc keeps blocks up to this size, not mapped anew
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    bank = [clip(seed) for seed in range(1, 5)]
    print(f"{'ms a 4 s clip':<24}{'mean':>9}{'median':>9}{'95 %':>9}")
    for name in CHANCES:
        only = Chain({name: 1.0}, noises=bank, voices=bank)
        row(name, milliseconds(only.draw, max(draws // 8, 10)))
    for name in sorted(codecs()):
        row(f"  codec {name}", milliseconds(lambda rng, name=name: Codec.draw(rng, available={name}), 16))
    whole = Chain(noises=bank, voices=bank)
    for strength in (0.25, 0.5, 1.0):
        row(f"chain, strength {strength}", milliseconds(lambda rng, s=strength: whole.draw(rng, s), draws))


if __name__ == "__main__":
    main()
