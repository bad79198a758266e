"""A cell that is a timing: one system over clips of several durations, with random weights (they cost the same)."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fakemamba.paper.machine import machine
from fakemamba.paper.recipe import shrink
from fakemamba.paper.study import Library, Study, read_json, write_json
from fakemamba.paper.systems import SYSTEMS
from fakemamba.paper.timing import measure
from fakemamba.paper.training import Say

if TYPE_CHECKING:
    from fakemamba.models.system import EncodedSystem

SECONDS = (1, 2, 3, 4, 5, 6)  # as the paper; one clip at a time
RATE = 16_000


@dataclass(frozen=True)
class Speed:
    """How long one system takes."""

    system: str
    after: ClassVar[None] = None

    @property
    def name(self) -> str:
        return f"time {self.system}"

    def file(self, study: Study) -> Path:
        return study.out / "rtf" / f"{self.system}.json"

    def done(self, study: Study) -> bool:
        return self.file(study).exists()

    def make(self, study: Study, library: Library, say: Say) -> None:  # noqa: ARG002 - noise costs what speech costs
        """Build, warm up, measure."""
        import torch

        from fakemamba.models import build
        from fakemamba.models.system import EncodedSystem
        from fakemamba.scan import backend

        config = SYSTEMS[self.system].model
        torch.manual_seed(0)
        device = study.device
        system = build(shrink(config) if study.miniature else config).eval().to(device)
        assert isinstance(system, EncodedSystem)
        rows = []
        for seconds in SECONDS:
            say(f"{seconds} s clips, {study.repeats} times")
            rows.append(_time(system, seconds, study, device))
        scans = any("mamba" in kind for kind in (config.encoder.kind,))
        document = {
            "system": self.system,
            "miniature": study.miniature,
            "kernel": backend(device) if scans else "none: self-attention",
            "precision": f"float32, matrix products {torch.get_float32_matmul_precision()}",
            "machine": machine(device),
            "durations": rows,
        }
        write_json(self.file(study), document)

    def command(self, study: Study) -> str:
        words = ["fakemamba", "paper", "rtf", "--out", str(study.out)]
        return shlex.join([*words, "--warmup", str(study.warmup), "--repeats", str(study.repeats)])

    def numbers(self, study: Study) -> dict[str, Any] | None:
        """What was written, None before."""
        return read_json(self.file(study)) if self.done(study) else None


def _time(system: "EncodedSystem", seconds: int, study: Study, device: str) -> dict[str, Any]:
    """The whole system on a clip, and what comes after XLS-R alone: there the systems differ."""
    import torch

    wave = 0.1 * torch.randn(1, seconds * RATE, device=device)  # (1, N)
    with torch.inference_mode():
        features, _ = system.frontend(wave, None)  # (1, T, C)
        settings: dict[str, Any] = {"warmup": study.warmup, "repeats": study.repeats, "device": device}
        whole = measure(lambda: system.score(wave), **settings)
        back = measure(lambda: system.judge_features(features), **settings)
    return {
        "seconds": seconds,
        "frames": int(features.shape[1]),
        "whole": whole.to_dict(),
        "after_xlsr": back.to_dict(),
        "rtf": whole.median / 1e3 / seconds,
    }
