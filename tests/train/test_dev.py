"""The look at dev: rates by source by hand, and the same numbers from any number of processes."""

from pathlib import Path

import numpy as np
import pytest

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
