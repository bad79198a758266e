"""Numbers as the reports write them, and the sentences that they share."""

from fakemamba.evaluation.breakdown import GroupRow
from fakemamba.evaluation.evaluation import Evaluation
from fakemamba.metrics import Interval, Summary

PROTOCOLS = {
    "fixed": "fixed: the first window of each clip, short ones repeated (the published protocol)",
    "whole": "whole: each clip in one pass, whatever its length",
    "detect": "detect: as people get it, windows with speech over the whole clip",
    "locate": "locate: windows over the whole clip; a clip counts as its most suspicious window",
    "": "not known: the scores were made elsewhere",
}
TITLES = {
    "attack": "By attack (each against all bona fide clips)",
    "vocoder": "By type of vocoder",
    "codec": "By codec",
    "duration": "By duration",
    "language": "By language",
    "speaker": "By speaker",
    "corpus": "By corpus",
    "source": "By source",
}
METRIC_NAMES = {
    "eer": "EER",
    "eer_hull": "EER, ROC convex hull",
    "auc": "AUC",
    "min_dcf": "minDCF",
    "act_dcf": "actDCF",
    "cllr": "Cllr",
    "min_cllr": "minCllr",
}
RATES = frozenset({"eer", "eer_hull"})  # shown in per cent

GROUP_HEAD = (
    "",
    "bona fide",
    "spoofed",
    "EER %",
    "95 % interval",
    "minDCF",
    "AUC",
    "rejected bona fide",
    "accepted spoofs",
)


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction in per cent, without the sign; a dash for none."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def decimal(value: float | None, digits: int = 4) -> str:
    """A number; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def share(part: int | None, whole: int) -> str:
    """3 of 40 -> "3 (7.5 %)"; a dash where there is nothing to count."""
    return "–" if part is None or not whole else f"{part} ({100 * part / whole:.1f} %)"


def title(evaluation: Evaluation) -> str:
    """Which system on which data."""
    return f"{evaluation.origin.model or 'Scores'} on {evaluation.origin.dataset}"


def counts(evaluation: Evaluation) -> str:
    """How many clips of what."""
    e = evaluation
    return f"{e.scored} of {e.expected} clips scored: {e.n_bonafide} bona fide, {e.n_spoof} spoofed"


def threshold_words(evaluation: Evaluation) -> str:
    """Where the decision lies and whence it comes."""
    if evaluation.threshold is None:
        return "none"
    point = evaluation.origin.operating_point
    origin = {
        "the model": f"the detector's operating point {point}" if point else "the detector's own",
        "the caller": "as asked for",
        "equal error rate": "that of the equal error rate on these very clips, so the decisions flatter",
    }[evaluation.threshold_from]
    return f"{evaluation.scale} {evaluation.threshold:.4g} ({origin})"


def metric_rows(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """(name, value, interval) of every metric."""
    summary = evaluation.summary
    if summary is None:
        return []
    found = evaluation.intervals
    rows = [
        ("EER %", percent(summary.eer, 4), _span(found.get("eer"), percent=True)),
        ("EER %, ROC convex hull", percent(summary.eer_hull, 4), ""),
        ("EER %, challenge algorithm", percent(summary.eer_official, 4), ""),
        ("EER threshold", f"{summary.eer_threshold:.6g}", ""),
        ("AUC", decimal(summary.auc, 6), _span(found.get("auc"))),
        ("minDCF (0.05, 1, 10)", decimal(summary.min_dcf, 6), _span(found.get("min_dcf"))),
        *_calibrated_rows(evaluation, summary),
        ("minCllr, bits", decimal(summary.min_cllr, 6), ""),
    ]
    if evaluation.calibration is not None:
        rows.append(("Expected calibration error", decimal(evaluation.calibration.ece, 4), ""))
    return rows


def _calibrated_rows(evaluation: Evaluation, summary: Summary) -> list[tuple[str, str, str]]:
    """Numbers that mean something for log-likelihood ratios only."""
    star = "" if evaluation.origin.calibrated else " *"
    return [(f"actDCF{star}", decimal(summary.act_dcf, 6), ""), (f"Cllr{star}, bits", decimal(summary.cllr, 6), "")]


STAR = "* only meaningful if the scores are natural log-likelihood ratios, which is not known here"


def decision_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """What the threshold does, one class at a time where one is missing."""
    table = evaluation.confusion
    if table is None:
        return []
    rows = [
        ("Bona fide clips rejected (misses)", share(table.bonafide_rejected, evaluation.n_bonafide)),
        ("Spoofs accepted (false alarms)", share(table.spoof_accepted, evaluation.n_spoof)),
    ]
    if evaluation.summary is not None:
        rows += [
            ("Accuracy", f"{percent(table.accuracy)} %"),
            ("Balanced accuracy", f"{percent(table.balanced_accuracy)} %"),
            ("F1 of spoofs", decimal(table.f1_spoof)),
            ("F1 of bona fide", decimal(table.f1_bonafide)),
        ]
    return rows


def group_cells(row: GroupRow) -> tuple[str, ...]:
    """A group's cells under GROUP_HEAD."""
    span = "" if row.eer_low is None or row.eer_high is None else f"{percent(row.eer_low)} – {percent(row.eer_high)}"
    return (
        row.name,
        str(row.n_bonafide),
        str(row.n_spoof),
        percent(row.eer),
        span,
        decimal(row.min_dcf),
        decimal(row.auc),
        share(row.bonafide_rejected, row.n_bonafide),
        share(row.spoof_accepted, row.n_spoof),
    )


def value_of(metric: str, value: float) -> str:
    """A metric's value with its unit: rates in per cent."""
    return percent(value, 3) if metric in RATES else decimal(value)


def _span(found: Interval | None, *, percent: bool = False) -> str:
    if found is None:
        return ""
    factor, digits = (100, 3) if percent else (1, 4)
    return f"{factor * found.low:.{digits}f} – {factor * found.high:.{digits}f}"
