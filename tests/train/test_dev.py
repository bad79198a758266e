"""The look at dev: rates by source by hand, and the same numbers from any number of processes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.errors import ConfigError
from fakemamba.train.corpus import Clips
from fakemamba.train.dev import DevLook, rate_by_source
from fakemamba.train.settings import LossConfig


def test_a_source_stands_against_its_own_genuine_clips_where_it_has_some():
    sources = np.array(["books", "page", "page", "robot", "robot"])
    labels, scores = np.array([1, 1, 0, 0, 0]), np.array([5.0, 1.0, 2.0, 3.0, 4.0])
    assert rate_by_source(scores, labels, sources) == {"page": 100.0, "robot": 0.0}


def test_fakes_without_any_genuine_counterpart_are_left_out():
    sources, labels = np.array(["page", "page", "robot"]), np.array([1, 0, 0])
    assert rate_by_source(np.array([1.0, 0.0, 0.5]), labels, sources) == {"page": 0.0}


def dataset(labels: list[int], source: str = "") -> Dataset:
    rows = (Utterance(str(i), Path("x"), label, "made", source=source) for i, label in enumerate(labels))
    return Dataset("made dev", tuple(rows))


@pytest.mark.parametrize(
    ("labels", "watch", "message"),
    [
        ([1, 1], "loss", "made dev: dev needs both classes"),
        ([1, 0], "macro_eer", "no sources to take a macro_eer over"),
    ],
)
def test_a_dev_set_that_cannot_judge_is_refused_at_once(labels, watch, message):
    clips = Clips(dataset(labels), samples=800, masked=False)
    with pytest.raises(ConfigError, match=message):
        DevLook(clips, LossConfig(), watch=watch, size=2)


class Level(torch.nn.Module):
    """A system that calls loud clips genuine."""

    score_kind = "logit_difference"

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def forward(self, waves: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        level = self.gain * waves.abs().amax(dim=1)
        return torch.stack([-level, level], dim=1)


def test_a_look_finds_loss_and_rates(tmp_path):
    rows = []
    # books: genuine 0.5 and 0.7; page: genuine 0.1, fake 0.3; robot: fake 0.2
    for number, (level, label, source) in enumerate(
        [(0.5, 1, "books"), (0.7, 1, "books"), (0.1, 1, "page"), (0.3, 0, "page"), (0.2, 0, "robot")]
    ):
        soundfile.write(tmp_path / f"{number}.wav", np.full(900, level), 16_000, subtype="FLOAT")
        rows.append(Utterance(str(number), tmp_path / f"{number}.wav", label, "made", source=source))
    clips = Clips(Dataset("made", tuple(rows)), samples=800, masked=False)
    found = DevLook(clips, LossConfig(weights=(0.1, 0.9)), watch="macro_eer", size=2)(Level())
    levels, labels = np.array([0.5, 0.7, 0.1, 0.3, 0.2]), np.array([1, 1, 1, 0, 0])
    weights, signs = np.where(labels, 0.9, 0.1), np.where(labels, 1, -1)
    loss = np.sum(weights * np.log1p(np.exp(-2 * signs * levels))) / weights.sum()
    assert found.numbers["loss"] == pytest.approx(loss, rel=1e-5)
    assert (found.numbers["page"], found.numbers["robot"], found.value) == (100, 0, 50)
    assert found.scores == pytest.approx(2 * levels, rel=1e-6)
