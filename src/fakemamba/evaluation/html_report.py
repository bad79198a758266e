"""An evaluation as a web page that stands alone: numbers, plots and the worst mistakes to listen to."""

import base64
from collections.abc import Sequence

from fakemamba.evaluation.evaluation import Evaluation, Mistake
from fakemamba.evaluation.players import SECONDS, players
from fakemamba.evaluation.words import (
    GROUP_HEAD,
    PROTOCOLS,
    STAR,
    TITLES,
    counts,
    decimal,
    decision_rows,
    group_cells,
    metric_rows,
    percent,
    share,
    threshold_words,
    title,
)
from fakemamba.report.page import facts, page, safe, sentence, table, when
from fakemamba.timeline import clock

NO_PLOTS = "The plots are left out, as matplotlib is not installed here: run pip install 'fakemamba[plot]'"


def render(evaluation: Evaluation, *, sounds: bool = True) -> str:
    """The whole page as one HTML document.

    Args:
        evaluation: what to show.
        sounds: put the first seconds of the worst mistakes into the page; False for audio that must not travel.
    """
    head = (
        f"<header><h1>{safe(title(evaluation))}</h1><p class='soft'>Evaluation report · fakemamba "
        f"{safe(evaluation.version)} · {safe(when(evaluation.created))}</p></header>"
    )
    parts = [
        head,
        _summary(evaluation),
        _numbers(evaluation),
        _decisions(evaluation),
        _plots(evaluation),
        *_groups(evaluation),
        _frames(evaluation),
        _mistakes(evaluation, sounds),
        _unscored(evaluation),
        _provenance(evaluation),
    ]
    return page(safe(title(evaluation)), [part for part in parts if part], media=True)


def section(name: str, *parts: str) -> str:
    """A card with a heading; empty if it would hold nothing."""
    content = "".join(parts)
    return f"<section><h2>{safe(name)}</h2>{content}</section>" if content else ""


def notes(warnings: Sequence[str], texts: Sequence[str] = ()) -> str:
    """Warnings in the colour of alarm, then notes, a line each."""
    found = [("note error", text) for text in warnings] + [("note", text) for text in texts]
    return "".join(f'<p class="{kind}">{safe(sentence(text))}</p>' for kind, text in found)


def pictures_of(figures: "dict[str, tuple[str, str]]") -> str:
    """Name -> (SVG, caption) as figures; pictures, not inline SVG, so that their ids cannot meet."""
    return "".join(
        f'<figure><img alt="{safe(caption)}" src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
        f"<figcaption>{safe(caption)}</figcaption></figure>"
        for svg, caption in figures.values()
    )


def _summary(evaluation: Evaluation) -> str:
    parts = []
    if evaluation.summary is not None:
        span = evaluation.intervals.get("eer")
        sure = f' <span class="soft">({percent(span.low)} – {percent(span.high)})</span>' if span else ""
        parts.append(f'<p>Equal error rate</p><p class="big">{percent(evaluation.summary.eer)} %{sure}</p>')
    parts.append(f"<p>{safe(sentence(counts(evaluation)))} Protocol {safe(PROTOCOLS[evaluation.origin.protocol])}.</p>")
    if evaluation.interval_unit:
        parts.append(f'<p class="small soft">{safe(sentence(evaluation.interval_unit))}</p>')
    return section("In short", *parts, notes(evaluation.warnings, evaluation.notes))


def _numbers(evaluation: Evaluation) -> str:
    rows = metric_rows(evaluation)
    if not rows:
        return ""
    star = "" if evaluation.origin.calibrated else f'<p class="small soft">{safe(STAR)}</p>'
    return section("Error rates and costs", table(("metric", "value", "95 % interval"), rows), star)


def _decisions(evaluation: Evaluation) -> str:
    parts = []
    if evaluation.confusion is not None:
        found = evaluation.confusion
        rows = [
            ("bona fide", str(found.bonafide_accepted), str(found.bonafide_rejected)),
            ("spoofed", str(found.spoof_accepted), str(found.spoof_rejected)),
        ]
        parts += [
            f"<p>Threshold: {safe(threshold_words(evaluation))}.</p>",
            table(("truth", "taken for bona fide", "taken for spoofs"), rows),
            facts(decision_rows(evaluation)),
        ]
    if evaluation.verdicts:
        kinds = ("real", "unsure", "fake", "unscored")
        rows3 = [
            (name, *(share(given[kind], sum(given.values())) for kind in kinds)) for name, given in _truth(evaluation)
        ]
        parts += [
            "<h3>Verdicts as people read them</h3>",
            table(("truth", "real", "unsure", "fake", "not judged"), rows3),
        ]
    return section("Decisions", *parts)


def _truth(evaluation: Evaluation) -> list[tuple[str, dict[str, int]]]:
    names = {"bonafide": "bona fide", "spoof": "spoofed"}
    return [(names[label], given) for label, given in evaluation.verdicts.items() if sum(given.values())]


