"""How a clip becomes a score, against what the protocols promise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_makers import dataset, detector, loudness, write_clips, write_wave

from fakemamba.checkpoint.card import Calibration
from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.errors import CheckpointError, ConfigError, DataError
from fakemamba.evaluation import score_dataset, scoring
from fakemamba.evaluation.clips import ScoredClip
from fakemamba.evaluation.protocols import Prepared, Whole
from fakes import RATE, WINDOW, FakeScorer, speech, tiny_config


def one(path: Path, **more) -> Dataset:
    return Dataset("one", (Utterance("x", path, 1, "mine", **more),))


def test_fixed_takes_the_first_window_and_repeats_short_clips(tmp_path):
    heard = []
    judge = detector(lambda wave: heard.append(wave.copy()) or 1.0)
    long, short = speech(3.7), speech(0.7)
    for wave in (long, short):
        scoring = score_dataset(judge, one(write_wave(tmp_path / "x.wav", wave)), protocol="fixed")
        assert scoring.clips[0].utterance.seconds == pytest.approx(len(wave) / RATE)
    np.testing.assert_array_equal(heard[0], long[:WINDOW])
    np.testing.assert_array_equal(heard[1], np.concatenate([short] * 3)[:WINDOW])


def test_whole_takes_the_clip_from_end_to_end_and_batches_equal_lengths(tmp_path):
    for k, seconds in enumerate([1.0, 3.0, 1.0, 3.0, 1.0]):
        write_wave(tmp_path / "real" / f"x{k}.wav", speech(seconds, seed=k))
    judge = detector()
    scoring = score_dataset(judge, dataset(tmp_path), protocol="whole", batch=2)
    assert sorted(judge.scorer.shapes) == [(1, 16_000), (2, 16_000), (2, 48_000)]
    assert [clip.score for clip in scoring.clips] == pytest.approx(
        [loudness(speech(s, seed=k)) for k, s in enumerate([1.0, 3.0, 1.0, 3.0, 1.0])], abs=1e-4
    )


class Padded(FakeScorer):
    """Knows each clip's own length, as torch systems do."""

    def score_padded(self, waves, lengths):
        self.shapes.append(waves.shape)
        return np.array([self.rule(wave[:n]) for wave, n in zip(waves, lengths, strict=True)], dtype=np.float32)


def test_whole_pads_where_the_scorer_masks_and_no_score_changes(tmp_path):
    for k, seconds in enumerate([1.0, 3.1, 2.2]):
        write_wave(tmp_path / "real" / f"x{k}.wav", speech(seconds, seed=k))
    alone = score_dataset(detector(), dataset(tmp_path), protocol="whole")
    padded = detector()
    padded.scorer = Padded(loudness)
    together = score_dataset(padded, dataset(tmp_path), protocol="whole")
    assert padded.scorer.shapes == [(3, 49_600)]
    assert together.clips == alone.clips


def test_a_long_clip_pads_no_short_one(tmp_path):
    for k, seconds in enumerate([1.0, 33.0, 2.0, 31.0]):
        write_wave(tmp_path / "real" / f"x{k}.wav", speech(seconds, seed=k))
    alone = score_dataset(detector(), dataset(tmp_path), protocol="whole")
    padded = detector()
    padded.scorer = Padded(loudness)
    together = score_dataset(padded, dataset(tmp_path), protocol="whole")
    assert padded.scorer.shapes == [(2, 32_000), (1, 31 * RATE), (1, 33 * RATE)]
    assert together.clips == alone.clips


