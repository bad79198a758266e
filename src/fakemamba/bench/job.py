"""What a measuring process is told to do: one model, one way to run it, one size."""

from typing import Literal

from fakemamba.bench.plan import How
from fakemamba.config import Frozen, ModelConfig

RATE = 16_000


class Job(Frozen):
    """As JSON on the process's standard input.

    Attributes:
        model: folder to open, None where `config` is built with random weights.
        config: of the system whose encoder is measured.
        whole: with the front-end of `config`, not the encoder alone.
        backend: as on the command line. device: "cpu", "cuda", ...
        threads: of the CPU.
        batch: clips a call. how: see `plan.Point`.
        seed: of random weights and features.
    """

    format: Literal[1] = 1
    model: str | None = None
    config: ModelConfig | None = None
    whole: bool = False
    backend: str
    device: str
    threads: int
    batch: int
    how: How
    seed: int = 0

    def environment(self, scan: str) -> dict[str, str]:
        """Variables that must stand before anything is imported."""
        count = str(self.threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        return {**dict.fromkeys(names, count), "FAKEMAMBA_SCAN": scan}
