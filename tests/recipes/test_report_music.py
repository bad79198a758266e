"""How much music is unsure: stretches of files, counts by verdict and reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from fakemamba.detect import Detector
from fakes import FakeScorer, speech, tiny_card
from recipes.builtin.report import music

RATE = 8000


def test_stretches_lie_inside_the_piece_and_in_one_channel(tmp_path: Path) -> None:
    ramp = np.linspace(0, 0.5, 70 * RATE, dtype=np.float32)
    (tmp_path / "deep").mkdir()
    sf.write(tmp_path / "deep" / "piece.WAV", np.stack([ramp, ramp], axis=1), RATE, format="WAV", subtype="FLOAT")
    (tmp_path / "deep" / "notes.txt").write_text("no music")
    found = music.pieces(tmp_path)
    assert [(len(wave), rate) for wave, rate in found] == [(10 * RATE, RATE)] * 3
    # Of 60 s that a stretch may begin in, they begin at a quarter, a half and three quarters.
    assert [wave[0] for wave, _ in found] == pytest.approx([0.5 * s / 70 for s in (15, 30, 45)], rel=1e-3)


def test_a_jingle_is_no_piece(tmp_path: Path) -> None:
    sf.write(tmp_path / "jingle.flac", np.zeros(30 * RATE, np.float32), RATE)
    assert music.pieces(tmp_path) == []


def test_verdicts_and_reasons_are_counted() -> None:
    detector = Detector(FakeScorer(), tiny_card())
    found = music.judged(detector, [(np.zeros(10 * RATE, np.float32), RATE), (speech(10.0), 16_000)])
    assert (found["stretches"], found["unsure"], found["real"], found["fake"]) == (2, 1, 1, 0)
    assert list(found["reasons"].values()) == [1]
    assert found["heard as music"] == 0  # silence


def test_the_table_ends_with_the_share_of_all() -> None:
    row = {"stretches": 3, "heard as music": 1, "unsure": 2, "real": 1, "fake": 0, "reasons": {}}
    page = music.markdown({"a": row, "b": row})
    assert "| a | 3 | 1 | 2 | 1 | 0 |" in page
    assert "4 of 6 are unsure (66.7 %), 2 of them as music." in page
