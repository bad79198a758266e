"""Losses and means of weights, against numbers computed by hand and against torch."""

import math

import pytest
import torch
from torch.nn import functional as F

from fakemamba.train.average import follow, mean_of_best
from fakemamba.train.losses import Loss
from fakemamba.train.settings import LossConfig

LOGITS = torch.tensor([[2.0, -1.0], [0.5, 0.3], [-1.0, 3.0], [0.0, 0.0]])
TARGETS = torch.tensor([0, 1, 1, 0])


def mean(config: LossConfig) -> float:
    loss = Loss(config)
    return float(loss.total(LOGITS, TARGETS) / loss.weights(TARGETS).sum())


def test_weighted_cross_entropy_is_torchs():
    expected = F.cross_entropy(LOGITS, TARGETS, weight=torch.tensor([0.1, 0.9]))
    assert mean(LossConfig(weights=(0.1, 0.9))) == pytest.approx(float(expected))


def test_smoothing_is_torchs():
    expected = F.cross_entropy(LOGITS, TARGETS, label_smoothing=0.1)
    assert mean(LossConfig(smoothing=0.1)) == pytest.approx(float(expected))


def test_focal_by_hand_and_without_focus_cross_entropy():
    assert mean(LossConfig(kind="focal", gamma=0)) == pytest.approx(mean(LossConfig()))
    right = 1 / (1 + math.exp(-3))  # the first clip's probability of its own class
    loss = Loss(LossConfig(kind="focal", gamma=2))
    assert float(loss.total(LOGITS[:1], TARGETS[:1])) == pytest.approx(-((1 - right) ** 2) * math.log(right), rel=1e-5)


def test_one_class_by_hand():
    loss = Loss(LossConfig(kind="one_class", alpha=20, genuine_margin=0.9, spoof_margin=0.2))
    cosines = torch.tensor([[-0.95, 0.95], [-0.5, 0.5]])
    genuine, spoofed = (float(loss.total(cosines[1:], torch.tensor([label]))) for label in (1, 0))
    assert genuine == pytest.approx(math.log1p(math.exp(20 * 0.4)), rel=1e-5)
    assert spoofed == pytest.approx(math.log1p(math.exp(20 * 0.3)), rel=1e-5)
    assert float(loss.total(cosines[:1], torch.tensor([1]))) == pytest.approx(math.log1p(math.exp(-1)), rel=1e-4)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal", "one_class"])
def test_parts_add_up_to_the_whole(kind):
    loss = Loss(LossConfig(kind=kind, weights=(0.1, 0.9)))
    whole = loss.total(LOGITS, TARGETS)
    parts = loss.total(LOGITS[:1], TARGETS[:1]) + loss.total(LOGITS[1:], TARGETS[1:])
    assert float(whole) == pytest.approx(float(parts))


def test_mean_of_the_best_and_the_released_slip():
    epochs = [
        {"w": torch.tensor([float(value)]), "n": torch.tensor(number)} for number, value in enumerate((1, 2, 4, 8, 16))
    ]
    assert mean_of_best(epochs)["w"].item() == pytest.approx(31 / 5)
    assert mean_of_best(epochs, "legacy")["w"].item() == pytest.approx((2 * 2 + 4 + 8 + 16) / 5)
    assert mean_of_best(epochs)["n"].item() == 0
    assert epochs[1]["w"].item() == 2  # what went in stays
    assert mean_of_best(epochs[:1], "legacy")["w"].item() == 1


def test_the_running_mean_starts_quickly_and_then_follows_its_decay():
    model, average = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 1.0)
    torch.nn.init.constant_(average.weight, 0.0)
    follow(average, model, 0.99, step=0)
    assert average.weight.item() == pytest.approx(0.9)
    follow(average, model, 0.99, step=10_000)
    assert average.weight.item() == pytest.approx(0.901)
