"""A model folder -> the same model for ONNX Runtime, in float32, or smaller as int8 or fp16: `export_model`.

source -> float32 ONNX (its own, or traced from its torch weights)
       -> which parts bear less: drift of the score on a few clips (search.py)
       -> compared with the source on many clips (parity.py)
       -> a folder or a bare file, whole or not at all (place.py)
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

from fakemamba import __version__
from fakemamba.checkpoint.card import ModelCard
from fakemamba.checkpoint.folder import ONNX_FILE, TENSOR_FILE, ModelFolder, open_folder
from fakemamba.data.dataset import Dataset
from fakemamba.errors import CheckpointError, ConfigError, MissingExtraError
from fakemamba.evaluation.scoring import Progress
from fakemamba.export.audio import made_up, open_check, windows_of
from fakemamba.export.graph import DATA, Part, need_onnx, read_graph, write_graph
from fakemamba.export.parity import Contender, Parity, compare, drift_of, scores_of
from fakemamba.export.place import check_target, place, standing
from fakemamba.export.search import Choice, Parts, Say, choose
from fakemamba.onnx_scorer import OnnxScorer
from fakemamba.scorer import FloatArray, Scorer

Precision = Literal["fp32", "int8", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
DRIFT = 0.03  # of a log-likelihood ratio, root mean square
SECONDS = 300.0  # that the search for parts may take
RECORD = "exported"  # where the card's training record tells of it


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the folder, or the bare file.
        card: of the model.
        parity: the comparison. choice: of the parts; None for fp32.
    """

    path: Path
    card: ModelCard
    parity: Parity
    choice: Choice | None


@dataclass(frozen=True)
class Wish:
    """How to export.

    Attributes:
        precision: fp32, int8 or fp16.
        check: what to compare on (see `open_check`); None for voices made up. split, limit: of it.
        drift: that the search bears. seconds: that it may take.
        threads: CPU threads; None for all.
    """

    precision: Precision = "fp32"
    check: str | None = None
    split: str | None = None
    limit: int | None = None
    drift: float = DRIFT
    seconds: float = SECONDS
    threads: int | None = None


def precision_of(card: ModelCard) -> str:
    """What an exported model's numbers are; "fp32" for any other."""
    record = card.training.get(RECORD)
    return str(record.get("precision", "fp32")) if isinstance(record, dict) else "fp32"


def export_model(
    model: str | Path | None,
    out: str | Path | None = None,
    wish: Wish | None = None,
    *,
    overwrite: bool = False,
    say: Say = lambda _: None,
    on_progress: Progress | None = None,
) -> Exported:
    """Export a model and compare it with what it was.

    Args:
        model: as `fakemamba.load` takes it.
        out: a folder to make, or a file that ends in .onnx; None for a folder named after model and precision.
        wish: how.
        overwrite: replace what is there.
        say: told each step. on_progress: called with the clips compared so far, first of the one, then of the other.

    Raises:
        MissingExtraError: torch or onnx is needed and not installed.
        CheckpointError: no such model, no weights that could be exported, or `out` exists.
        ConfigError, DataError, AudioError: the audio to check with.
    """
    wish = wish or Wish()
    folder = open_folder(model)
    _check(folder, wish)
    target = Path(out) if out is not None else Path(f"{folder.card.name}-{_ending(wish.precision)}")
    check_target(target, overwrite=overwrite)
    need_onnx("exporting a model")
    with TemporaryDirectory(prefix=".export.", dir=standing(target.parent)) as work:
        room = Path(work)
        dataset = open_check(wish.check, split=wish.split, limit=wish.limit) if wish.check else made_up(room)
        job = _Job(folder, wish, room, dataset, say)
        plain, before = job.plain()
        path, choice = (plain, None) if wish.precision == "fp32" else job.smaller(plain)
        after = Contender(f"ONNX {wish.precision}", job.scorer(path), _bytes(path))
        say(f"comparing on {len(dataset)} clips of {dataset.name}")
        found = compare(
            folder.card, before or Contender("ONNX fp32", job.scorer(plain), _bytes(plain)), after, dataset,
            protocol="detect" if wish.check else "whole",  # made-up voices are no speech to `detect`
            threads=wish.threads, on_progress=on_progress,
        )  # fmt: skip
        card = _card(folder, wish, choice, found)
        place(target, card, path, found, choice, overwrite=overwrite)
    return Exported(target, card, found, choice)


