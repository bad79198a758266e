"""From windows to frames, against hand counts."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_makers import detector, write_wave

from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.frames import read_frame_labels
from fakemamba.data.miniature import make_miniature
from fakemamba.errors import DataError
from fakemamba.evaluation import evaluate, evaluate_scores
from fakemamba.evaluation.localization import read_spans
from fakemamba.near import frame_means
from fakes import speech


def test_a_frame_takes_the_windows_that_cover_it_the_nearest_most():
    # Windows of 0.2 s every 0.1 s over 0.4 s: centres at 0.1, 0.2, 0.3.
    frames = frame_means([1.0, 2.0, 3.0], window=0.2, hop=0.1, seconds=0.4)
    assert len(frames) == 20
    assert frames[0] == 1.0
    assert frames[-1] == 3.0
    assert (np.diff(frames) >= -1e-12).all()
    assert frames[9] == pytest.approx(2.0 - (frames[10] - 2.0))  # symmetric about the middle
    weights = [1 - abs(0.11 - centre) / 0.12 for centre in (0.1, 0.2)]  # the frame from 0.10 to 0.12 s
    assert frames[5] == pytest.approx(np.average([1.0, 2.0], weights=weights))


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0, 2.007, 5.33])
def test_constant_windows_give_constant_frames_of_the_right_number(seconds):
    count = max(1, int(np.ceil(max(0.0, seconds - 2.0) / 0.25 - 1e-9)) + 1)
    frames = frame_means([1.5] * count, window=min(2.0, seconds), hop=0.25, seconds=seconds)
    assert len(frames) == int(np.ceil(seconds / 0.02 - 1e-6))
    np.testing.assert_allclose(frames, 1.5)


@pytest.fixture
def spliced(tmp_path):
    """Six seconds, the middle two of them loud, that is fake; and a genuine one. Labels one frame short."""
    middle = np.concatenate([speech(2.0, level=0.05), speech(2.0, level=0.9), speech(2.0, level=0.05)])
    utterances, labels = [], {}
    for name, wave, label in (("cut", middle, 0), ("whole", speech(6.0, level=0.05), 1)):
        frames = np.ones(299, dtype=int)
        frames[100:200] = 1 if label else 0
        labels[name] = frames.astype(str)
        path = write_wave(tmp_path / f"{name}.wav", wave)
        utterances.append(Utterance(name, path, label, "spliced", frames=tmp_path / "labels.npy"))
    np.save(tmp_path / "labels.npy", labels)
    return Dataset("spliced", tuple(utterances))


def test_a_splice_is_found_at_every_resolution(spliced, tmp_path):
    found = evaluate(detector(), spliced, protocol="locate", hop=0.1, folder=tmp_path / "out", resamples=0)
    assert [frame.resolution_ms for frame in found.frames] == [10, 20, 40, 80, 160, 320, 640]
    assert found.summary.eer == 0
    fine = found.frames[1]
    assert (fine.n_spoof, fine.n_bonafide) == (100, 498)
    assert all(frame.value < 0.2 for frame in found.frames)
    assert evaluate_scores(tmp_path / "out", resamples=0).frames == found.frames


def test_spans_stand_in_for_frame_labels(spliced, tmp_path):
    plain = Dataset("spliced", tuple(replace(u, frames=None) for u in spliced.utterances))
    assert evaluate(detector(), plain, protocol="locate", hop=0.1, resamples=0).frames == ()
    table = tmp_path / "spans.tsv"
    table.write_text("file\tstart\tend\ncut\t2.0\t4.0\n")
    found = evaluate(detector(), plain, protocol="locate", hop=0.1, spans=table, resamples=0)
    assert (found.frames[1].n_spoof, found.frames[1].n_bonafide) == (100, 200)
    assert any("leave out 1 clips without frame labels" in text for text in found.notes)


def test_labels_of_another_length_are_an_error(spliced, tmp_path):
    np.save(tmp_path / "labels.npy", {"cut": np.ones(290, dtype=int)})
    with pytest.raises(DataError, match=r"300 scores of 20 ms against 290 labels"):
        evaluate(detector(), spliced, protocol="locate", resamples=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,start,end\nx,2,1\n", "line 2: not a span in seconds"),
        ("id,start,end,label\nx,1,2,odd\n", "line 2: not a span in seconds with a known label"),
        ("id,begin,end\nx,1,2\n", "needs a header with id, start and end"),
        ("", "needs a header with id, start and end"),
    ],
)
def test_bad_spans_are_told_in_one_line(tmp_path, text, message):
    path = tmp_path / "spans.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_spans(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_spans(tmp_path / "nowhere.csv")


def test_partialspoof_from_its_own_layout(tmp_path):
    """A miniature of the corpus: frame labels of a whole split in one file."""
    make_miniature("partialspoof", tmp_path)
    found = evaluate(detector(), f"partialspoof:{tmp_path}", protocol="locate", resamples=0)
    assert [frame.resolution_ms for frame in found.frames][:2] == [10, 20]
    frames = [len(read_frame_labels(c.utterance.frames)[c.utterance.id]) for c in found.judged.clips]
    fine = found.frames[1]
    assert sum(frames) - 2 * len(frames) <= fine.n_bonafide + fine.n_spoof <= sum(frames)


def test_frame_labels_that_are_none_are_told(spliced, tmp_path):
    (tmp_path / "labels.npy").write_bytes(b"no labels")
    with pytest.raises(DataError, match=r"labels\.npy cannot be read as frame labels"):
        evaluate(detector(), spliced, protocol="locate", resamples=0)
