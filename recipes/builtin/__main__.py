"""`python -m recipes.builtin`: from packages and a corpus to weights, resuming where it stopped."""

import argparse
import itertools
import shutil
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from fakemamba.config import load_model_config
from fakemamba.errors import FakeMambaError
from recipes.builtin import manifest
from recipes.builtin.bank import STRENGTHS
from recipes.builtin.bank import build as build_bank
from recipes.builtin.finish import NAME, finish
from recipes.builtin.human import all_human
from recipes.builtin.manifest import Clip
from recipes.builtin.report import report
from recipes.builtin.synthesize import all_synthetic
from recipes.builtin.train import STEPS, plan, train
from recipes.builtin.vocode import all_copies


def table(path: Path, make: Callable[[], Iterable[Clip]]) -> list[Clip]:
    """The clips of a step: read back when it was done before, else made and then written."""
    if not path.exists():
        print(f"making {path.stem} …", flush=True)
        manifest.write(path, make())
    clips = manifest.read(path)
    print(f"{path.stem}: {len(clips)} clips, {sum(c.seconds for c in clips) / 60:.0f} min", flush=True)
    return clips


def collect(corpus: Path, work: Path, seed: int) -> list[Clip]:
    """All audio that the later steps use, as one list."""
    work.mkdir(parents=True, exist_ok=True)
    base = manifest.read(corpus / "corpus.tsv")
    human = table(work / "human.tsv", lambda: all_human(work, seed))
    synthetic = table(work / "synthetic.tsv", lambda: all_synthetic(work, seed))
    to_copy = [c for c in itertools.chain(base, human) if c.label == "bonafide" and c.split == "train"]
    copies = table(work / "copies.tsv", lambda: all_copies(to_copy, work, seed))
    return [*base, *human, *synthetic, *copies]


def check_tools(corpus: Path) -> None:
    """Say at once what is missing, not hours later."""
    missing = [name for name in ("apt-get", "dpkg", "ffmpeg", "espeak-ng", "flite") if shutil.which(name) is None]
    missing += [name for name in ("piper", "pyworld") if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"missing: {', '.join(missing)}; apt-get install ffmpeg espeak-ng flite, pip install '.[recipes]'"
        )
    if not (corpus / "corpus.tsv").exists():
        raise SystemExit(f"{corpus}: no corpus.tsv there; give the corpus with --corpus")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"))
    parser.add_argument("--config", type=Path, default=Path("configs/compact.toml"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, help=f"the model folder to write; default WORK/{NAME}")
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args()
    check_tools(options.corpus)
    clips = collect(options.corpus, options.work, options.seed)
    config = load_model_config(options.config)
    bank = build_bank(clips, options.work / "bank.i16", views=len(STRENGTHS), seed=options.seed)
    print(f"bank: {len(bank.samples) / 16_000 / 3600:.1f} h in {bank.views} views", flush=True)
    best = train(clips, bank, plan(config, steps=options.steps, seed=options.seed), options.work / "train")
    record = {"recipe": "python -m recipes.builtin", "seed": options.seed, "steps": options.steps}
    folder = finish(best, clips, bank, options.out or options.work / NAME, record)
    report(folder.path, clips, bank, options.work / "report.json")
    print(f"done: {folder.path} and {options.work / 'report.json'}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
