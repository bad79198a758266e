"""The measured numbers as Markdown tables, by the names that a page in docs/ asks for them."""

from collections.abc import Callable, Iterable
from typing import Any

from fakemamba.operating import share_words

Report = dict[str, Any]
_SHARES = ("unsure", "wrong_outside_unsure", "genuine_called_fake", "fakes_called_real")
SHARE_HEADS = ("unsure", "wrong among the others", "genuine called fake", "fakes called real")
_SETS = {"dev": "dev, clean", "test": "held-out packages"}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows under their heads; numbers with one digit after the point, nothing where there is none."""
    heads = list(heads)
    head, *lines = ("| " + " | ".join(map(_cell, row)) + " |" for row in (heads, *rows))
    return "\n".join([head, "|---" * len(heads) + "|", *lines])


def both(clips: Iterable[int]) -> str:
    """Genuine clips and fakes."""
    return " / ".join(map(str, clips))


def shares(row: dict[str, Any]) -> list[object]:
    """The verdicts' shares, as SHARE_HEADS name them."""
    return [row[name] for name in _SHARES]


def _in(report: Report, *groups: str) -> list[tuple[str, dict[str, Any]]]:
    """(title, numbers) of the conditions of these groups, the clean one first."""
    named = [n for n, told in report["groups"].items() if told["group"] in groups and n != "clean"]
    return [(report["groups"][name]["title"], report["conditions"][name]) for name in ("clean", *named)]


def dev(report: Report) -> str:
    """By source, through the channels and the line."""
    names = list(report["conditions"]["clean"]["by_source"])
    rows: list[list[object]] = [
        [title, row["macro"], f"{row['low']:.1f}-{row['high']:.1f}", row["pooled"], *map(row["by_source"].get, names)]
        for title, row in _in(report, "channel", "line")
    ]
    counts = [both(report["conditions"]["clean"]["clips"][name]) for name in names]
    heads = ["dev split, EER %", "macro", "95 %", "pooled", *names]
    return table(heads, [*rows, ["clips, genuine / fake", "", "", "", *counts]])


def _over(report: Report, head: str, group: str, more: str = "") -> str:
    rows, clean = [], report["conditions"]["clean"]["macro"]
    for title, row in _in(report, group):
        extra = [row["macro_of_3_s"], row["not_judged"]] if more else []
        span = f"{row['low']:.1f}-{row['high']:.1f}"
        rows.append(
            [
                "whole" if more and title == "clean" else title,
                row["macro"],
                span,
                f"{row['macro'] / max(clean, 1e-9):.2f}",
                *extra,
                *shares(row),
            ]
        )
    heads = [head, "EER %", "95 %", "to clean", *([more, "not judged"] if more else []), *SHARE_HEADS]
    return table(heads, rows)


def noise(report: Report) -> str:
    """Over the signal-to-noise ratio."""
    return _over(report, "noise", "noise")


def duration(report: Report) -> str:
    """Over the length that is judged."""
    return _over(report, "length", "duration", "EER % of the clips of 3 s and more")


def codec(report: Report) -> str:
    """By codec."""
    return _over(report, "codec alone", "codec")


def line(report: Report) -> str:
    """Noise and a codec together, on dev and on the held-out packages."""
    rows = [["dev", *(report["conditions"][name]["macro"] for name in ("clean", "line"))],
            ["held-out packages", *(report["test"][name]["macro"] for name in ("clean", "line"))],
            ["held-out, worst pair", *(report["test"][name]["worst"] for name in ("clean", "line"))]]  # fmt: skip
    rows = [[*row, f"{row[2] / max(row[1], 1e-9):.2f}"] for row in rows]
    return table(["EER %, macro", "clean", "noise at 15 dB, then one codec", "to clean"], rows)


def verdicts(report: Report) -> str:
    """At the model's own thresholds."""
    rows = ([_SETS[name], *shares(row)] for name, row in report["verdicts"].items())
    return table(["share of clips, %", *SHARE_HEADS], rows)


def points(report: Report) -> str:
    """What the card counts of each named operating point, with 95 % intervals."""
    rows = [[point["name"], one["on"],
             share_words(one["genuine_called_fake"], one["genuine"]),
             share_words(one["fakes_called_fake"], one["fake"]),
             share_words(one["fakes_called_real"], one["fake"])]
            for point in report["points"] for one in point["measured"]]  # fmt: skip
    return table(
        ["operating point", "measured on", "genuine called fake", "fakes called fake", "fakes called real"], rows
    )


def test(report: Report) -> str:
    """Every pair of held-out packages."""
    clean, clips = report["test"]["clean"], report["test"]["clean"]["clips"]
    rows = [[name, both(clips[part] for part in name.split(" / ")), rate] for name, rate in clean["cells"].items()]
    ends = ["macro / worst", "", f"{clean['macro']:.1f} / {clean['worst']:.1f}"]
    return table(["held-out human speech / synthesizer", "clips", "EER %"], [*rows, ends])


