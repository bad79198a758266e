"""Frame-level rates and the re-pooling rule."""

import numpy as np
import pytest

from fakemamba.errors import DataError
from fakemamba.metrics import frame_eer, repool
from fakemamba.metrics.frames import RESOLUTIONS_MS


def test_repooling_by_hand():
    assert repool([1, 2], 20, 10).tolist() == [1, 1, 2, 2]
    assert repool([3, 1, 2, 5, 4], 20, 40).tolist() == [1, 2, 4]  # the last frame holds one only
    assert repool([3, 1, 2, 5, 4], 20, 40, pool="mean").tolist() == [2, 3.5, 4]
    assert repool([3, 1, 2], 20, 30).tolist() == [1, 1]  # 3 3 1 | 1 2 2
    assert repool([], 20, 40).tolist() == []


def test_a_perfect_locator_is_perfect_at_every_resolution():
    rng = np.random.default_rng(0)
    labels = {f"f{i}": np.repeat(rng.integers(0, 2, 6), 64) for i in range(4)}
    scores = {name: label * 2.0 - 1 for name, label in labels.items()}
    results = frame_eer(scores, labels)
    assert [result.resolution_ms for result in results] == list(RESOLUTIONS_MS)
    assert all(result.value == 0 for result in results)
    assert results[0].n_bonafide + results[0].n_spoof == 2 * 4 * 6 * 64
    assert results[-1].n_bonafide + results[-1].n_spoof == 4 * 6 * 64 * 20 // 640


def test_one_spoofed_frame_spoils_the_coarse_frame():
    labels = {"a": np.array([1, 1, 1, 0, 1, 1, 1, 1])}
    scores = {"a": np.array([5, 5, 5, -5, 5, 5, 5, -6.0])}  # a false alarm in the last frame
    fine, coarse = frame_eer(scores, labels, resolutions_ms=[20, 80])
    assert (fine.n_spoof, fine.n_bonafide) == (1, 7)
    assert (coarse.n_spoof, coarse.n_bonafide, coarse.value) == (1, 1, 1.0)


def test_two_frames_of_difference_are_cut_and_more_refused():
    labels = {"a": np.r_[np.ones(50), np.zeros(50)]}
    assert frame_eer({"a": np.r_[np.ones(50), np.zeros(48)]}, labels, resolutions_ms=[20])[0].n_spoof == 48
    with pytest.raises(DataError, match="a: 97 scores of 20 ms against 100 labels of 20 ms differ by 60 ms"):
        frame_eer({"a": np.zeros(97)}, labels)


def test_scores_and_labels_of_other_frame_durations():
    labels = {"a": np.repeat([1, 0, 1, 0], 8)}  # 32 frames of 10 ms
    scores = {"a": np.repeat([1.0, -1.0, 1.0, -1.0], 4)}  # 16 frames of 20 ms
    assert frame_eer(scores, labels, label_ms=10, resolutions_ms=[10])[0].value == 0


def test_text_labels_are_read_and_bad_sets_refused():
    assert frame_eer({"a": [1.0, 0.0]}, {"a": np.array(["1", "0"])}, resolutions_ms=[20])[0].value == 0
    with pytest.raises(DataError, match="different files: 2 in only one"):
        frame_eer({"a": [1.0]}, {"b": [1]})
    with pytest.raises(DataError, match="must be numbers"):
        frame_eer({"a": [1.0]}, {"a": ["spoof"]})
    with pytest.raises(DataError, match="at least one file"):
        frame_eer({}, {})