class _Job:
    """The steps of one export, in a room of its own."""

    def __init__(self, folder: ModelFolder, wish: Wish, room: Path, dataset: Dataset, say: Say) -> None:
        self._folder, self._wish, self._room, self._say = folder, wish, room, say
        self._dataset = dataset

    def plain(self) -> tuple[Path, Contender | None]:
        """The float32 file, and the torch model that it came from where it was traced now."""
        card, files = self._folder.card, self._folder.card.files
        if self._wish.precision != "fp32" and ONNX_FILE in files:
            return self._folder.file(ONNX_FILE), None
        _need_torch(card)
        from fakemamba.checkpoint.torch_io import load_system
        from fakemamba.export.onnx_file import export_onnx
        from fakemamba.torch_scorer import TorchScorer

        self._say("tracing the torch model")
        path = self._room / ONNX_FILE
        export_onnx(load_system(self._folder), path)
        if self._wish.precision != "fp32":
            return path, None
        size = (self._folder.path / TENSOR_FILE).stat().st_size
        return path, Contender("torch fp32", TorchScorer(self._folder, device="cpu", threads=self._wish.threads), size)

    def scorer(self, path: Path) -> Scorer:
        return OnnxScorer.of(path, self._folder.card.model, threads=self._wish.threads)

    def smaller(self, plain: Path) -> tuple[Path, Choice]:
        """The file in the wished precision, and which parts of it that concerns."""
        card, wish = self._folder.card, self._wish
        windows = windows_of(self._dataset, card.model)
        drift = drift_of(card, scores_of(self.scorer(plain), windows))
        graph = read_graph(plain)
        parts, change = self._ways(graph, windows)
        if not parts:
            raise ConfigError(f"model {card.name}: has no weights large enough for {wish.precision} to save anything")
        trial = self._room / f"{wish.precision}.onnx"

        def measure(taken: Parts) -> float:
            write_graph(change(taken), trial)
            return drift(scores_of(self.scorer(trial), windows))

        choice = choose(parts, measure, tolerance=wish.drift, seconds=wish.seconds, say=self._say)
        if not choice.taken:
            lowest = min(choice.alone.values(), default=choice.drift)
            raise ConfigError(
                f"model {card.name}: no part of it bears {wish.precision} within a drift of {wish.drift:g} "
                f"(the least: {lowest:.3g}); raise --drift, or choose another precision"
            )
        path = self._room / "small" / ONNX_FILE
        path.parent.mkdir()
        made = change(tuple(part for part in parts if part.name in choice.taken))
        write_graph(made, path)
        return path, choice

    def _ways(self, graph: Any, windows: list[FloatArray]) -> tuple[list[Part], Callable[[Parts], Any]]:
        """The parts of the graph, and what makes them smaller."""
        if self._wish.precision == "fp16":
            from fakemamba.export.half import half_parts, halved

            return half_parts(graph), lambda taken: halved(graph, _weights(taken))
        from fakemamba.export.int8 import convolved, int8_parts, quantized, ranges_of

        parts = int8_parts(graph)
        self._say("calibrating the convolutions")
        watched = convolved(graph, _weights(parts))
        ranges = ranges_of(graph, watched, windows, self._room, threads=self._wish.threads)
        return parts, lambda taken: quantized(graph, _weights(taken), ranges)


def _weights(parts: Parts | list[Part]) -> list[str]:
    return [name for part in parts for name in part.weights]


def _check(folder: ModelFolder, wish: Wish) -> None:
    """What can be told before any work."""
    card, files = folder.card, folder.card.files
    if wish.precision not in PRECISIONS:
        raise ConfigError(f"precision {wish.precision!r}: choose one of {', '.join(PRECISIONS)}")
    if not wish.drift > 0 or not wish.seconds > 0:
        raise ConfigError(f"drift and seconds must be above 0, not {wish.drift} and {wish.seconds}")
    if precision_of(card) != "fp32" and ONNX_FILE in files:
        raise CheckpointError(
            f"{folder.path}: is {precision_of(card)} already: export from the model that it was made of"
        )
    if TENSOR_FILE in files:
        return
    if ONNX_FILE not in files:
        raise CheckpointError(f"{folder.path}: lists neither {TENSOR_FILE} nor {ONNX_FILE}, nothing to export")
    if wish.precision == "fp32":
        raise CheckpointError(
            f"{folder.path}: has no {TENSOR_FILE} to export from; its {ONNX_FILE} runs as it is, "
            "and --int8 or --fp16 make it smaller"
        )


def _need_torch(card: ModelCard) -> None:
    for package in ("torch", "onnxscript"):
        if find_spec(package) is None:
            raise MissingExtraError(f"exporting {card.name} from its torch weights", "export")


def _ending(precision: str) -> str:
    return "onnx" if precision == "fp32" else precision


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, path.with_name(path.name + DATA)) if file.exists())


def _card(folder: ModelFolder, wish: Wish, choice: Choice | None, found: Parity) -> ModelCard:
    """The source's card with what was done to it; calibration and thresholds stay."""
    card = folder.card
    source = TENSOR_FILE if found.before.what.startswith("torch") else folder.weights
    record: dict[str, Any] = {
        "precision": wish.precision,
        "from": {"model": card.name, "file": source, "sha256": card.files[source]},
        "fakemamba": __version__,
        "checked_on": found.audio,
        "clips": found.clips,
        "verdicts_changed": found.flips,
        "largest_difference": found.max_difference,
    }
    if choice is not None:
        record |= {"parts": len(choice.taken), "kept_fp32": list(choice.kept)}
    suffix = "" if wish.precision == "fp32" else f"-{wish.precision}"
    name = card.name[: 100 - len(suffix)] + suffix
    return card.model_copy(update={"name": name, "training": {**card.training, RECORD: record}, "files": {}})
