"""What each operating point of a finished model does with whole sets of clips, through the `detect` that people run."""

import math
from pathlib import Path
from typing import Any

from fakemamba import Detector, Result, load
from fakemamba.checkpoint.card import CARD_FILE
from fakemamba.checkpoint.folder import OperatingPoint
from fakemamba.judge import ENOUGH_SPEECH
from fakemamba.operating import measured_also
from recipes.builtin import keep
from recipes.builtin.bank import Bank
from recipes.builtin.manifest import Clip

LONGEST = 4 * 16_000
CLEAN, LIGHT, HELD_OUT = "dev, clean", "dev, light channel", "held-out packages"


def evidence(result: Result) -> float:
    """The LLR that any operating point decides on; NaN where `detect` abstains whatever the point."""
    return math.nan if result.llr is None or result.speech < ENOUGH_SPEECH else result.llr


def measure(model: Path, clips: list[Clip], bank: Bank) -> tuple[OperatingPoint, ...]:
    """The points of a model folder with their counts on dev and on the held-out packages."""
    detector = load(model, threads=2)
    dev = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
    test = [i for i, clip in enumerate(clips) if clip.split == "test" and clip.whole]
    card = detector.card
    for on, rows, view in ((CLEAN, dev, 0), (LIGHT, dev, 1), (HELD_OUT, test, 0)):
        labels = [clips[row].target for row in rows]
        if len(set(labels)) == 2:
            llrs = [_heard(detector, bank, row, view) for row in rows]
            card = card.model_copy(update={"operating_points": measured_also(card, on, llrs, labels)})
    return card.operating_points


def _heard(detector: Detector, bank: Bank, row: int, view: int) -> float:
    return evidence(detector.detect((bank.wave(row, view)[:LONGEST], 16_000), near=False))


def plain(points: tuple[OperatingPoint, ...]) -> list[dict[str, Any]]:
    """As the card's JSON holds them."""
    return [point.model_dump(mode="json") for point in points]


def note_points(folder: Path, clips: list[Clip], bank: Bank) -> None:
    """Count what the operating points do through `detect`, and put it into the card; no file's hash changes."""
    card = keep.read_json(folder / CARD_FILE)
    card["operating_points"] = plain(measure(folder, clips, bank))
    keep.put_json(folder / CARD_FILE, card, indent=2)
