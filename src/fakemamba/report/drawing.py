"""Inline SVG for the HTML report; positions are percentages, so that text keeps its size on any width."""

from collections.abc import Iterator
from html import escape

from fakemamba.decision import p_fake
from fakemamba.report.document import number, probability, span_text
from fakemamba.result import JudgedWindow, NearScores, Result
from fakemamba.timeline import clock

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 8
_MOST_DOTS = 60  # windows that are drawn one by one; of more only the curve
_MOST_NEAR = 1000  # points of the near curve
_NAMED = 9.0  # percent of the width that a span needs to carry its verdict


def timeline(result: Result) -> str:
    """Verdicts over time: a bar with a coloured block per segment, and a scale in minutes."""
    whole = max(result.duration, 1e-3)
    label = "Verdicts over time: " + ", ".join(f"{span_text(s)} {s.verdict}" for s in result.segments[:20])
    parts = ['<rect class="silence" x="0" y="0" width="100%" height="34" rx="3"/>']
    for segment in result.segments:
        left, width = 100 * segment.start / whole, 100 * (segment.end - segment.start) / whole
        sure = f"score {number(segment.score)}" if segment.p_fake is None else f"p_fake {probability(segment.p_fake)}"
        tip = f"{span_text(segment)} {segment.verdict}, {sure}"
        parts.append(
            f'<rect class="span {segment.verdict}" x="{left:.3f}%" y="0" width="{width:.3f}%" height="34" rx="3">'
            f"<title>{escape(tip)}</title></rect>"
        )
        if width >= _NAMED:
            middle = left + width / 2
            parts.append(f'<text class="named" x="{middle:.3f}%" y="22" text-anchor="middle">{segment.verdict}</text>')
    parts += _ticks(whole)
    return _svg("".join(parts), 58, label)


def evidence(result: Result, low: float | None, high: float | None) -> str:
    """p_fake of every judged window over time, 1 at the top; the unsure band and fake segments shaded. Short windows of
    a near pass are a thin curve behind it.

    The curve breaks where nothing was judged. Empty without calibrated windows.

    Args:
        result: with a timeline.
        low, high: the LLRs between which the model is unsure; None if it gives no verdicts.
    """
    points = [(window, window.p_fake) for window in result.timeline if window.p_fake is not None]
    if not points:
        return ""
    whole = max(result.duration, 1e-3)
    parts = ['<rect class="silence" x="0" y="0" width="1000" height="100"/>']
    if low is not None and high is not None:
        top, bottom = 100 * (1 - p_fake(low)), 100 * (1 - p_fake(high))
        parts.append(f'<rect class="band" x="0" y="{top:.2f}" width="1000" height="{bottom - top:.2f}"/>')
    parts += [
        f'<rect class="shade" x="{1000 * s.start / whole:.2f}" y="0" width="{1000 * (s.end - s.start) / whole:.2f}" '
        'height="100"/>'
        for s in result.segments
        if s.verdict == "fake"
    ]
    if result.near is not None:
        parts.append(f'<path class="near" d="{_near_curve(result.near, whole)}"/>')
    if len(points) <= _MOST_DOTS:
        parts.append(f'<path class="reach" d="{_reaches(points, whole)}"/>')
        parts.append(f'<path class="dots" d="{_curve(points, whole, joined=False)}"/>')
    parts.append(f'<path class="curve" d="{_curve(points, whole)}"/>')
    plot = '<svg y="6" width="100%" height="120" viewBox="0 0 1000 100" preserveAspectRatio="none">'
    plot += "".join(parts) + "</svg>"
    names = '<text class="axis" x="4" y="18">1 · fake</text><text class="axis" x="4" y="122">0 · real</text>'
    ticks = f'<svg y="92" width="100%" height="58">{"".join(_ticks(whole))}</svg>'
    label = f"p_fake of {len(points)} windows over time, between {_extremes([p for _, p in points])}"
    return _svg(plot + names + ticks, 148, label)


