"""The run's log as a picture: loss over the steps, what dev said, and the learning rate."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakemamba.train.folder import put, writing

logger = logging.getLogger(__name__)


def draw(rows: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Write a PNG from the rows of `log.jsonl`; without matplotlib nothing is drawn, and that is logged."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        logger.warning("no curves: pip install 'fakemamba[plot]' draws them")
        return
    steps = [row for row in rows if "loss" in row]
    looks = [row for row in rows if "dev" in row]
    figure = Figure(figsize=(8, 7), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    top.plot([row["step"] for row in steps], [row["loss"] for row in steps], lw=1, color="0.4", label="training")
    top.set(ylabel="loss", title=title)
    names = [name for name in (looks[0]["dev"] if looks else {}) if name != "clips"]
    if "loss" in names:
        top.plot([row["step"] for row in looks], [row["dev"]["loss"] for row in looks], "o-", ms=3, label="dev")
    top.legend(frameon=False)
    for name in names:
        if name != "loss":
            values = [row["dev"].get(name) for row in looks]
            middle.plot([row["step"] for row in looks], values, "o-", ms=3, label=name)
    middle.set(ylabel="dev, EER in %")
    if middle.lines:
        middle.legend(frameon=False, fontsize="small")
    bottom.plot([row["step"] for row in steps], [row["rate"] for row in steps], lw=1, color="0.4")
    bottom.set(ylabel="rate", xlabel="step")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    with writing(path):
        put(path, picture.getvalue())
