"""`python -m recipes.builtin.report`: the numbers of a finished model, from a work folder that the recipe filled."""

import argparse
import time
from pathlib import Path

from fakemamba.errors import FakeMambaError
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import everything
from recipes.builtin.finish import NAME
from recipes.builtin.report import docs
from recipes.builtin.report.measure import LEFT_OUT, report
from recipes.builtin.steps import check_corpus


def main(arguments: list[str] | None = None) -> None:
    """Measure, write, and fill a page where one is named."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.report", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"), help="where the tables and the bank are")
    parser.add_argument("--model", default=NAME, help=f"name or folder; default {NAME}, as installed")
    parser.add_argument("--out", type=Path, help="default WORK/report-MODEL")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="fill this page, its JSON and its plots")
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    check_corpus(options.corpus)
    clips = everything(options.work, options.corpus)
    bank = build_bank(clips, options.work / "bank.i16", seed=options.seed)
    out, began = options.out or options.work / f"report-{Path(options.model).name}", time.process_time()
    found = report(options.model, clips, bank, out, seed=options.seed, left_out=options.work / LEFT_OUT,
                   say=lambda line: print(f"{time.process_time() - began:5.0f} s: {line}", flush=True))  # fmt: skip
    if options.docs:
        docs.write(options.docs, found)
    print(f"{out / 'report.md'}; {time.process_time() - began:.0f} processor seconds")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
