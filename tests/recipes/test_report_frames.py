"""Frame error rates of partial fakes: labels from spans, scores from windows, rates by system."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fakemamba.checkpoint.folder import Calibration, Near
from fakemamba.detect import Detector
from fakes import WINDOW, FakeScorer, Wave, speech, tiny_card
from recipes.builtin.manifest import RATE, Clip, write
from recipes.builtin.report import frames


def loud_is_fake(wave: Wave) -> float:
    return 5.0 - 100.0 * float(np.abs(wave).mean())


def table(folder: Path) -> list[frames.Partial]:
    """Two partial fakes of 3 s, loud from 1.0 to 2.0 s, through the table and the files that the recipe would write."""
    clips = []
    for name in ("partial-a", "partial-b"):
        wave = 0.02 * np.random.default_rng(0).normal(size=3 * RATE).astype(np.float32)
        wave[RATE : 2 * RATE] *= 10
        sf.write(folder / f"{name}.flac", wave, RATE)
        clips.append(Clip(str(folder / f"{name}.flac"), "spoof", "dev", name, "f", "s", "en", "partial", "", 3.0,
                          "1.000-2.000"))  # fmt: skip
    write(folder / frames.TABLE, clips)
    return frames.partials(folder / frames.TABLE)


def test_spans_become_frames_of_20_ms(tmp_path: Path) -> None:
    first = table(tmp_path)[0]
    assert first.labels.shape == (150,)
    assert (first.labels[50:100] == 0).all()
    assert first.labels.sum() == 100


def test_short_windows_find_what_one_score_for_all_of_it_cannot(tmp_path: Path) -> None:
    clips = table(tmp_path)
    detector = Detector(FakeScorer(loud_is_fake), tiny_card())
    found = frames.measure(detector, clips, [speech(3.0)], windows=(0.3,))
    assert found["eer"]["0.3 s windows"]["all"] < 10
    assert set(found["eer"]["0.3 s windows"]) == {"all", "partial-a", "partial-b"}
    assert (found["frames"], found["fake_frames"]) == (300, 100)


def test_a_clip_without_a_judged_window_is_undecided_all_over() -> None:
    listen = frames.by_detect(frames.Asked(Detector(FakeScorer(), tiny_card())))
    assert (listen(np.zeros(RATE, np.float32)) == np.zeros(50)).all()


def test_windows_of_detect_are_averaged_where_they_overlap() -> None:
    scorer = FakeScorer(lambda wave: 1000.0 * float(np.abs(wave).mean()))
    wave = speech(3.0)
    wave[2 * RATE :] *= 0.5
    first, second = (scorer.rule(wave[s : s + 2 * RATE]) for s in (0, RATE))
    found = frames.by_detect(frames.Asked(Detector(scorer, tiny_card())))(wave)
    assert found[[10, 75, 140]] == pytest.approx([first, (first + second) / 2, second], rel=1e-3)


NEAR = Near(seconds=0.3, hop=0.075, calibration=Calibration(), threshold=1.0, length=3.0)


def near_detector() -> Detector:
    return Detector(FakeScorer(loud_short_is_fake), tiny_card(near=NEAR))


def loud_short_is_fake(wave: Wave) -> float:
    """What only short windows hear."""
    return 5.0 if len(wave) == WINDOW or np.abs(wave).max() < 0.5 else -5.0


def spoken(folder: Path) -> list[frames.Partial]:
    """A partial fake of 4 s with speech in it, loud from 1.0 to 2.0 s."""
    wave = speech(4.0)
    wave[RATE : 2 * RATE] *= 3.0
    sf.write(folder / "a.flac", np.clip(wave, -1, 1), RATE)
    clip = Clip(str(folder / "a.flac"), "spoof", "dev", "a", "f", "s", "en", "partial", "", 4.0, "1.000-2.000")
    write(folder / frames.TABLE, [clip])
    return frames.partials(folder / frames.TABLE)


def test_the_near_pass_is_measured_as_detect_tells_of_it(tmp_path: Path) -> None:
    found = frames.measure(near_detector(), spoken(tmp_path), [speech(3.0)], windows=(0.5,))
    assert list(found["eer"]) == ["near pass of `detect`", "windows of `detect`", "0.5 s windows"]
    assert found["eer"]["near pass of `detect`"]["all"] < 20 < found["eer"]["windows of `detect`"]["all"]
    close, far = found["segments"]["with the near pass"], found["segments"]["windows alone"]
    assert (close["genuine"], close["clips"], close["stretches"]) == (0.0, 100.0, 100.0)
    assert close["frames"] > 40
    assert close["wrongly"] < 20
    assert set(far.values()) == {0.0}
    page = frames.markdown(found)
    assert f"| with the near pass | 0.0 | 100.0 | 100.0 | {close['frames']:.1f} |" in page


def test_what_has_no_near_pass_is_undecided_all_over() -> None:
    assert (frames.by_near(frames.Asked(near_detector()))(np.zeros(RATE, np.float32)) == np.zeros(50)).all()


def test_a_short_wave_fills_the_window() -> None:
    scorer = FakeScorer()
    assert len(frames.sliding(scorer, 1.0)(speech(0.5))) == 25
    assert scorer.shapes == [(1, RATE)]


def test_a_work_folder_without_the_table_says_how_to_make_it(tmp_path: Path) -> None:
    (tmp_path / "corpus.tsv").touch()
    with pytest.raises(SystemExit, match="--only partial-dev"):
        frames.main(["--corpus", str(tmp_path), "--work", str(tmp_path)])


def test_what_is_found_where_few_genuine_clips_are_marked(tmp_path: Path) -> None:
    clips = table(tmp_path)
    sure, blind = np.where(clips[0].labels == 0, -3.0, 3.0), np.full(150, 3.0)
    genuine = [np.full(100, 2.0), np.full(100, -1.0)]  # the threshold lies between their lowest frames: -0.85
    assert frames.rarely(clips, [sure, blind], genuine) == {"frames": 50.0, "clips": 50.0, "wrongly": 0.0}


def test_the_page_tells_every_way_with_its_numbers(tmp_path: Path) -> None:
    detector = Detector(FakeScorer(loud_is_fake), tiny_card())
    found = frames.measure(detector, table(tmp_path), [speech(3.0)], windows=(0.3,))
    page = frames.markdown(found)
    assert f"| 0.3 s windows | {found['eer']['0.3 s windows']['all']:.1f} |" in page
    assert "2 clips, 100 of 300 frames fake" in page
