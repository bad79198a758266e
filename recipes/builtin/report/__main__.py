"""`python -m recipes.builtin.report`: the numbers of a finished model, from a work folder that the recipe filled."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from fakemamba.checkpoint.folder import open_folder
from fakemamba.errors import FakeMambaError
from recipes.builtin import keep
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import everything
from recipes.builtin.finish import NAME, note_errors
from recipes.builtin.manifest import Clip
from recipes.builtin.report import docs, second
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
    parser.add_argument("--note", action="store_true", help="put the error rates into the model's card, too")
    parser.add_argument("--second-test", action="store_true",
                        help="open the second test for this model, and measure nothing else; its tables are made by "
                             "python -m recipes.builtin.second. It stays unseen only until somebody looks")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    check_corpus(options.corpus)
    clips = everything(options.work, options.corpus)
    out, began = options.out or options.work / f"report-{Path(options.model).name}", time.process_time()

    def say(line: str) -> None:
        print(f"{time.process_time() - began:5.0f} s: {line}", flush=True)

    if options.second_test:
        _second(options, clips, out, say)
        return
    bank = build_bank(clips, options.work / "bank.i16", seed=options.seed)
    found = report(options.model, clips, bank, out, seed=options.seed, left_out=options.work / LEFT_OUT, say=say)
    if options.docs:
        docs.write(options.docs, found)
    if options.note:
        note_errors(open_folder(options.model).path, found)
    print(f"{out / 'report.md'}; {time.process_time() - began:.0f} processor seconds")


def _second(options: argparse.Namespace, clips: list[Clip], out: Path, say: Callable[[str], None]) -> None:
    """Measure, write, and put it beside what the page tells of the same model."""
    page = keep.read_json(options.docs.with_suffix(".json")) if options.docs else None
    if page:
        second.check_page(page, options.model)
    found = second.measure(options.model, clips, options.work, out, seed=options.seed, say=say)
    keep.put(out / "second-test.md", second.markdown(found))
    if page:
        docs.write(options.docs, {**page, "second": found})
    print(out / "second-test.md")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
