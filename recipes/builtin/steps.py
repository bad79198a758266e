"""A step makes one table of clips, in parts where it is long; what is finished is read back, never made again."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from recipes.builtin import manifest, status
from recipes.builtin.manifest import Clip


@dataclass(frozen=True)
class Context:
    """Where a run works, and how much of everything it makes."""

    corpus: Path
    work: Path
    seed: int
    share: float = 1.0  # of each step's clips; the smoke run makes a tiny part

    def amount(self, count: int) -> int:
        """A step's number of clips under this run's share; never none."""
        return max(2, round(count * self.share))

    def base(self) -> list[Clip]:
        """The corpus' own clips."""
        return manifest.read(self.corpus / "corpus.tsv")

    def clips(self, *names: str) -> list[Clip]:
        """What the named steps have made so far."""
        made: list[Clip] = []
        for name in names:
            for path in sorted(self.work.glob(f"{name}.tsv")) + sorted(self.work.glob(f"{name}-[0-9][0-9].tsv")):
                made += manifest.read(path)
        return made


Make = Callable[[Context, int], Iterable[Clip]]  # the part's number, from 0


@dataclass(frozen=True)
class Needs:
    """What a step calls that pip and this recipe don't bring; `voices` are Festival's own names."""

    tools: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """What of it this machine lacks."""
        found = [name for name in self.tools if shutil.which(name) is None]
        found += [name for name in self.modules if find_spec(name) is None]
        if self.voices and "festival" not in found:
            asked = ["festival", "--batch", "(print (voice.list))"]
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
            found += [f"voice {name}" for name in self.voices if name not in said.strip(" ()\n").split()]
        return found


@dataclass(frozen=True)
class Step:
    """`make(context, part)` yields the clips of a part; parts are finished one by one."""

    name: str
    make: Make
    parts: int = 1
    only: tuple[int, ...] = ()  # these parts alone; none named means all
    needs: Needs = Needs()

    def waits(self, work: Path) -> bool:
        """Whether a part is still to be made."""
        return not all(self.path(work, part).exists() for part in self.only or range(self.parts))

    def path(self, work: Path, part: int) -> Path:
        """The table of a part."""
        return work / (f"{self.name}.tsv" if self.parts == 1 else f"{self.name}-{part:02d}.tsv")

    def run(self, context: Context, say: Callable[[str], None]) -> list[Clip]:
        """All clips of the step; parts already on disk are read."""
        clips: list[Clip] = []
        for part in self.only or range(self.parts):
            path = self.path(context.work, part)
            if not path.exists():
                say(f"making {path.stem} …")
                manifest.write(path, self.make(context, part))
                status.write(context.work)
            clips += manifest.read(path)
        say(f"{self.name}: {len(clips)} clips, {sum(c.seconds for c in clips) / 60:.0f} min")
        return clips


def named(steps: Iterable[Step], names: Iterable[str]) -> Iterator[Step]:
    """The steps of these names, in that order; `own:2` is one part. An unknown name ends the run."""
    known = {step.name: step for step in steps}
    for name in names:
        name, _, part = name.partition(":")
        if name not in known or (part and not (part.isdigit() and int(part) < known[name].parts)):
            raise SystemExit(f"no step {name}{':' * bool(part)}{part}; there are: "
                             + ", ".join(f"{s.name} ({s.parts} parts)" for s in known.values()))  # fmt: skip
        yield replace(known[name], only=(int(part),)) if part else known[name]


def check_corpus(corpus: Path) -> None:
    """Say at once that the corpus is not where it was said to be."""
    if not (corpus / "corpus.tsv").exists():
        raise SystemExit(f"{corpus}: no corpus.tsv there; give the corpus with --corpus")
