"""XLS-R over hours of audio: what is computed at once is one window, however long the recording.

    frames    |-----------------------------------|
    window 0  [ kept     ....]
    window 1         [.... kept ....]                   .... context: seen and computed, not kept
    window 2                [....     kept        ]

The convolutions see `shortest` samples for each frame, and each frame is normalised by itself: in pieces they give what
they give on the whole. Attention sees everything: in windows it is another function, nearer the wider the context.
docs/systems.md tells how near.
"""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from fakemamba.models.precision import exact
from fakemamba.models.xlsr import XLSR

PIECE = 500  # frames that are convolved at once; 10 s of XLS-R need 200 MB
_BLOCK = 1 << 20  # samples, for sums


class Window(NamedTuple):
    """Frames [start, stop) that attend to each other, of which [first, last) are kept."""

    start: int
    stop: int
    first: int
    last: int


def plan(frames: int, span: int, context: int) -> Iterator[Window]:
    """As few windows of at most `span` frames as there can be, all of about one length; what they keep has no gap.

    Each kept frame has `context` frames on either side in its window, or the recording's end; 2 * context < span.
    """
    both = 2 * context
    count = 1 if frames <= span else math.ceil((frames - both) / (span - both))
    starts = [k * (frames - both) // count for k in range(1, count)]
    lows, highs = [0, *starts], [*(start + both for start in starts), frames]
    edges = [0, *(start + context for start in starts), frames]
    return (Window(*four) for four in zip(lows, highs, edges, edges[1:], strict=False))


def over_windows(frontend: XLSR, waves: Tensor) -> Iterator[Tensor]:
    """The front-end's features of waves (B, N) without padding: (B, n, C), n frames after the other, in order.

    Frames of a recording of at most `frontend.span` frames are those of frontend(waves), up to rounding.
    """
    level = _level(waves) if frontend.normalize_input else None
    held, at = waves.new_empty(waves.shape[0], 0, frontend.feature_extractor.width), 0  # convolved frames from `at` on
    for window in plan(frontend.frames(waves.shape[1]), frontend.span, frontend.context):
        fresh = convolved(frontend, waves, at + held.shape[1], window.stop, level)
        held, at = torch.cat([held[:, window.start - at :], fresh], dim=1), window.start
        described = frontend.encoder(exact(frontend.feature_projection, held), None, False)
        yield described[:, window.first - window.start : window.last - window.start]


def convolved(
    frontend: XLSR, waves: Tensor, first: int, stop: int, level: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Frames [first, stop) of the convolutions over waves (B, N): (B, stop - first, channels).

    `level`: (B, 1) each, what is taken off first and what the rest is divided by.
    """
    extractor, parts = frontend.feature_extractor, []
    for start in range(first, stop, PIECE):
        end = min(start + PIECE, stop)
        piece = waves[:, start * extractor.stride : (end - 1) * extractor.stride + extractor.shortest]
        parts.append(extractor(piece if level is None else (piece - level[0]) / level[1]))
    return torch.cat(parts, dim=1)


def _level(waves: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of each row, (B, 1), without a copy of the waves."""
    blocks = [waves[:, start : start + _BLOCK] for start in range(0, waves.shape[1], _BLOCK)]
    mean = _summed(block.sum(1, keepdim=True) for block in blocks) / waves.shape[1]
    square = _summed((block - mean.to(waves)).square().sum(1, keepdim=True) for block in blocks) / waves.shape[1]
    return mean.to(waves), (square + 1e-7).sqrt().to(waves)


def _summed(parts: Iterable[Tensor]) -> Tensor:
    """In float64, on the CPU: not every device has it."""
    return torch.stack([part.cpu().double() for part in parts]).sum(dim=0)
