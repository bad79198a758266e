"""A cell that is a training: a run folder, as `fakemamba train` would make it."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fakemamba.errors import ConfigError, FakeMambaError
from fakemamba.paper.experiments import TRAINING_CORPUS, Start, Target
from fakemamba.paper.recipe import recipe
from fakemamba.paper.study import Library, Study, read_json
from fakemamba.paper.systems import SYSTEMS
from fakemamba.train.settings import CHANGEABLE, Settings
from fakemamba.train.toml import check, load_settings, override

if TYPE_CHECKING:
    from fakemamba.train.loop import Tick

Say = Callable[[str], None]


@dataclass(frozen=True)
class Training:
    """One system, trained for one target with one seed."""

    system: str
    target: Target
    seed: int
    start: Start = "xls-r"
    after: ClassVar[None] = None

    @property
    def run(self) -> str:
        """The name of its folder."""
        start = "" if self.start == "xls-r" else f".{self.start}"
        return f"{self.system}{start}.{self.target}.seed{self.seed}"

    @property
    def name(self) -> str:
        return f"train {self.run}"

    def folder(self, study: Study) -> Path:
        return study.out / "runs" / self.run

    def model(self, study: Study) -> Path:
        """The model folder that is evaluated: the mean of the best epochs."""
        return self.folder(study) / "average"

    def settings(self, study: Study) -> Settings:
        """The whole run; ConfigError if a change does not fit."""
        place = study.places.get(TRAINING_CORPUS)
        tree = recipe(
            SYSTEMS[self.system].model,
            target=self.target,
            seed=self.seed,
            start=self.start,
            root="LA" if place is None else str(place.root),
            xlsr="xlsr" if study.xlsr is None else str(study.xlsr),
            miniature=study.miniature,
        )
        for text in study.changes:
            override(tree, text)
        return check(Settings, tree, self.run)

    def done(self, study: Study) -> bool:
        """Whether the run has come to its end; ConfigError if it was one with other settings."""
        folder = self.folder(study)
        if not (folder / "card.json").exists():
            return False
        theirs, ours = load_settings([folder / "settings.toml"]), self.settings(study)
        if _essence(theirs) != _essence(ours):
            raise ConfigError(f"{folder} was trained with other settings: choose another place with --out")
        return True

    def make(self, study: Study, library: Library, say: Say) -> None:  # noqa: ARG002 - the run opens its own corpora
        """Train, or go on."""
        settings = self.settings(study)
        if study.processes > 1:
            _distributed(settings, self.folder(study), study.processes, cpu=study.cpu)
            return
        from fakemamba.train.run import train

        train(settings, self.folder(study), progress=lambda tick: say(_words(tick)), cpu=study.cpu)

    def command(self, study: Study) -> str:
        """The same by hand, from the repository's folder."""
        place = study.places.get(TRAINING_CORPUS)
        root = "LA" if place is None else str(place.root)
        if self.start != "xls-r":  # the recipe's file names XLS-R, and TOML cannot take that back
            return shlex.join(["fakemamba", "paper", "scratch", "--out", str(study.out)])
        changes = [f"data.train.0.root={root}", f"data.dev.0.root={root}", f"train.seed={self.seed}"]
        changes.append(f"train.frontend={study.xlsr or 'xlsr'}")
        files = [f"configs/{self.system}.toml", f"configs/train/released-{self.target}.toml"]
        words = ["fakemamba", "train", *files]
        for text in (*changes, *study.changes):
            words += ["-s", text]
        words += ["--cpu"] * study.cpu
        return shlex.join([*words, "--out", str(self.folder(study))])

    def card(self, study: Study) -> dict[str, Any] | None:
        """What the run's card says, None before its end."""
        path = self.folder(study) / "card.json"
        return read_json(path) if path.exists() else None


def _essence(settings: Settings) -> str:
    """All that decides about the weights; corpora and XLS-R may have moved to other disks."""
    tree = settings.model_dump(mode="json", exclude_none=True)
    for side in ("train", "dev"):
        for source in tree["data"][side]:
            source.update(root="", genuine=[])
    if "frontend" in tree["train"]:
        tree["train"]["frontend"] = ""
    for key in CHANGEABLE:
        tree["train"].pop(key)
    return json.dumps(tree, sort_keys=True)


def _distributed(settings: Settings, folder: Path, processes: int, *, cpu: bool) -> None:
    """The same run by `torchrun`, a process a GPU."""
    from fakemamba.train.folder import RunFolder

    run = RunFolder(folder)
    run.claim(settings)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words = ["-m", "fakemamba", "train", str(run.settings), "--out", str(folder), "--quiet", *["--cpu"] * cpu]
    done = subprocess.run([*launch, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith(("error:", "internal error:"))]
        reason = said[0] if said else f"exit code {done.returncode}; run it by hand to see why: {shlex.join(words[1:])}"
        raise FakeMambaError(f"{folder.name}: training on {processes} processes broke off: {reason}")


def _words(tick: "Tick") -> str:
    if tick.dev is not None:
        return f"epoch {tick.epoch}, dev EER {tick.dev.numbers['eer']:.2f} %"
    return f"step {tick.step} of {tick.steps}, loss {tick.loss:.4f}, at most {tick.left / 3600:.1f} h left"
