"""What a model's card tells of its errors, out of the report."""

from typing import Any


def error_rates(report: dict[str, Any]) -> dict[str, Any]:
    """What the model's card tells of its errors, in the words of `fakemamba.report.document.error_rates`."""
    sets = []
    for name, rates, verdicts, clips in (
        ("voices and synthesizers that it never heard (the split on which its thresholds were chosen)",
         report["conditions"]["clean"], report["verdicts"]["dev"], report["clips"]["dev"]),
        ("held-out packages, opened once", report["test"]["clean"], report["verdicts"]["test"],
         report["clips"]["test"]),
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
