"""The plots of an evaluation, by name; matplotlib is the extra `plot`."""

from typing import TYPE_CHECKING

from fakemamba import plots
from fakemamba.evaluation.breakdown import GroupRow
from fakemamba.evaluation.evaluation import Evaluation
from fakemamba.metrics import curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BARS = 40
CAPTIONS = {
    "det": "Detection error trade-off. Nearer to the lower left corner is better; the dotted line holds equal errors.",
    "scores": "Where the scores of both classes lie. What overlaps cannot be told apart by any threshold; the "
    "outermost 0.2 % of either class are drawn at the edge.",
    "duration": "Equal error rate by duration of the clip, with 95 % bootstrap intervals.",
    "attack": "Equal error rate by attack, each against all bona fide clips, with 95 % bootstrap intervals where "
    "there are at least ten clips.",
    "calibration": "Does the model keep its word? Stated probability against the share that was bona fide, for the "
    "shares of both classes in these data.",
    "frames": "Frame-level equal error rate by time resolution.",
}


def pictures(evaluation: Evaluation) -> "dict[str, Figure]":
    """Every plot that the numbers allow; MissingExtraError without matplotlib."""
    judged = evaluation.judged
    found = {}
    if evaluation.summary is not None:
        name = evaluation.origin.model or "system"
        found["det"] = plots.det({f"{name}, EER {evaluation.summary.eer:.2%}": curve(judged.evidence, judged.labels)})
    found["scores"] = plots.histogram(
        judged.evidence, judged.labels, threshold=evaluation.threshold, scale=evaluation.scale
    )
    duration = [row for row in evaluation.groups.get("duration", ()) if row.eer is not None]
    if len(duration) > 1:
        places = [f"{row.name}\n({row.n_bonafide} / {row.n_spoof})" for row in duration]
        found["duration"] = plots.lines(
            places, [_series(duration)], x="Duration (bona fide / spoofed clips)", y="EER, %", percent=True
        )
    attacks = sorted((row for row in evaluation.groups.get("attack", ()) if row.eer is not None), key=_rate)
    if 1 < len(attacks) <= _MOST_BARS:
        found["attack"] = plots.bars([f"{row.name} ({row.n_spoof})" for row in attacks], [_series(attacks)], x="EER, %")
    if evaluation.calibration is not None:
        found["calibration"] = plots.calibration(evaluation.calibration)
    if evaluation.frames:
        rates = plots.Series("", [frame.value for frame in evaluation.frames])
        names = [str(frame.resolution_ms) for frame in evaluation.frames]
        found["frames"] = plots.lines(names, [rates], x="Resolution, ms", y="Frame-level EER, %", percent=True)
    return found


def _series(rows: "list[GroupRow]") -> plots.Series:
    return plots.Series("EER", [row.eer for row in rows], [row.eer_low for row in rows], [row.eer_high for row in rows])


def _rate(row: GroupRow) -> float:
    return -(row.eer or 0.0)
