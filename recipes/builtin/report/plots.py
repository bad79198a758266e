"""Robustness as curves: the error rate over noise, over length, and by codec."""

from pathlib import Path
from typing import Any

from fakemamba import plots
from fakemamba.plots import Series

NAMES = ("noise", "duration", "codecs")
_MACRO = "EER, mean over dev sources, %"


def draw(report: dict[str, Any], folder: Path, stem: str) -> list[Path]:
    """STEM-noise.png, STEM-duration.png, STEM-codecs.png into `folder`; none where matplotlib is not installed."""
    if not plots.available():
        return []
    rows = report["conditions"]
    figures = {
        "noise": _lines(rows, ["clean", *_of(report, "noise")], "Signal-to-noise ratio", report),
        "duration": _lines(rows, ["clean", *_of(report, "duration")], "Length that is judged", report),
        "codecs": plots.bars(
            [report["groups"][name]["title"] for name in ("clean", *_of(report, "codec"), "line")],
            [_series(rows, ["clean", *_of(report, "codec"), "line"])], x=_MACRO, percent=False,
        ),
    }  # fmt: skip
    places = []
    for name, figure in figures.items():
        places.append(folder / f"{stem}-{name}.png")
        plots.save(figure, places[-1])
    return places


def _of(report: dict[str, Any], group: str) -> list[str]:
    return [name for name, told in report["groups"].items() if told["group"] == group]


def _series(rows: dict[str, Any], names: list[str]) -> Series:
    chosen = [rows[name] for name in names]
    return Series("mean over dev sources", *([row[key] for row in chosen] for key in ("macro", "low", "high")))


def _lines(rows: dict[str, Any], names: list[str], x: str, report: dict[str, Any]) -> Any:
    """The macro rate with its interval, and the worst and the best source."""
    parts = [list(rows[name]["by_source"].values()) for name in names]
    series = [_series(rows, names), Series("worst source", [max(p) for p in parts]),
              Series("best source", [min(p) for p in parts])]  # fmt: skip
    places = [report["groups"][name]["title"].removeprefix("first ") for name in names]
    return plots.lines(["whole" if x.startswith("Length") else "clean", *places[1:]], series, x=x, y="EER, %")
