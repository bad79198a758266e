"""Makes the cells that are not there yet, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from fakemamba.checkpoint.folder import open_folder
from fakemamba.config import XlsrConfig
from fakemamba.data.corpora import CORPORA
from fakemamba.data.miniature import make_miniature
from fakemamba.errors import CheckpointError, ConfigError, FakeMambaError, MissingExtraError
from fakemamba.paper.experiments import Experiment
from fakemamba.paper.maps import Map
from fakemamba.paper.plan import Cell, demand, plan
from fakemamba.paper.recipe import shrink
from fakemamba.paper.scoring import Scored
from fakemamba.paper.study import Library, Place, Study
from fakemamba.paper.systems import SYSTEMS
from fakemamba.paper.training import Training

# What holds both classes without a counterpart from elsewhere: a folder or table stands for anything.
_PLAIN = ("folder", "tsv")


@dataclass(frozen=True)
class Step:
    """Where the work is.

    Attributes:
        cell: its name. number, total: of the cells that were to be made.
        detail: what happens inside; "" when the cell begins.
    """

    cell: str
    number: int
    total: int
    detail: str = ""


Progress = Callable[[Step], None]


def run(study: Study, experiments: Sequence[Experiment], progress: Progress | None = None) -> list[str]:
    """Make every cell that is not there; a cell that fails does not keep the others from being made.

    Args:
        study: made ready by `with_miniatures` where it is one.
        experiments: by `chosen`.
        progress: told of every cell and, now and then, of what happens inside.

    Returns:
        what went wrong, a line a cell; empty if all is there.

    Raises:
        ConfigError: something is lacking: nothing was begun.
        DataError: a corpus cannot be used. MissingExtraError: a package is not installed.
    """
    demand(study, experiments)
    study.claim()
    todo = [cell for cell in plan(study, experiments) if not cell.done(study)]
    library = Library(study.places)
    _look_ahead(study, todo, library)
    failures: list[str] = []
    for number, cell in enumerate(todo, 1):
        if cell.after is not None and not cell.after.done(study):
            failures.append(f"{cell.name}: waits for its training")
            continue
        tell = _teller(progress, cell, number, len(todo))
        tell("")
        try:
            cell.make(study, library, tell)
        except FakeMambaError as error:
            failures.append(f"{cell.name}: {error}")
    return failures


def with_miniatures(study: Study) -> Study:
    """The study with made-up corpora and a tiny random XLS-R in its output folder, made if they are not there."""
    study.claim()
    room = study.out / "miniature"
    places = {name: Place(root=make_miniature(name, room / name)) for name in CORPORA if name not in _PLAIN}
    return replace(study, places=places, xlsr=_tiny_xlsr(room / "xls-r"))


def _look_ahead(study: Study, todo: Sequence[Cell], library: Library) -> None:
    """Fail in the first minutes, not after days of training."""
    if any(isinstance(cell, Training) for cell in todo):
        if find_spec("accelerate") is None:
            raise MissingExtraError("training", "train")
        _check_xlsr(study)
    if any(isinstance(cell, Map) for cell in todo) and find_spec("sklearn") is None:
        raise MissingExtraError("a map of embeddings", "paper")
    for corpus in dict.fromkeys(cell.corpus for cell in todo if isinstance(cell, Scored | Map)):
        library.dataset(corpus)


def _check_xlsr(study: Study) -> None:
    """Whether the folder holds an XLS-R that the systems can start from; ConfigError."""
    assert study.xlsr is not None
    theirs = open_folder(study.xlsr).card.model.frontend
    full = SYSTEMS["fake-mamba-l"].model
    ours = (shrink(full) if study.miniature else full).frontend
    assert isinstance(ours, XlsrConfig)
    if not isinstance(theirs, XlsrConfig):
        raise ConfigError(f"{study.xlsr}: its front-end is {theirs.kind}, not XLS-R")
    if (theirs.width, theirs.layers) != (ours.width, ours.layers):
        raise ConfigError(
            f"{study.xlsr}: {theirs.layers} layers of {theirs.width}; "
            f"the paper's XLS-R has {ours.layers} of {ours.width}"
        )


def _tiny_xlsr(folder: Path) -> Path:
    import torch

    from fakemamba.checkpoint.torch_io import FRONTEND, save_tensors
    from fakemamba.models import build

    if folder.exists():
        open_folder(folder)
        return folder
    config = shrink(SYSTEMS["fake-mamba-l"].model)
    torch.manual_seed(0)
    tensors = {f"{FRONTEND}{key}": value for key, value in build(config).frontend.state_dict().items()}
    try:
        save_tensors(folder, tensors, config, name="tiny-random-xls-r", origin="random weights, for dry runs")
    except CheckpointError as error:
        raise ConfigError(f"the miniature's weights cannot be written: {error}") from error
    return folder


def _teller(progress: Progress | None, cell: Cell, number: int, total: int) -> Callable[[str], None]:
    def tell(detail: str) -> None:
        if progress is not None:
            progress(Step(cell.name, number, total, detail))

    return tell