def _curve(points: list[tuple[JudgedWindow, float]], whole: float, *, joined: bool = True) -> str:
    """A path through the windows' middles, from dot to dot where they overlap; `joined=False` draws the dots alone."""
    steps, last = [], None
    for window, p in points:
        x, y = 1000 * (window.start + window.end) / 2 / whole, 100 * (1 - p)
        follows = joined and last is not None and window.start < last + 1e-6
        steps.append(f"L{x:.2f} {y:.2f}" if follows else f"M{x:.2f} {y:.2f}h.1")
        last = window.end
    return "".join(steps)


def _near_curve(near: NearScores, whole: float) -> str:
    """A path through the short windows' middles; of more than can be drawn, the most suspicious of each few."""
    steps: list[str] = []
    last = None
    few = -(-len(near.llr) // _MOST_NEAR)
    for k in range(0, len(near.llr), few):
        known = [llr for llr in near.llr[k : k + few] if llr is not None]
        if known:
            start = min(near.hop * (k + (few - 1) / 2), max(0.0, whole - near.window))
            x, y = 1000 * (start + near.window / 2) / whole, 100 * (1 - p_fake(min(known)))
            steps.append(f"{'L' if last == k - few else 'M'}{x:.1f} {y:.1f}")
            last = k
    return "".join(steps)


def _reaches(points: list[tuple[JudgedWindow, float]], whole: float) -> str:
    """What each window heard: a level line from its start to its end."""
    return "".join(
        f"M{1000 * window.start / whole:.2f} {100 * (1 - p):.2f}H{1000 * window.end / whole:.2f}"
        for window, p in points
    )


def _extremes(values: list[float]) -> str:
    return f"{probability(min(values))} and {probability(max(values))}"


def gauge(result: Result, low: float | None, high: float | None) -> str:
    """Where the evidence lies between real and fake: p_fake from 0 to 1, the unsure band hatched by its colour.

    Args:
        result: with a p_fake.
        low, high: the LLRs between which the model is unsure; None if it gives no verdicts.
    """
    if result.p_fake is None or low is None or high is None:
        return ""
    at, left, right = 100 * result.p_fake, 100 * p_fake(high), 100 * p_fake(low)
    parts = [
        f'<rect class="span real" x="0" y="12" width="{left:.3f}%" height="8"/>',
        f'<rect class="span unsure" x="{left:.3f}%" y="12" width="{right - left:.3f}%" height="8"/>',
        f'<rect class="span fake" x="{right:.3f}%" y="12" width="{100 - right:.3f}%" height="8"/>',
        f'<svg x="{at:.3f}%" y="0" width="1" height="32"><path class="mark" d="M-6 2h12l-6 9z"/></svg>',
        '<text x="0" y="36">p_fake 0 · real</text><text x="100%" y="36" text-anchor="end">1 · fake</text>',
    ]
    return _svg("".join(parts), 42, f"p_fake {probability(result.p_fake)} on a scale from 0, real, to 1, fake")


def _ticks(whole: float) -> Iterator[str]:
    step = next((step for step in _STEPS if whole / step <= _MOST_TICKS), _STEPS[-1])
    count = int(whole / step + 1e-9)
    for k in range(count + 1):
        at = 100 * k * step / whole
        anchor = "start" if k == 0 else "end" if at > 96 else "middle"
        yield f'<line class="tick" x1="{at:.3f}%" x2="{at:.3f}%" y1="36" y2="41"/>'
        yield f'<text x="{at:.3f}%" y="54" text-anchor="{anchor}">{_time(k * step, step)}</text>'


def _time(seconds: float, step: float) -> str:
    return clock(seconds) if step < 1 else clock(seconds).removesuffix(".0")


def _svg(content: str, height: int, label: str) -> str:
    return f'<svg role="img" aria-label="{escape(label)}" height="{height}">{content}</svg>'