def calibration(report: Report) -> str:
    """How far the probabilities can be believed."""
    titles = {"clean": "dev, clean", "channel-1": "dev, light channel", "line": "dev, noise at 15 dB and a codec",
              "test-clean": "held-out packages", "test-line": "held-out, noise at 15 dB and a codec"}  # fmt: skip
    rows = []
    for name, row in report["calibration"].items():
        bits = (f"{row[key]:.3f}" for key in ("cllr", "min_cllr", "difference"))
        rows.append([titles[name], both(row["clips"]), *bits, row["ece"]])
    heads = ["log-likelihood ratios", "clips, genuine / fake", "Cllr", "minCllr", "Cllr - minCllr", "ECE %"]
    return table(heads, rows)


def _grouped(report: Report, key: str, head: str) -> str:
    rows = ([name, both(row["clips"]), row["eer"], *shares(row)] for name, row in report[key].items())
    return table([head, "clips, genuine / fake", "EER %", *SHARE_HEADS], rows)


def language(report: Report) -> str:
    """By language."""
    return _grouped(report, "by_language", "language")


def source(report: Report) -> str:
    """By source."""
    return _grouped(report, "by_source", "source")


def _mean(parts: dict[str, float]) -> float:
    return sum(parts.values()) / max(1, len(parts))


def _left_out(report: Report, kind: str, head: str) -> str:
    left = report["left_out"]
    if not left or not left[kind]:
        return "Not measured in this run."
    views = list(left[kind])
    names = sorted(left[kind][views[0]], key=lambda name: -left[kind][views[0]][name])
    means = ["mean", "", *(_mean(left[kind][view]) for view in views)]
    rows = ([name, both(left["clips"][name]), *(left[kind][view].get(name) for view in views)] for name in names)
    told = (
        f"Single trainings of {left['steps']} steps and {left['units']} units, on the {left['training_clips']} "
        "training clips but those left out; scores are the weights' own, not through `detect`."
    )
    heads = [head, "clips, genuine / fake", *(f"{view}, EER %" for view in views)]
    return f"{told}\n\n{table(heads, [means, *rows])}"


def pages(report: Report) -> str:
    """Pages that a training did not meet."""
    return _left_out(report, "pages", "page left out")


def families(report: Report) -> str:
    """Families that a training did not meet."""
    return _left_out(report, "families", "family left out")


def systems(report: Report) -> str:
    """Every system of dev."""
    kinds = ("clips", "fake", "unsure", "real")
    rows = ([name, *(row[k] for k in kinds)] for name, row in report["by_system"].items())
    return table(["dev fakes by system", *kinds], rows)


def worst(report: Report) -> str:
    """The surest mistakes."""
    rows = ([row["clip"], row["label"], row["system"], f"{row['p_fake']:.3f}", row["seconds"]]
            for row in report["worst"])  # fmt: skip
    return table(["surest mistakes", "label", "system", "p_fake", "seconds"], rows)


def targets(report: Report) -> str:
    """What the report measures of what was aimed at."""
    clean, opened, left = report["conditions"]["clean"], report["test"], report["left_out"]
    said = report["verdicts"]["dev"]
    ratio = {name: row["macro"] / max(clean["macro"], 1e-9) for name, row in report["conditions"].items()}
    held = opened["line"]["macro"] / max(opened["clean"]["macro"], 1e-9)
    rows = [
        ["EER macro over the dev sources", "<= 8 %", clean["macro"]],
        ["EER of pages left out, mean over pages", "<= 15 %",
         _mean(left["pages"]["clean"]) if left and left["pages"] else "not measured"],
        ["held-out packages, macro / worst", "<= 8 / <= 15 %",
         f"{opened['clean']['macro']:.1f} / {opened['clean']['worst']:.1f}"],
        ["noise at 15 dB and one codec, against clean: dev / held-out", "<= 1.5x",
         f"{ratio['line']:.2f}x / {held:.2f}x"],
        ["1 s clips against whole clips (dev)", "<= 1.5x", f"{ratio['first-1']:.2f}x"],
        ["wrong verdicts outside the unsure band / unsure clips, dev", "<= 5 / <= 25 %",
         f"{said['wrong_outside_unsure']:.1f} / {said['unsure']:.1f}"],
        ["Cllr - minCllr on the held-out packages", "<= 0.05",
         f"{report['calibration']['test-clean']['difference']:.3f}"],
    ]  # fmt: skip
    return table(["what", "target", "measured"], rows)


SECTIONS: dict[str, Callable[[Report], str]] = {
    f.__name__: f
    for f in (targets, dev, noise, duration, codec, line, verdicts, points, test, calibration, language, source, pages,
              families, systems, worst)
}  # fmt: skip


def markdown(report: Report) -> str:
    """All tables, one after the other."""
    return "\n\n".join(f"## {name}\n\n{section(report)}" for name, section in SECTIONS.items()) + "\n"
