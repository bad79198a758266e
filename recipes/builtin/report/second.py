"""The second test: opened by hand, kept beside the report of its model, told of in tables of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakemamba import load
from recipes.builtin import keep
from recipes.builtin.bank import build as build_bank
from recipes.builtin.bank import load_noises
from recipes.builtin.manifest import Clip
from recipes.builtin.report import tables
from recipes.builtin.report.conditions import CLEAN, line
from recipes.builtin.report.judged import Bench, Judged
from recipes.builtin.report.markdown import SHARE_HEADS, Report, both, shares, table
from recipes.builtin.second.steps import STEPS
from recipes.builtin.steps import Context

FILE = "second-test.json"  # in a report's folder
OPENED = "test2-opened.json"  # in the work folder: the models that were told of it, in order
UNOPENED = "Not opened for this model."


def second_clips(work: Path) -> list[Clip]:
    """All its clips; raises SystemExit for a table that isn't made."""
    if missing := [step.name for step in STEPS if step.waits(work)]:
        raise SystemExit(f"the second test lacks {', '.join(missing)}; python -m recipes.builtin.second --work {work}")
    return Context(work, work, 0).clips(*(step.name for step in STEPS))


def measure(model: str | Path, heard: list[Clip], work: Path, folder: Path, *, seed: int,
            say: Callable[[str], None] = lambda _: None) -> Report:  # fmt: skip
    """Open it for a model, write FILE into `folder`, note the model in the work folder's OPENED.

    Args:
        model: name or folder.
        heard: the other tables' clips, for the noises of dev, which are those of the other reports' lines.
        work: where its tables are; its bank, of clean views alone, is made there too.
        folder: of the model's report; answers are kept in its `judged-second`.
        seed: of noises and codecs.
        say: told of each condition.
    """
    clips = second_clips(work)
    detector = load(model, threads=1)
    before = _note(work / OPENED, detector.model_sha256)
    bank = build_bank(clips, work / "bank-test2.i16", seed=seed)
    bench = Bench(detector, clips, bank, folder / "judged-second", seed)
    bench.folder.mkdir(parents=True, exist_ok=True)
    judged = {}
    for condition in (CLEAN, line(load_noises(heard, "dev"))):
        say(f"second test, {condition.title}")
        judged[condition.name] = bench.judge(condition, "test")
    found = {"model": {"name": detector.card.name, "sha256": detector.model_sha256}, "seed": seed,
             "opened_before": before, **_numbers(judged)}  # fmt: skip
    keep.put_json(folder / FILE, found, indent=1)
    return found


def _numbers(judged: dict[str, list[Judged]]) -> Report:
    """Pairs, verdicts and calibration by condition, and each source's own rows when clean."""
    return {
        "pairs": {name: tables.held_out(rows) for name, rows in judged.items()},
        "verdicts": {name: tables.verdicts(rows) for name, rows in judged.items()},
        "calibration": {name: tables.calibration(rows) for name, rows in judged.items()},
        "sources": tables.by_source(judged["clean"]),
        "not_judged": {name: 100 * (1 - len(tables.scored(rows)) / len(rows)) for name, rows in judged.items()},
    }


def _note(path: Path, sha256: str) -> int:
    """Put the model last into the list, unless it is there; returns how many others came before it."""
    known: list[str] = keep.read_json(path) if path.exists() else []
    if sha256 not in known:
        known.append(sha256)
        keep.put_json(path, known)
    return known.index(sha256)


def kept(folder: Path, sha256: str) -> Report | None:
    """What `measure` wrote for this very model, or None."""
    path = folder / FILE
    found: Report | None = keep.read_json(path) if path.exists() else None
    return found if found and found["model"]["sha256"] == sha256 else None


def check_page(page: Report, model: str | Path) -> None:
    """Raise SystemExit where a page tells of other weights, before anything is opened for it."""
    if page["model"]["sha256"] != load(model).model_sha256:
        raise SystemExit(f"the page tells of {page['model']['name']} with other weights than {model}'s; "
                         "fill it by this command without --second-test first")  # fmt: skip


def second(report: Report) -> str:
    """Every human package against every family, and what is made of all pairs."""
    if not (found := report.get("second")):
        return UNOPENED
    clean, narrow = found["pairs"]["clean"], found["pairs"]["line"]
    human, fakes = (sorted({pair.split(" / ")[end] for pair in clean["cells"]}) for end in (0, 1))
    rows: list[list[Any]] = [[name, clean["clips"][name], *(clean["cells"][f"{name} / {fake}"] for fake in fakes)]
                             for name in human]  # fmt: skip
    rows.append(["clips", "", *(clean["clips"][fake] for fake in fakes)])
    grid = table(["human speech, EER %", "clips", *fakes], rows)
    whole = [[title, *(pairs[key] for pairs in (clean, narrow)), _ratio(narrow[key], clean[key])]
             for title, key in (("mean over all pairs", "macro"), ("worst pair", "worst"))]  # fmt: skip
    told = table(["second test, EER %", "clean", "noise at 15 dB, then one codec", "to clean"], whole)
    return f"{grid}\n\n{told}\n\n{_opened(found['opened_before'])}"


def _ratio(one: float, other: float) -> str:
    return f"{one / max(other, 1e-9):.2f}"


def _opened(before: int) -> str:
    return "No model was measured on it before." if not before else f"Models that were measured on it before: {before}."


def second_verdicts(report: Report) -> str:
    """At the model's own thresholds, and each source by itself when clean."""
    if not (found := report.get("second")):
        return UNOPENED
    titles = {"clean": "clean", "line": "noise at 15 dB, then one codec"}
    rows = [[titles[name], *shares(row), found["not_judged"][name]] for name, row in found["verdicts"].items()]
    own = [[name, both(row["clips"]), row["eer"], *shares(row)] for name, row in found["sources"].items()]
    heads = ["source, clean", "clips, genuine / fake", "EER % against all others", *SHARE_HEADS]
    shared = table(["second test, share of clips, %", *SHARE_HEADS, "not judged"], rows)
    return f"{shared}\n\n{table(heads, own)}"


def second_calibration(report: Report) -> str:
    """How far the probabilities can be believed there."""
    if not (found := report.get("second")):
        return UNOPENED
    titles = {"clean": "second test, clean", "line": "second test, noise at 15 dB and a codec"}
    rows = [[titles[name], both(row["clips"]), *(f"{row[key]:.3f}" for key in ("cllr", "min_cllr", "difference")),
             row["ece"]] for name, row in found["calibration"].items()]  # fmt: skip
    return table(["log-likelihood ratios", "clips, genuine / fake", "Cllr", "minCllr", "Cllr - minCllr", "ECE %"], rows)


SECTIONS: dict[str, Callable[[Report], str]] = {f.__name__: f for f in (second, second_verdicts, second_calibration)}


def markdown(found: Report) -> str:
    """Its tables, one after the other."""
    return "\n\n".join(f"## {name}\n\n{section({'second': found})}" for name, section in SECTIONS.items()) + "\n"