def _plots(evaluation: Evaluation) -> str:
    from fakemamba import plots

    if not plots.available():
        return section("Plots", notes((), [NO_PLOTS]))
    from fakemamba.evaluation.pictures import CAPTIONS, pictures

    drawn = {name: (plots.svg(figure), CAPTIONS[name]) for name, figure in pictures(evaluation).items()}
    return section("Plots", pictures_of(drawn))


def _groups(evaluation: Evaluation) -> list[str]:
    found = [
        section(TITLES.get(column, f"By {column}"), table(GROUP_HEAD, map(group_cells, rows), scroll=len(rows) > 15))
        for column, rows in evaluation.groups.items()
    ]
    if evaluation.short:
        short = table(GROUP_HEAD, map(group_cells, evaluation.short), scroll=len(evaluation.short) > 15)
        found.append(section("Clips under 3 s, by attack (each against the bona fide clips under 3 s)", short))
    return found


def _frames(evaluation: Evaluation) -> str:
    rows = [
        (f"{frame.resolution_ms} ms", percent(frame.value), str(frame.n_bonafide), str(frame.n_spoof))
        for frame in evaluation.frames
    ]
    head = ("resolution", "EER %", "bona fide frames", "spoofed frames")
    return section("Where is the fake? Frame-level error rates", table(head, rows)) if rows else ""


def _mistakes(evaluation: Evaluation, sounds: bool) -> str:
    if not evaluation.mistakes:
        return ""
    heard = [mistake for mistake in evaluation.mistakes if mistake.path]
    played = dict(zip((m.path for m in heard), players([m.path for m in heard]) if sounds else [], strict=False))
    parts = []
    for label, name in ((0, "Spoofs that passed for bona fide"), (1, "Bona fide clips that passed for spoofs")):
        clips = [
            _clip(mistake, played.get(mistake.path, "")) for mistake in evaluation.mistakes if mistake.label == label
        ]
        if clips:
            parts.append(f"<h3>{name}</h3>{''.join(clips)}")
    if any(played.values()):
        about = f"The first {SECONDS:g} seconds of each, coded small; quiet ones are raised."
        parts.insert(0, f'<p class="soft">{about} Farthest from the threshold first.</p>')
    return section("The worst mistakes", *parts)


def _clip(mistake: Mistake, uri: str) -> str:
    length = "" if mistake.seconds is None else f" · {clock(mistake.seconds)}"
    verdict = f" · verdict {mistake.verdict}" if mistake.verdict else ""
    known = ", ".join(f"{name} {value}" for name, value in mistake.known.items() if name not in ("corpus", "duration"))
    player = f'<audio controls preload="none" src="{uri}"></audio>' if uri else ""
    return (
        f'<div class="clip"><p><b>{safe(mistake.id)}</b></p><p class="small soft">evidence {mistake.evidence:+.3f}, '
        f"{decimal(mistake.distance, 3)} beyond the threshold{safe(length)}{safe(verdict)}"
        f"{safe(f' · {known}' if known else '')}</p>{player}</div>"
    )


def _unscored(evaluation: Evaluation) -> str:
    total, shown = evaluation.expected - evaluation.scored, evaluation.unscored
    if not shown:
        return ""
    rows = [(clip.id, "bona fide" if clip.label else "spoofed", clip.reason) for clip in shown]
    more = f"<p>The first {len(shown)} of {total}.</p>" if total > len(shown) else ""
    return section("Clips without a score", more, table(("clip", "truth", "why"), rows, words=3, scroll=total > 15))


def _provenance(evaluation: Evaluation) -> str:
    origin = evaluation.origin
    rows = [
        ("Data", origin.dataset),
        ("Model", origin.model or "unknown"),
        ("Model SHA-256", origin.model_sha256 or "unknown"),
        ("Precision", origin.precision or "unknown"),
        ("Licence", origin.licence or "unknown"),
        ("Protocol", PROTOCOLS[origin.protocol]),
        ("Scores", f"{evaluation.scale}, higher is more genuine"),
        ("Threshold", threshold_words(evaluation)),
        ("Intervals", evaluation.interval_unit or "none"),
        ("Software", f"fakemamba {evaluation.version}"),
    ]
    if origin.window is not None:
        every = f", every {origin.hop:.3g} s" if origin.hop else ""
        rows.insert(6, ("Window", f"{origin.window:.4g} s{every}"))
    if evaluation.speed is not None:
        audio, elapsed = evaluation.speed.audio, evaluation.speed.elapsed
        rows.append(
            ("Speed", f"{clock(audio)} of audio in {clock(elapsed)} ({audio / max(elapsed, 1e-9):.1f} x real time)")
        )
    return section("How it was made", facts(rows))
