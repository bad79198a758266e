"""A cell that is a timing of one form of the selective scan, and how far it is from the step-by-step reference."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fakemamba.paper.machine import machine
from fakemamba.paper.recipe import shrink
from fakemamba.paper.study import Library, Study, read_json, write_json
from fakemamba.paper.systems import SYSTEMS
from fakemamba.paper.timing import measure
from fakemamba.paper.training import Say

if TYPE_CHECKING:
    from torch import Tensor

MODULES = {"reference": "reference", "chunked": "chunked", "cpu": "cpu", "triton": "triton", "mamba_ssm": "cuda"}
TITLES = {
    "reference": "step by step (no kernel)",
    "chunked": "chunked, torch alone (no kernel)",
    "cpu": "compiled for the CPU (Numba)",
    "triton": "Triton on the GPU",
    "mamba_ssm": "mamba_ssm's CUDA kernel",
}
FRAMES = (50, 208, 500, 1500)  # 1, 4.175, 10 and 30 s of XLS-R features
_BATCH, _STATES = 2, 16  # both directions of one block


@dataclass(frozen=True)
class Form:
    """One form of the scan on this machine."""

    form: str
    after: ClassVar[None] = None

    @property
    def name(self) -> str:
        return f"time the scan, {self.form}"

    def file(self, study: Study) -> Path:
        return study.out / "scan" / f"{self.form}.json"

    def done(self, study: Study) -> bool:
        return self.file(study).exists()

    def make(self, study: Study, library: Library, say: Say) -> None:  # noqa: ARG002 - needs no corpus
        """Measure the scan alone, forward and with gradients, then a whole encoder with it."""
        device = study.device
        frames = FRAMES[:2] if study.miniature else FRAMES
        rows = []
        for steps in frames:
            say(f"{steps} steps, {study.repeats} times")
            rows.append(_time(self.form, steps, study, device))
        document = {
            "form": self.form,
            "miniature": study.miniature,
            "machine": machine(device),
            "lengths": rows,
            "encoder": _encoder(self.form, study, device),
        }
        write_json(self.file(study), document)

    def command(self, study: Study) -> str:
        words = ["fakemamba", "paper", "scan", "--out", str(study.out)]
        return shlex.join([*words, "--warmup", str(study.warmup), "--repeats", str(study.repeats)])

    def numbers(self, study: Study) -> dict[str, Any] | None:
        """What was written, None before."""
        return read_json(self.file(study)) if self.done(study) else None


def forms_here(device: str) -> tuple[str, ...]:
    """The forms that can run on a device of this machine."""
    if device == "cuda":
        return ("reference", "chunked", *(name for name in ("triton", "mamba_ssm") if find_spec(name) is not None))
    return ("reference", "chunked", *["cpu"] * (find_spec("numba") is not None))


def _time(form: str, steps: int, study: Study, device: str) -> dict[str, Any]:
    import torch

    scan = import_module(f"fakemamba.scan.{MODULES[form]}").selective_scan
    reference = import_module("fakemamba.scan.reference").selective_scan
    settings: dict[str, Any] = {"warmup": study.warmup, "repeats": study.repeats, "device": device}
    channels = 2 * (16 if study.miniature else 144)
    plain = _inputs(steps, channels, device)
    with torch.inference_mode():
        forward = measure(lambda: scan(*plain, delta_softplus=True), **settings)
        wanted = reference(*plain, delta_softplus=True)
        worst = (scan(*plain, delta_softplus=True) - wanted).abs().max() / wanted.abs().max()
    learning = [value.clone().requires_grad_() for value in plain]
    both = measure(lambda: scan(*learning, delta_softplus=True).sum().backward(), **settings)
    return {
        "steps": steps,
        "channels": channels,
        "forward": forward.to_dict(),
        "both": both.to_dict(),
        "difference": float(worst),
    }


def _inputs(steps: int, channels: int, device: str) -> "list[Tensor]":
    """u, delta, A, B, C, D, z, delta_bias of both directions of one block."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> "Tensor":
        return torch.randn(*shape, generator=generator).to(device)

    sequence, state = (_BATCH, channels, steps), (_BATCH, _STATES, steps)
    return [
        normal(*sequence), normal(*sequence) - 2, -torch.exp(normal(channels, _STATES)), normal(*state),
        normal(*state), normal(channels), normal(*sequence), normal(channels),
    ]  # fmt: skip


def _encoder(form: str, study: Study, device: str) -> dict[str, Any]:
    """Fake-Mamba-L after XLS-R, one clip of 4.175 s."""
    import torch

    from fakemamba.models import build
    from fakemamba.models.system import EncodedSystem
    from fakemamba.scan import backend

    config = shrink(SYSTEMS["fake-mamba-l"].model)
    if not study.miniature:  # a tiny front-end, as it is not measured, that gives features of XLS-R's width
        full = SYSTEMS["fake-mamba-l"].model
        config = full.model_copy(update={"frontend": full.frontend.model_copy(update={"layers": 1})})
    system = build(config).eval().to(device)
    assert isinstance(system, EncodedSystem)
    features = torch.randn(1, 208, int(system.project.in_features), device=device)
    with torch.inference_mode(), chosen(form):
        assert backend(device) == form
        times = measure(
            lambda: system.embed_features(features), warmup=study.warmup, repeats=study.repeats, device=device
        )
    return times.to_dict()


@contextmanager
def chosen(form: str) -> Iterator[None]:
    """Within it the scan runs by this form, a word of FAKEMAMBA_SCAN."""
    before = os.environ.get("FAKEMAMBA_SCAN")
    os.environ["FAKEMAMBA_SCAN"] = form
    try:
        yield
    finally:
        if before is None:
            del os.environ["FAKEMAMBA_SCAN"]
        else:
            os.environ["FAKEMAMBA_SCAN"] = before
