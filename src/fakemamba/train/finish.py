"""The end of a run: best, last and averaged weights as model folders, curves, and a card."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from fakemamba.checkpoint.folder import TENSOR_FILE, open_folder
from fakemamba.checkpoint.torch_io import read_tensors
from fakemamba.decision import fit_calibration, fit_decision
from fakemamba.errors import DataError
from fakemamba.models import build
from fakemamba.models.system import System
from fakemamba.operating import choose_points
from fakemamba.train.average import mean_of_best
from fakemamba.train.batches import Judgement
from fakemamba.train.folder import plain, put, versions, writing
from fakemamba.train.loop import Trainer

WRONG = 0.15  # share of wrong verdicts that a new model's unsure band is chosen for, on dev


def finish(trainer: Trainer) -> dict[str, Any]:
    """Write what the run was for; returns the card. Every process calls it, the main one writes."""
    best = [epoch for _, epoch in trainer.standing.best]
    trainer.steps.accelerator.wait_for_everyone()
    # Made one after the other: three systems with XLS-R at once are more than a laptop holds.
    makers: dict[str, Callable[[], System]] = {"last": lambda: trainer.steps.judged}
    if best:
        makers["best"] = lambda: _system(trainer, _epoch_weights(trainer, best[0]))
        makers["average"] = lambda: _system(
            trainer, mean_of_best((_epoch_weights(trainer, epoch) for epoch in best), trainer.recipe.train.average)
        )
    card = _card(trainer)
    for kind, make in makers.items():
        system = make()
        found = trainer.look_at(system)
        card["dev"][kind] = dict(found.numbers)
        if trainer.steps.main:
            record = {**card, "weights": kind, "dev": dict(found.numbers)}
            trainer.write(trainer.folder.path / kind, kind, system, training=record, **_calibrated(found))
    if trainer.steps.main:
        with writing(trainer.folder.path):
            put(trainer.folder.card, json.dumps(plain(card), indent=2) + "\n")  # last: it says that the run is done
            trainer.folder.state.unlink(missing_ok=True)
    trainer.steps.accelerator.wait_for_everyone()
    return card


def _epoch_weights(trainer: Trainer, epoch: int) -> dict[str, Tensor]:
    return read_tensors(open_folder(trainer.folder.epoch(epoch)).file(TENSOR_FILE))


def _system(trainer: Trainer, tensors: dict[str, Tensor]) -> System:
    system = build(trainer.recipe.model)
    system.load_state_dict(tensors)
    return system.to(trainer.steps.accelerator.device).eval()


def _card(trainer: Trainer) -> dict[str, Any]:
    standing, train = trainer.standing, trainer.recipe.train
    return {
        "data": trainer.about,
        "seed": train.seed,
        "steps": standing.step,
        "epochs": standing.epochs,
        "best_epochs": [epoch for _, epoch in standing.best],
        "average": train.average,
        "hours": round(standing.seconds / 3600, 3),
        "processes": trainer.steps.ranks,
        "device": trainer.steps.accelerator.device.type,
        "dev": {},
        "versions": versions(),
    }


def _calibrated(found: Judgement) -> dict[str, Any]:
    """Calibration, decision and operating points fitted on dev; nothing where dev does not allow it."""
    if found.scores is None or found.labels is None:
        return {}
    try:
        calibration = fit_calibration(found.scores, found.labels)
        llr = calibration.scale * np.asarray(found.scores) + calibration.bias
        decision = fit_decision(llr, found.labels, WRONG)
        points = choose_points({"dev": (llr, found.labels)}, decision)
        return {"calibration": calibration, "decision": decision, "operating_points": points}
    except DataError:  # one class alone, or no better than chance: better uncalibrated than wrong
        return {}
