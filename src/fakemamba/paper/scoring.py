"""A cell that is an evaluation: one trained system on one corpus by one protocol."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fakemamba.checkpoint.folder import open_folder
from fakemamba.detect import Detector, load
from fakemamba.errors import DataError
from fakemamba.paper.machine import machine
from fakemamba.paper.study import Library, Study, read_json, write_json
from fakemamba.paper.training import Say, Training

NUMBERS = "evaluation.json"


@dataclass(frozen=True)
class Scored:
    """A training's average weights on a corpus."""

    training: Training
    corpus: str
    protocol: Literal["fixed", "whole"]

    @property
    def name(self) -> str:
        return f"evaluate {self.training.run} on {self.corpus}, {self.protocol}"

    @property
    def after(self) -> Training:
        """What must be there first."""
        return self.training

    def folder(self, study: Study) -> Path:
        return study.out / "evaluations" / self.training.run / f"{self.corpus}.{self.protocol}"

    def done(self, study: Study) -> bool:
        """Whether its numbers are there; DataError if they are of other weights."""
        found = self.numbers(study)
        if found is None:
            return False
        if self.training.done(study):
            now = open_folder(self.training.model(study)).sha256
            if found["evaluation"]["origin"]["model_sha256"] != now:
                raise DataError(f"{self.folder(study)} was scored with other weights: remove that folder")
        return True

    def make(self, study: Study, library: Library, say: Say) -> None:
        """Score, or go on, and measure."""
        from fakemamba.evaluation import evaluate

        found = evaluate(
            self._detector(study),
            library.dataset(self.corpus),
            protocol=self.protocol,
            folder=self.folder(study),
            batch=study.batch,
            resamples=study.resamples,
            on_progress=lambda done, total, _: say(f"{done} of {total} clips"),
        )
        about = {"seed": self.training.seed, "machine": machine(study.device), "miniature": study.miniature}
        write_json(self.folder(study) / NUMBERS, {**about, "evaluation": found.to_dict()})

    def command(self, study: Study) -> str:
        """The same by hand."""
        place = study.places.get(self.corpus)
        words = ["fakemamba", "evaluate", str(self.training.model(study))]
        words += [f"{self.corpus}:{self.corpus.upper() if place is None else place.root}"]
        for path in () if place is None else place.genuine:
            words += ["--genuine", str(path)]
        return shlex.join([*words, "--protocol", self.protocol, "--out", str(self.folder(study))])

    def numbers(self, study: Study) -> dict[str, Any] | None:
        """What was written, None before."""
        path = self.folder(study) / NUMBERS
        return read_json(path) if path.exists() else None

    def _detector(self, study: Study) -> Detector:
        return load(self.training.model(study), device="cpu" if study.cpu else None)
