"""`fakemamba metrics`: error rates and costs of a score file against its key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fakemamba.data.assess import Assessment

_MORE = "More numbers"


def metrics(
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="Score file, higher = more genuine; .gz too.")],
    key: Annotated[Path, typer.Argument(metavar="KEY", help="Key, protocol or meta.csv that holds the labels.")],
    subset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Subset of the key (eval, progress, …; all mixes them); eval if several."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Also by attack, codec, …; repeatable.", rich_help_panel=_MORE),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Accuracy, F1 and confusion at this score.", rich_help_panel=_MORE)
    ] = None,
    asv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Verifier's scores (bonafide target 7.98) for t-DCF.", rich_help_panel=_MORE),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="SCORES", help="A second system: is the difference real?", rich_help_panel=_MORE),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(metavar="N", min=0, help="95 % intervals from N resamples.", rich_help_panel=_MORE)
    ] = 0,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Resample whole speakers: --cluster speaker.", rich_help_panel=_MORE),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.", rich_help_panel=_MORE)] = 0,
) -> None:
    """Measure a score file: EER, minDCF, actDCF, Cllr, AUC, t-DCF, with trial counts and warnings.

    Reads ASVspoof 2019, 2021 and 5, In-the-Wild and board formats, CSV and TSV.

    Examples:

      fakemamba metrics scores.txt trial_metadata.txt --by attack

      fakemamba metrics a.tsv meta.csv --against b.tsv --cluster speaker
    """
    from json import dumps

    from rich.console import Console

    from fakemamba.data.assess import Wanted, assess

    wanted = Wanted(by or (), threshold, asv, against, bootstrap, cluster)
    result = assess(scores, key, subset=subset, wanted=wanted, rng=seed)
    for kind, texts in (("note", result.notes), ("warning", result.warnings)):
        for text in texts:
            typer.echo(f"{kind}: {text}", err=True)
    if json:
        typer.echo(dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(Console(highlight=False, markup=False), result)


def _show(console: "Console", result: "Assessment") -> None:
    summary = result.summary
    where = f"{result.key_format}, subset {result.subset}" if result.subset else result.key_format
    console.print(f"{result.scores} against {result.key} ({where})")
    counts = f"{summary.n_bonafide} bona fide, {summary.n_spoof} spoofed"
    console.print(f"{result.scored} of {result.expected} trials scored: {counts}")
    console.print(_main_table(result))
    if result.comparison is not None:
        _show_comparison(console, result)
    for column in result.groups:
        console.print(_group_table(column, result))


def _table(title: str | None, first: str, *columns: str) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _main_table(result: "Assessment") -> "Table":
    summary = result.summary
    table = _table(None, "metric", "value", *(["95 % interval"] if result.intervals else []))
    eer, dcf = result.intervals.get("eer"), result.intervals.get("min_dcf")
    rows = [
        ("EER", f"{summary.eer:.4%}", f"{eer.low:.4%} – {eer.high:.4%}" if eer else ""),
        ("EER threshold", f"{summary.eer_threshold:.6g}", ""),
        ("EER, ROC convex hull", f"{summary.eer_hull:.4%}", ""),
        ("EER, challenge algorithm", f"{summary.eer_official:.4%}", ""),
        ("AUC", f"{summary.auc:.6f}", ""),
        ("minDCF (0.05, 1, 10)", f"{summary.min_dcf:.6f}", f"{dcf.low:.6f} – {dcf.high:.6f}" if dcf else ""),
        ("actDCF *", f"{summary.act_dcf:.6f}", ""),
        ("Cllr * (bits)", f"{summary.cllr:.6f}", ""),
        ("minCllr (bits)", f"{summary.min_cllr:.6f}", ""),
        *_extra_rows(result),
    ]
    for row in rows:
        table.add_row(*row[: len(table.columns)])
    table.caption = "* only meaningful if scores are natural log-likelihood ratios"
    table.caption_justify = "left"
    return table


def _extra_rows(result: "Assessment") -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    if result.tandem is not None:
        rows += [
            ("min t-DCF, 2019 form", f"{result.tandem.min_tdcf_2019.value:.6f}", ""),
            ("min t-DCF, 2021 form", f"{result.tandem.min_tdcf_2021.value:.6f}", ""),
        ]
    if result.confusion is not None:
        table = result.confusion
        rows += [
            (f"at {table.threshold:g}: accuracy", f"{table.accuracy:.4%}", ""),
            ("balanced accuracy", f"{table.balanced_accuracy:.4%}", ""),
            ("F1 of spoofs", f"{table.f1_spoof:.6f}", ""),
            ("F1 of bona fide", f"{table.f1_bonafide:.6f}", ""),
            ("bona fide taken for spoofs", str(table.bonafide_rejected), ""),
            ("spoofs taken for bona fide", str(table.spoof_accepted), ""),
        ]
    return rows


def _show_comparison(console: "Console", result: "Assessment") -> None:
    pair = result.comparison
    assert pair is not None
    console.print(
        f"EER {pair.first:.4%} against {pair.second:.4%}: difference {100 * pair.difference:+.4f} points "
        f"({100 * pair.low:+.4f} to {100 * pair.high:+.4f}), p = {pair.p_value:.4g}"
    )


def _group_table(column: str, result: "Assessment") -> "Table":
    table = _table(f"by {column}", column, "bona fide", "spoofed", "EER", "minDCF", "AUC")
    for group in result.groups[column]:
        numbers = [
            "–" if value is None else format(value, form)
            for value, form in ((group.eer, ".4%"), (group.min_dcf, ".6f"), (group.auc, ".6f"))
        ]
        table.add_row(group.name, str(group.n_bonafide), str(group.n_spoof), *numbers)
    return table
