"""The timings: real-time factor over duration, and the scan in its forms."""

from typing import Any

from fakemamba.paper.experiments import Experiment
from fakemamba.paper.figures import times_figure
from fakemamba.paper.forms import FRAMES, TITLES, Form
from fakemamba.paper.layout import NOT_RUN, Cell, Grid, Picture, Section, once, words
from fakemamba.paper.machine import words as machine_words
from fakemamba.paper.plan import cells_of
from fakemamba.paper.published import RTF
from fakemamba.paper.speed import SECONDS, Speed
from fakemamba.paper.study import Study
from fakemamba.paper.systems import SYSTEMS

Found = dict[str, dict[str, Any]]


def rtf(study: Study, experiment: Experiment) -> Section:
    """How long each system takes, by duration."""
    cells = [Speed(system) for system in experiment.systems]
    found = {cell.system: numbers for cell in cells if (numbers := cell.numbers(study)) is not None}
    known = Cell(RTF.text, (RTF.source, RTF.note), "published", RTF.to_dict())
    whole = _durations(experiment, found, "whole", factor=True)
    whole_rows = (*whole.rows, (words("paper, Fake-Mamba: all durations"), known, *[words("")] * len(SECONDS)))
    grids = (
        Grid(whole.title, whole.head, whole_rows, (), whole.caption),
        _durations(experiment, found, "after_xlsr", factor=False),
    )
    return Section(
        name=experiment.name, title=experiment.title, done=len(found), total=len(cells),
        about=(experiment.about, "One clip at a time, random weights: they cost the same as trained ones."),
        grids=grids, pictures=_rtf_pictures(study, found),
        notes=once([f"{SYSTEMS[name].title}: {one['precision']}." for name, one in found.items()][:1]),
        machines=once([machine_words(one["machine"]) for one in found.values()]),
    )  # fmt: skip


def _durations(experiment: Experiment, found: Found, part: str, *, factor: bool) -> Grid:
    rows = []
    for system in experiment.systems:
        one = found.get(system)
        if one is None:
            rows.append((words(SYSTEMS[system].title), *[NOT_RUN] * (1 + len(SECONDS))))
            continue
        cells = [_time(row[part], row["seconds"] if factor else None) for row in one["durations"]]
        rows.append((words(SYSTEMS[system].title), words(TITLES.get(one["kernel"]) or one["kernel"]), *cells))
    title = "Real-time factor of the whole system (time to score / duration; below 1 is faster than speech)"
    if not factor:
        title = "After XLS-R alone (projection, encoder, pooling, head), milliseconds"
    first = next(iter(found.values()), None)
    repeats = first["durations"][0]["whole"] if first else None
    caption = "Median; below it 5 % to 95 % of the repeats, ms."
    if repeats:
        caption += f" {repeats['warmup']} calls to warm up, {repeats['repeats']} measured."
    head = tuple(words(text) for text in ("system", "scan", *(f"{seconds} s" for seconds in SECONDS)))
    return Grid(title, head, tuple(rows), (), (caption,))


def _time(times: dict[str, Any], seconds: int | None) -> Cell:
    text = f"{times['median']:.3g}" if seconds is None else f"{times['median'] / 1e3 / seconds:.3g}"
    return Cell(text, (f"{times['p5']:.3g} – {times['p95']:.3g} ms",), data=dict(times))


def _rtf_pictures(study: Study, found: Found) -> tuple[Picture, ...]:
    if not found:
        return ()

    def lines(part: str, *, factor: bool) -> dict[str, list[dict[str, float]]]:
        return {
            SYSTEMS[name].title: [
                {key: row[part][key] / (1e3 * row["seconds"] if factor else 1) for key in ("p5", "median", "p95")}
                for row in one["durations"]
            ]
            for name, one in found.items()
        }

    spread = "Medians with 5 % to 95 % of the repeats."
    return (
        Picture(
            "rtf-whole", f"Real-time factor of the whole system over the clip's duration. {spread}",
            lambda: times_figure(SECONDS, lines("whole", factor=True), x="Duration of the clip, s",
                                 y="Time to score / duration", title="Whole system", miniature=study.miniature),
        ),
        Picture(
            "rtf-after-xlsr", f"Time after XLS-R, where the encoders differ. {spread}",
            lambda: times_figure(SECONDS, lines("after_xlsr", factor=False), x="Duration of the clip, s",
                                 y="Time, ms", title="After XLS-R alone", miniature=study.miniature),
        ),
    )  # fmt: skip


def scan(study: Study, experiment: Experiment) -> Section:
    """The scan in its forms."""
    asked = {cell.form for cell in cells_of(study, experiment) if isinstance(cell, Form)}
    found = {form: numbers for form in TITLES if (numbers := Form(form).numbers(study)) is not None}
    steps = FRAMES[:2] if study.miniature else FRAMES
    missing = [TITLES[form] for form in TITLES if form not in asked and form not in found]
    return Section(
        name=experiment.name, title=experiment.title, done=len(asked & set(found)), total=len(asked),
        about=(experiment.about, "Both directions of one block, single precision."),
        grids=(_forms(found, asked, steps, "forward"), _forms(found, asked, steps, "both")),
        pictures=_scan_pictures(study, found, steps),
        notes=tuple(f"Not on this machine: {title}." for title in missing),
        machines=once([machine_words(one["machine"]) for one in found.values()]),
    )  # fmt: skip


def _forms(found: Found, asked: set[str], steps: tuple[int, ...], part: str) -> Grid:
    rows = []
    for form, title in TITLES.items():
        one = found.get(form)
        if one is None:
            if form in asked:
                rows.append((words(title), *[NOT_RUN] * (len(steps) + 2)))
            continue
        cells = [_time(row[part], None) for row in one["lengths"]]
        worst = max(row["difference"] for row in one["lengths"])
        rows.append(
            (words(title), *cells, _time(one["encoder"], None), Cell(f"{worst:.1e}", data={"difference": worst}))
        )
    names = [f"{count} steps" for count in steps]
    head = tuple(words(text) for text in ("form", *names, "whole encoder, forward", "largest difference"))
    title = "Forward, milliseconds" if part == "forward" else "Forward and gradients, milliseconds"
    caption = (
        "Medians; below them 5 % to 95 % of the repeats. 50 steps are a second of speech. Whole encoder: Fake-Mamba-L "
        "after XLS-R, 4.175 s. Largest difference: from the step-by-step reference, in units of its largest output."
    )
    return Grid(title, head, tuple(rows), (), (caption,))


def _scan_pictures(study: Study, found: Found, steps: tuple[int, ...]) -> tuple[Picture, ...]:
    if not found:
        return ()
    lines = {TITLES[form]: [row["forward"] for row in one["lengths"]] for form, one in found.items()}
    return (
        Picture(
            "scan-forward", "The scan alone, forward; both axes logarithmic, with 5 % to 95 % of the repeats.",
            lambda: times_figure(steps, lines, x="Steps (50 are a second)", y="Time, ms", title="Selective scan",
                                 miniature=study.miniature, logarithmic=True),
        ),
    )  # fmt: skip
