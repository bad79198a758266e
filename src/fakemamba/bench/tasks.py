"""What a measuring process calls again and again: a model on clips, a recording from file to verdict, an encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fakemamba.bench.backends import Backend, backend
from fakemamba.bench.job import RATE, Job
from fakemamba.config import XlsrConfig
from fakemamba.doctor.selftest import EXAMPLE
from fakemamba.errors import ConfigError
from fakemamba.scorer import FloatArray, Scorer

if TYPE_CHECKING:
    from fakemamba.checkpoint.folder import ModelFolder

_BLOCK = 60  # seconds written at once


class Task(Protocol):
    """Calls of one size after another."""

    def prepare(self, seconds: float) -> Callable[[], list[float]]:
        """A call on clips of this duration that returns their scores; its input is made now."""
        ...

    def facts(self) -> dict[str, Any]:
        """scan: the form of it that runs, None without; parameters: how many, None where unknown."""
        ...


def task(job: Job, room: Path) -> Task:
    """Open what a job names; `room` is a folder for files of its own.

    Raises:
        FakeMambaError: the model cannot be run in this way.
    """
    if job.config is not None:
        return _Encoder(job)
    from fakemamba.checkpoint.folder import open_folder
    from fakemamba.detect import Detector

    assert job.model is not None
    folder, chosen = open_folder(job.model), backend(job.backend)
    scorer = _scorer(folder, chosen, job)
    facts = {"scan": _scan(chosen, job) if "mamba" in folder.card.model.encoder.kind else None, "parameters": None}
    if job.how == "windows":
        return _Windows(Detector(scorer, folder.card), room, facts)
    return _Pass(scorer, job.batch, facts)


def _scorer(folder: "ModelFolder", chosen: Backend, job: Job) -> Scorer:
    if chosen.engine.runs == "onnx":
        from fakemamba.checkpoint.folder import ONNX_FILE
        from fakemamba.onnx_scorer import OnnxScorer

        card, file = folder.card, folder.file(ONNX_FILE)
        return OnnxScorer.of(file, card.model, threads=job.threads, precision=card.onnx_precision)
    from fakemamba.torch_scorer import TorchScorer, checked_precision

    precision = checked_precision(chosen.engine.precision)
    return TorchScorer(folder, device=job.device, threads=job.threads, precision=precision)


def _scan(chosen: Backend, job: Job) -> str:
    if chosen.engine.runs == "onnx":
        return "onnx"
    from fakemamba.scan import backend as scan_backend

    return scan_backend(job.device.partition(":")[0])


def voices(batch: int, seconds: float) -> FloatArray:
    """(batch, N) of the example's voice, end to end, each clip from another place on."""
    from fakemamba.audio import load_audio

    voice = load_audio(EXAMPLE)
    length = round(seconds * RATE)
    return np.stack([np.resize(np.roll(voice, -4_000 * number), length) for number in range(batch)])


class _Pass:
    def __init__(self, scorer: Scorer, batch: int, facts: dict[str, Any]) -> None:
        self._scorer, self._batch, self._facts = scorer, batch, facts

    def prepare(self, seconds: float) -> Callable[[], list[float]]:
        shortest = self._scorer.shortest / RATE
        if seconds < shortest:
            raise ConfigError(f"{seconds:g} s is too short for the model: give it {shortest:g} s or more")
        waves = voices(self._batch, seconds)
        return lambda: [float(score) for score in self._scorer.score(waves)]

    def facts(self) -> dict[str, Any]:
        return self._facts


class _Windows:
    """Through a file, as `fakemamba detect` does: an hour of samples in memory would hide what the model needs."""

    def __init__(self, detector: Any, room: Path, facts: dict[str, Any]) -> None:
        self._detector, self._room, self._facts = detector, room, facts

    def prepare(self, seconds: float) -> Callable[[], list[float]]:
        path = self._room / f"{seconds:g}.wav"
        if not path.exists():
            self._write(path, seconds)

        def call() -> list[float]:
            result = self._detector.detect(path)
            return [] if result.score is None else [result.score]

        return call

    def _write(self, path: Path, seconds: float) -> None:
        import soundfile

        left = round(seconds * RATE)
        block = voices(1, _BLOCK)[0]
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            while left > 0:
                file.write(block[:left])
                left -= len(block)

    def facts(self) -> dict[str, Any]:
        return self._facts


class _Encoder:
    """What comes after XLS-R (projection, encoder, pooling, head) on made-up features; or all with made-up weights."""

    def __init__(self, job: Job) -> None:
        import torch

        from fakemamba.models.assemble import build
        from fakemamba.models.system import EncodedSystem
        from fakemamba.torch_scorer import check_bf16, checked_precision

        self._precision = checked_precision(backend(job.backend).engine.precision)
        assert job.config is not None
        assert isinstance(job.config.frontend, XlsrConfig)
        torch.manual_seed(job.seed)
        torch.set_num_threads(job.threads)
        self._job = job
        stand_in: Any = torch.nn.Identity()
        stand_in.out_width = job.config.frontend.width
        system = build(job.config, None if job.whole else stand_in).eval()
        assert isinstance(system, EncodedSystem)
        if self._precision == "bf16":
            check_bf16(torch.device(job.device))
            system.narrow()
        self._system: EncodedSystem = system.to(job.device)

    def prepare(self, seconds: float) -> Callable[[], list[float]]:
        import torch

        samples = round(seconds * RATE)
        generator = torch.Generator().manual_seed(self._job.seed)
        if self._job.whole:
            waves = torch.from_numpy(voices(self._job.batch, seconds)).to(self._job.device)
            return lambda: self._run(lambda: self._system.score(waves))
        frames = (samples - 400) // 320 + 1
        width = int(self._system.project.in_features)
        features = torch.randn(self._job.batch, frames, width, generator=generator).to(self._job.device)
        return lambda: self._run(lambda: self._system.judge_features(features)[:, 1])

    def _run(self, score: Callable[[], Any]) -> list[float]:
        import torch

        from fakemamba.models.precision import products

        with torch.inference_mode(), products(self._precision, self._job.device.partition(":")[0]):
            return [float(value) for value in score().float().cpu()]

    def facts(self) -> dict[str, Any]:
        scans = self._job.config is not None and "mamba" in self._job.config.encoder.kind
        count = sum(value.numel() for value in self._system.parameters())
        return {"scan": _scan(backend(self._job.backend), self._job) if scans else None, "parameters": count}
