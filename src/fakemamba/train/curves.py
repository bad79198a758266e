"""The run's log as a picture: loss over the steps, what dev said, and the learning rate."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakemamba.plots import COLOURS, available, save
from fakemamba.train.folder import writing

logger = logging.getLogger(__name__)
_MARKERS = "osD^vP*"


def draw(rows: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Write a PNG from the rows of `log.jsonl`; without matplotlib nothing is drawn, and that is logged."""
    if not available():
        logger.warning("no curves: pip install 'fakemamba[plot]' draws them")
        return
    from matplotlib.figure import Figure

    steps = [row for row in rows if "loss" in row]
    looks = [row for row in rows if "dev" in row]
    names = [name for name in (looks[0]["dev"] if looks else {}) if name != "clips"]
    figure = Figure(figsize=(6.3, 6.0), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    top.plot([row["step"] for row in steps], _of(steps, "loss"), lw=1, color="0.4", label="training")
    top.set_ylabel("loss")
    top.set_title(title.replace("$", r"\$"), loc="left")
    for number, name in enumerate(names):
        axes, label = (top, "dev") if name == "loss" else (middle, name)
        style = {"color": COLOURS[number % 7], "marker": _MARKERS[number % 7], "markersize": 4}
        axes.plot([row["step"] for row in looks], _of([row["dev"] for row in looks], name), label=label, **style)
    middle.set_ylabel("dev, EER in %")
    for axes in (top, middle):
        if axes.lines:
            axes.legend(frameon=False, fontsize="small")
    bottom.plot([row["step"] for row in steps], _of(steps, "rate"), lw=1, color="0.4")
    bottom.set_ylabel("rate")
    bottom.set_xlabel("step")
    with writing(path):
        save(figure, path)


def _of(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    """One number of every row; NaN where there is none."""
    return [float("nan") if row.get(name) is None else float(row[name]) for row in rows]
