"""The measured numbers as Markdown, for the model's page in docs/."""

from typing import Any

ROWS = {
    "dev": "clean",
    "dev_light_channel": "light channel (strength 0.4)",
    "dev_heavy_channel": "heavy channel (strength 0.8)",
    "dev_first_2_seconds": "first 2 s",
    "dev_first_second": "first 1 s",
}


def _cells(*values: object) -> str:
    return "| " + " | ".join(f"{v:.1f}" if isinstance(v, float) else str(v) for v in values) + " |"


def _head(*names: str) -> list[str]:
    return [_cells(*names), "|---" * len(names) + "|"]


def _dev(report: dict[str, Any]) -> list[str]:
    names = list(report["dev"]["by_source"])
    lines = _head("dev split, EER %", "macro", "pooled", *names)
    for key, title in ROWS.items():
        row = report[key]
        lines.append(_cells(title, row["macro"], row["pooled"], *(row["by_source"].get(n, "") for n in names)))
    counts = (f"{genuine} / {fake}" for genuine, fake in report["dev"]["clips"].values())
    return [*lines, _cells("clips, genuine / fake", "", "", *counts)]


def _test(report: dict[str, Any]) -> list[str]:
    cells = {k: v for k, v in report["test"].items() if " / " in k}
    clips = report["test"]["clips"]
    lines = _head("held-out human speech / synthesizer", "clips", "EER %")
    for name, value in cells.items():
        human, fake = name.split(" / ")
        lines.append(_cells(name, f"{clips[human]} / {clips[fake]}", value))
    return [*lines, _cells("macro / worst", "", f"{report['test']['macro']:.1f} / {report['test']['worst']:.1f}")]


def _verdicts(report: dict[str, Any]) -> list[str]:
    lines = _head("share of clips, %", "unsure", "wrong among the others", "genuine called fake", "fakes called real")
    for key, title in (("dev_verdicts", "dev, clean"), ("test_verdicts", "held-out packages")):
        v = report[key]
        shares = (v[k] for k in ("unsure", "wrong_outside_unsure", "genuine_called_fake", "fakes_called_real"))
        lines.append(_cells(title, *shares))
    return lines


def _systems(report: dict[str, Any]) -> list[str]:
    lines = _head("dev fakes by system", "clips", "fake", "unsure", "real")
    for name, row in report["by_system"].items():
        lines.append(_cells(name, *(row[k] for k in ("clips", "fake", "unsure", "real"))))
    return lines


def _worst(report: dict[str, Any]) -> list[str]:
    lines = _head("surest mistakes", "label", "system", "p_fake", "seconds")
    for row in report["worst"]:
        lines.append(_cells(row["clip"], row["label"], row["system"], f"{row['p_fake']:.3f}", row["seconds"]))
    return lines


def error_rates(report: dict[str, Any]) -> dict[str, Any]:
    """What the model's card tells of its errors, in the words of `fakemamba.report.document.error_rates`."""
    sets = []
    for name, rates, verdicts, clips in (
        ("voices and synthesizers that it never heard (the split on which its thresholds were chosen)",
         report["dev"], report["dev_verdicts"], report["dev_clips"]),
        ("held-out packages, opened once", report["test"], report["test_verdicts"], report["test_clips"]),
    ):  # fmt: skip
        sets.append(
            {
                "name": name,
                "genuine": clips[0],
                "fake": clips[1],
                "eer": round(rates["macro"], 1),
                "unsure": round(verdicts["unsure"], 1),
                "wrong": round(verdicts["wrong_outside_unsure"], 1),
                "genuine_called_fake": round(verdicts["genuine_called_fake"], 1),
                "fakes_called_real": round(verdicts["fakes_called_real"], 1),
            }
        )
    return {"source": "docs/built-in-model.md", "sets": sets}


def markdown(report: dict[str, Any]) -> str:
    """All tables, one after the other."""
    parts = (_dev, _verdicts, _test, _systems, _worst)
    return "\n\n".join("\n".join(part(report)) for part in parts) + "\n"
