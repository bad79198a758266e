"""MODEL arguments -> what can be measured. A configuration file becomes a folder with random weights, made once.

Random weights cost what trained ones cost; their scores mean nothing, and everything that shows them says so.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from fakemamba.bench.backends import Backend, lacking
from fakemamba.bench.job import RATE, Job
from fakemamba.bench.plan import Point
from fakemamba.checkpoint.folder import ONNX_FILE, TENSOR_FILE, ModelCard, ModelFolder, open_folder
from fakemamba.config import ModelConfig, load_model_config
from fakemamba.errors import ConfigError, MissingExtraError
from fakemamba.paper.recipe import shrink
from fakemamba.paper.systems import SYSTEMS

Say = Callable[[str], None]
TINY = "tiny-fake-mamba"
# Of the paper's figure: the same width and, but for XLSR-Mamba's two columns, the same depth.
ENCODERS = {
    "fake-mamba-l": "PN-BiMamba",
    "con-bimamba": "ConBiMamba",
    "trans-bimamba": "TransBiMamba",
    "xlsr-mamba": "XLSR-Mamba",
    "xlsr-conformer-pool": "Conformer",
    "xlsr-transformer": "Transformer",
}
WHOLE = "XLS-R + "  # before an encoder's name where XLS-R is measured too
RANDOM = "random_weights"  # in a card's `training`


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        name: for tables and file names.
        random: made-up weights. scans: whether it has a selective scan.
        window: seconds that the model judges at once.
        identity: differs where the weights differ.
        folders: engine ("torch", "onnx", "onnx-int8") -> the model folder that it runs, or why there is none.
        config: of an encoder to measure, None for a model. whole: with its front-end.
        own: the engine of the ONNX file that came with the model, None without one.
    """

    name: str
    random: bool
    scans: bool
    window: float
    identity: str
    folders: Mapping[str, Path | str] = field(default_factory=dict)
    config: ModelConfig | None = None
    whole: bool = False
    own: str | None = None

    def job(self, backend: Backend, point: Point, *, device: str, threads: int | None = None) -> Job:
        """For a measuring process."""
        model = None if self.config is not None else self.folders[_engine(backend)]
        return Job(
            model=None if model is None else str(model), config=self.config, whole=self.whole, backend=backend.name,
            device=device, threads=threads or point.threads, batch=point.batch, how=point.how,
        )  # fmt: skip

    def lacks(self, backend: Backend, device: str) -> str | None:
        """Why a back-end cannot run it here, None if it may."""
        reason = lacking(backend, scans=self.scans, device=device)
        if reason is None and self.config is not None and backend.engine.runs != "torch":
            return "encoders alone are measured on torch"
        if reason is None and self.config is None:
            there = self.folders.get(_engine(backend), "not prepared")
            return there if isinstance(there, str) else None
        return reason


def has_torch() -> bool:
    """Whether torch is installed; it is not loaded."""
    return find_spec("torch") is not None


def models(words: Sequence[str], backends: Sequence[Backend], out: Path, say: Say) -> list[Subject]:
    """One subject for each model folder, built-in name or configuration file; what they need is made under `out`.

    Raises:
        CheckpointError, ConfigError: a model that is not there or not right.
        MissingExtraError: random weights need torch.
    """
    found: list[Subject] = []
    for word in words:
        folder = _random(Path(word), out, say) if word.endswith(".toml") else open_folder(word)
        found.append(_subject(folder, backends, out, say))
    names = [subject.name for subject in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two of the models are called {name}: measure them into two folders")
    return found


def tiny(backends: Sequence[Backend], out: Path, say: Say) -> Subject:
    """Fake-Mamba-L's wiring with random weights, tiny: for quick runs."""
    return _subject(_make(shrink(SYSTEMS["fake-mamba-l"].model), TINY, out, say), backends, out, say)


def encoders(*, small: bool, whole: bool) -> list[Subject]:
    """The encoders of the paper's figure, with random weights; the first is the reference's."""
    found = []
    for name, title in ENCODERS.items():
        config = shrink(SYSTEMS[name].model) if small else SYSTEMS[name].model
        found.append(
            Subject(
                name=WHOLE + title if whole else title,
                random=True,
                scans="mamba" in config.encoder.kind,
                window=config.window / RATE,
                identity=config.model_dump_json(),
                config=config,
                whole=whole,
            )
        )
    return found


def _subject(folder: ModelFolder, backends: Sequence[Backend], out: Path, say: Say) -> Subject:
    card = folder.card
    own = _own_engine(card) if ONNX_FILE in card.files else None
    folders: dict[str, Path | str] = {}
    for engine in ("torch", *([own] if own else []), *(_engine(one) for one in backends)):  # the first two cost nothing
        if engine not in folders:
            folders[engine] = _runnable(folder, engine, out, say)
    return Subject(
        name=card.name, random=bool(card.training.get(RANDOM)), scans="mamba" in card.model.encoder.kind,
        window=card.model.window / RATE, identity=json.dumps(card.files, sort_keys=True), folders=folders, own=own,
    )  # fmt: skip


def _engine(one: Backend) -> str:
    return "torch" if one.engine.runs == "torch" else one.name


def _runnable(folder: ModelFolder, engine: str, out: Path, say: Say) -> Path | str:
    """The folder that an engine runs, made where it can be; or why not."""
    listed = folder.card.files
    own = _own_engine(folder.card)  # of its ONNX file, where it has one
    if engine == "torch":
        return folder.path if TENSOR_FILE in listed else f"the model has no {TENSOR_FILE}"
    if ONNX_FILE in listed and engine == own:
        return folder.path
    if own not in ("onnx", engine):
        return f"the folder holds an export for {own}"
    if TENSOR_FILE not in listed:
        return f"the model has no {TENSOR_FILE} to export"
    lacks = [name for name in ("torch", "onnx", "onnxscript") if find_spec(name) is None]
    if lacks:
        return f"the model has no {ONNX_FILE}, and {lacks[0]} is not installed: pip install 'fakemamba[export]'"
    digest = hashlib.sha256(listed[TENSOR_FILE].encode()).hexdigest()[:8]
    place = out / "models" / f"{folder.card.name}-{digest}.{engine}"
    if not place.is_dir():
        say(f"exporting {folder.card.name} for {engine}")
        reason = _child({"make": engine, "source": str(folder.path), "target": str(place)})
        if reason is not None:
            return f"it could not be exported: {reason}"
    return place


def _own_engine(card: ModelCard) -> str:
    """What runs the ONNX file of a folder."""
    return "onnx" if card.onnx_precision == "fp32" else f"onnx-{card.onnx_precision}"


def _random(file: Path, out: Path, say: Say) -> ModelFolder:
    config = load_model_config(file)
    name = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in file.stem
    )
    return _make(config, name.lstrip("._-")[:80] or "model", out, say)


def _make(config: ModelConfig, name: str, out: Path, say: Say) -> ModelFolder:
    if not has_torch():
        raise MissingExtraError(f"random weights for {name}", "torch")
    digest = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:8]
    place = out / "models" / f"{name}-{digest}"
    if not place.is_dir():
        say(f"making random weights for {name}")
        document = {"make": "random", "config": config.model_dump(mode="json"), "target": str(place), "name": name}
        reason = _child(document)
        if reason is not None:
            raise ConfigError(f"{name}: random weights could not be made: {reason}")
    return open_folder(place)


def _child(document: Mapping[str, object]) -> str | None:
    """Run `prepare` in a process of its own (this one stays without torch); the reason where it failed."""
    words = [sys.executable, "-m", "fakemamba.bench.prepare", json.dumps(document)]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with code {done.returncode}"