def test_torch_systems_give_padded_clips_the_scores_they_get_alone(tmp_path):
    pytest.importorskip("torch")
    from fakemamba import load
    from fakemamba.checkpoint.torch_io import save_system
    from fakemamba.evaluation.protocols import PaddedScorer
    from fakemamba.models.assemble import build

    save_system(tmp_path / "model", build(tiny_config()), tiny_config())
    judge = load(tmp_path / "model")
    assert isinstance(judge.scorer, PaddedScorer)
    waves = [speech(1.0), speech(1.7, seed=2)]
    alone = [float(judge.scorer.score(wave[None])[0]) for wave in waves]
    batch = np.zeros((2, len(waves[1])), dtype=np.float32)
    batch[0, : len(waves[0])], batch[1] = waves
    np.testing.assert_allclose(judge.scorer.score_padded(batch, [len(w) for w in waves]), alone, atol=2e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_torch_scores_do_not_depend_on_batches_nor_on_the_clips_around(tmp_path, precision):
    torch = pytest.importorskip("torch")
    from fakemamba import load
    from fakemamba.checkpoint.torch_io import save_system
    from fakemamba.models.assemble import build

    lengths = [2.9, 1.0, 2.2, 1.0, 0.4, 2.95, 1.3]  # in the order of the data set, far from sorted
    for k, seconds in enumerate(lengths):
        write_wave(tmp_path / "clips" / "real" / f"x{k}.wav", speech(seconds, seed=k))
    torch.manual_seed(0)
    save_system(tmp_path / "model", build(tiny_config()), tiny_config())
    try:
        judge = load(tmp_path / "model", precision=precision)
    except ConfigError as error:
        pytest.skip(str(error))
    given = []
    score = judge.scorer.score_padded
    judge.scorer.score_padded = lambda waves, own: given.append(own) or score(waves, own)
    found = {
        batch: score_dataset(judge, dataset(tmp_path / "clips"), protocol="whole", batch=batch).clips
        for batch in (1, 3, 16)
    }
    assert [len(own) for own in given] == [1] * 7 + [3, 3, 1] + [7]
    assert all(own == sorted(own) for own in given)  # near lengths share a batch
    alone = [clip.score for clip in found[1]]
    for clips in found.values():
        assert [clip.utterance.id for clip in clips] == [f"x{k}" for k in range(len(lengths))]
        assert [clip.utterance.seconds for clip in clips] == pytest.approx(lengths)
        assert [clip.score for clip in clips] == pytest.approx(alone, abs=2e-5 if precision == "fp32" else 2e-3)
    assert max(alone) - min(alone) > 1e-3


def test_detect_is_the_detector_itself(tmp_path):
    root = write_clips(tmp_path, seconds=5.0)
    judge = detector()
    for clip in score_dataset(judge, dataset(root), protocol="detect", workers=3).clips:
        result = judge.detect(clip.utterance.path)
        assert (clip.score, clip.llr, clip.verdict) == (result.score, result.llr, result.verdict)
        assert clip.utterance.seconds == result.duration


def test_locate_keeps_the_windows_and_takes_the_worst(tmp_path):
    wave = np.concatenate([speech(2.0, level=0.05), speech(1.0, level=0.9)])
    path = write_wave(tmp_path / "x.wav", wave)
    (clip,) = score_dataset(detector(), one(path), protocol="locate", hop=0.5).clips
    assert (clip.window, clip.hop) == (2.0, 0.5)
    expected = [loudness(wave[start : start + WINDOW]) for start in (0, 8_000, 16_000)]
    assert clip.windows == pytest.approx(expected, abs=1e-4)
    assert clip.score == min(clip.windows)


def test_verdicts_and_llrs_come_from_the_card(tmp_path):
    path = write_wave(tmp_path / "x.wav", speech(2.0, level=0.1))
    raw = score_dataset(detector(calibration=None), one(path)).clips[0]
    assert (raw.llr, raw.verdict) == (None, None)
    known = score_dataset(detector(), one(path)).clips[0]
    assert known.llr == known.score
    assert known.verdict == ("real" if known.score > 1 else "fake" if known.score < -1 else "unsure")


@pytest.mark.parametrize("protocol", ["fixed", "whole", "detect", "locate"])
def test_a_telephone_counts_by_the_cards_condition_in_every_protocol(tmp_path, protocol):
    spectrum = np.fft.rfft(speech(2.0, level=0.1))
    spectrum[np.fft.rfftfreq(2 * RATE, 1 / RATE) > 3400] = 0
    path = write_wave(tmp_path / "x.wav", np.fft.irfft(spectrum).astype(np.float32))
    judged = detector(conditions={"telephone": Calibration(scale=0.5, bias=0.25)})
    clip = score_dataset(judged, one(path), protocol=protocol).clips[0]
    assert clip.llr == pytest.approx(0.5 * clip.score + 0.25)
    assert score_dataset(judged, one(path), protocol=protocol).defects == ()


def test_scores_by_other_calibrations_are_not_mixed_in(tmp_path):
    path, out = write_wave(tmp_path / "x.wav", speech(2.0, level=0.1)), tmp_path / "out"
    score_dataset(detector(), one(path), folder=out)
    told = json.loads((out / "scores.json").read_text())
    with pytest.raises(DataError, match="another calibration "):
        score_dataset(detector(conditions={"noise": Calibration(scale=0.5)}), one(path), folder=out)
    (out / "scores.json").write_text(json.dumps({**told, "calibrations": "", "precision": ""}))  # of an older release
    score_dataset(detector(conditions={"noise": Calibration(scale=0.5)}), one(path), folder=out)


def test_what_cannot_be_read_is_listed_with_its_reason_and_tried_again(tmp_path):
    root = write_clips(tmp_path / "data")
    gone = Utterance("gone", root / "gone.wav", 0, "mine")
    listed = replace(dataset(root), utterances=(*dataset(root).utterances, gone))
    broken = root / "real" / "r1.wav"
    good = broken.read_bytes()
    broken.write_bytes(b"no sound at all")
    first = score_dataset(detector(), listed, folder=tmp_path / "out")
    assert {clip.id for clip in first.unscored} == {"r1", "gone"}
    assert len(first.clips) + len(first.unscored) == len(listed)
    assert all(clip.reason and "\n" not in clip.reason for clip in first.unscored)
    broken.write_bytes(good)
    second = score_dataset(detector(), listed, folder=tmp_path / "out")
    assert ({clip.id for clip in second.unscored}, second.resumed) == ({"gone"}, 5)


def test_silence_is_not_judged_by_detect_and_said_so(tmp_path):
    write_wave(tmp_path / "real" / "x0.wav", np.zeros(RATE * 2, dtype=np.float32))
    (listed,) = score_dataset(detector(), dataset(tmp_path), protocol="detect").unscored
    assert listed.reason == "nothing to judge: it is silent"


def test_progress_counts_every_clip(tmp_path):
    root = write_clips(tmp_path / "data")
    (root / "real" / "r1.wav").write_bytes(b"no sound at all")
    calls = []
    score_dataset(detector(), dataset(root), on_progress=lambda *call: calls.append(call))
    assert calls[-1][:2] == (6, 6)
    assert calls[-1][2] == pytest.approx(12.5)


def test_a_model_that_gives_no_numbers_is_an_error(tmp_path):
    root = write_clips(tmp_path / "data")
    with pytest.raises(CheckpointError, match="a score is not a number"):
        score_dataset(detector(lambda wave: float("nan")), dataset(root), folder=tmp_path / "out")


def test_bad_options_and_doubled_ids(tmp_path):
    mine = dataset(write_clips(tmp_path))
    with pytest.raises(ConfigError, match="unknown protocol 'best': choose one of fixed, whole, detect, locate"):
        score_dataset(detector(), mine, protocol="best")
    with pytest.raises(ConfigError, match="batch and workers"):
        score_dataset(detector(), mine, batch=0)
    with pytest.raises(ConfigError, match="a hop belongs to the protocol locate"):
        score_dataset(detector(), mine, hop=0.1)
    with pytest.raises(ConfigError, match="within the model's window of 2 s"):
        score_dataset(detector(), mine, protocol="locate", hop=3.0)
    with pytest.raises(DataError, match="1 ids stand there more than once"):
        score_dataset(detector(), Dataset("twice", mine.utterances[:1] * 2))
    with pytest.raises(DataError, match="holds no clip"):
        score_dataset(detector(), Dataset("none", ()))


@pytest.mark.parametrize("protocol", ["whole", "detect", "locate"])
def test_clips_that_are_read_around_a_defect_are_told(tmp_path, protocol):
    path = write_wave(tmp_path / "x.wav", speech(2.5))
    path.write_bytes(path.read_bytes()[:-20_000])
    found = score_dataset(detector(), one(path), protocol=protocol)
    assert len(found.clips) == 1
    assert len(found.defects) == 1
    assert found.defects[0].startswith("x: cut short")


@pytest.mark.parametrize(("seconds", "most"), [(2.0, 9), (3600.0, 3)])
def test_fewer_long_clips_than_short_ones_wait_in_memory(monkeypatch, seconds: float, most: int):
    """An hour is 230 MB: what is read and not yet scored is no more than the threads' own clips, and one."""
    wave = np.broadcast_to(np.float32(0), round(seconds * RATE))
    utterances = [Utterance(str(k), Path(str(k)), 1, "mine") for k in range(30)]
    read, scored, waiting = [], [], []

    def prepare(self, utterance):
        read.append(utterance)
        return Prepared(utterance, seconds, wave)

    def score(self, clips, batch):
        waiting.append(len(read) - len(scored))
        scored.extend(clips)
        return [ScoredClip(clip.utterance, 0.0) for clip in clips]

    monkeypatch.setattr(Whole, "prepare", prepare)
    monkeypatch.setattr(Whole, "score", score)
    monkeypatch.setattr(scoring, "_PILE_CLIPS", 1)
    score_dataset(detector(), Dataset("many", tuple(utterances)), protocol="whole", workers=2)
    assert len(scored) == 30
    assert max(waiting) <= most
