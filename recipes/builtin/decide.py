"""`python -m recipes.builtin.decide`: what a finished model's scores mean, chosen on dev and put into its card.

The model's own calibration and the decision come from clean clips and the light channel, as what people have lies
between the two; but a clip is called fake only on evidence that suffices in every single view. What went through a
telephone or noise, in whichever view or through a telephone's codec alone, gets a calibration for itself: there the
same score means something else. The near pass is fitted after them. The whole recipe does all this at its end; the
command is for a model folder that is there already, whose weights stay. What its card tells of error rates is no longer
true then and goes, until python -m recipes.builtin.report has been run with --note.
"""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from fakemamba.audio import Condition, activity, condition
from fakemamba.augment.codec import Codec
from fakemamba.checkpoint.card import CARD_FILE, Calibration
from fakemamba.checkpoint.torch_io import load_system
from fakemamba.decision import fit_calibration, fit_decision
from fakemamba.errors import DataError, FakeMambaError
from fakemamba.models.system import System
from fakemamba.operating import choose_points
from recipes.builtin import keep, points
from recipes.builtin.bank import VIEWS, Bank
from recipes.builtin.bank import build as build_bank
from recipes.builtin.catalogue import everything
from recipes.builtin.manifest import Clip, Wave
from recipes.builtin.near import note_near
from recipes.builtin.steps import check_corpus

WRONG = 0.06  # the share of wrong verdicts that the unsure band is chosen for, on dev
FEWEST = 30  # clips of each class that a condition must have to get a calibration
CHOSEN = 2  # views that decide: clean and light
CALLS = ("alaw", "mulaw", "gsm")
Float64 = NDArray[np.float64]


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def decided(system: System, clips: list[Clip], bank: Bank) -> dict[str, Any]:
    """Calibrations, decision and operating points as the card's fields."""
    dev = [i for i, clip in enumerate(clips) if clip.split == "dev" and clip.whole]
    labels = np.array([clips[i].target for i in dev])
    seen = [[bank.wave(i, view) for i in dev] for view in range(bank.views)]
    seen.append([_called(bank.wave(i, 0), clips[i]) for i in dev])
    scores = np.array([[_score(system, wave) for wave in waves] for waves in seen])  # (views, clips)
    heard = np.array([[condition(activity(wave)) or "" for wave in waves] for waves in seen])
    for name, row in zip([*(view.name for view in VIEWS[: bank.views]), "codec"], heard, strict=True):
        shares = (f"{np.mean(row == one):.1%} {one or 'neither'}" for one in (*get_args(Condition), ""))
        say(f"dev, {name}: heard as {', '.join(shares)}")
    return chosen(scores, heard, labels)


def _called(wave: Wave, clip: Clip) -> Wave:
    """A clean clip through a telephone's codec and nothing else, as most calls come; drawn by its name alone."""
    rng = np.random.default_rng([31, crc32(clip.name.encode())])
    return np.asarray(Codec.draw(rng, 1.0, CALLS).apply(wave), dtype=np.float32)


def _score(system: System, wave: Wave) -> float:
    with torch.inference_mode():
        return system.score(torch.from_numpy(wave)[None]).item()


def chosen(scores: Float64, heard: NDArray[np.str_], labels: NDArray[np.int_]) -> dict[str, Any]:
    """The same from numbers.

    Args:
        scores: (views, clips). heard: (views, clips) each one's condition, "" for none. labels: (clips,) 1 = bona fide.
    """
    all_labels = np.broadcast_to(labels, scores.shape)
    few = scores[:CHOSEN], all_labels[:CHOSEN]
    plain = heard[:CHOSEN] == ""
    own = fit_calibration(few[0][plain], few[1][plain])
    conditions: dict[Condition, Calibration] = {}
    for name in get_args(Condition):
        there = heard == name
        if min(np.bincount(all_labels[there], minlength=2)) >= FEWEST:
            with suppress(DataError):  # the scores tell nothing there: then the model's own calibration serves
                conditions[name] = fit_calibration(scores[there], all_labels[there])
    llrs = own.scale * scores + own.bias
    for name, one in conditions.items():
        llrs[heard == name] = one.scale * scores[heard == name] + one.bias
    decision = fit_decision(llrs[:CHOSEN].ravel(), few[1].ravel(), WRONG)
    # Nobody is accused more lightly for what a recording went through.
    below = [fit_decision(view, labels, WRONG).unsure_below for view in llrs]
    decision = decision.model_copy(update={"unsure_below": max(decision.unsure_below, *below)})
    sets = {on: (found, labels) for on, found in zip((points.CLEAN, points.LIGHT), llrs, strict=False)}
    return {
        "calibration": own, "conditions": conditions, "decision": decision,
        "operating_points": choose_points(sets, decision),
    }  # fmt: skip


def note_decision(folder: Path, clips: list[Clip], bank: Bank) -> None:
    """Choose anew for a finished model, and put it into the card; no file's hash changes."""
    card = keep.read_json(folder / CARD_FILE)
    for name, found in decided(load_system(folder), clips, bank).items():
        card[name] = _plain(found)
    card["training"].pop("error_rates", None)
    keep.put_json(folder / CARD_FILE, card, indent=2)
    points.note_points(folder, clips, bank)


def _plain(found: Any) -> Any:
    """As the card's JSON holds it."""
    if isinstance(found, dict):
        return {name: _plain(one) for name, one in found.items()}
    return [_plain(one) for one in found] if isinstance(found, tuple) else found.model_dump(mode="json")


def main(arguments: list[str] | None = None) -> None:
    """Choose for one finished model folder, and write its card anew."""
    parser = argparse.ArgumentParser(prog="python -m recipes.builtin.decide", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="its card is written anew")
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--work", type=Path, default=Path("runs/builtin"), help="where the tables are")
    parser.add_argument("--seed", type=int, default=1234)
    options = parser.parse_args(arguments)
    check_corpus(options.corpus)
    clips = everything(options.work, options.corpus)
    note_decision(options.model, clips, build_bank(clips, options.work / "bank.i16", seed=options.seed))
    note_near(options.model, clips, options.seed, say)
    say(f"done: {options.model / CARD_FILE}")


if __name__ == "__main__":
    try:
        main()
    except FakeMambaError as error:
        raise SystemExit(f"error: {error}") from error
