"""The second test's human speech: apart from all that other tables hold."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.builtin import heldout2, human
from recipes.builtin.manifest import RATE
from recipes.builtin.steps import Context


def test_no_package_is_in_an_earlier_table() -> None:
    earlier = {package.name for package in human.PACKAGES}
    assert not earlier & {package.name for package in heldout2.PACKAGES}


def test_all_clips_are_genuine_and_tested_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", wave, RATE)
    monkeypatch.setattr(human, "debian", lambda _name, _work: tmp_path)
    monkeypatch.setattr(heldout2, "PACKAGES", heldout2.PACKAGES[:1])
    clips = list(heldout2.make(Context(tmp_path, tmp_path / "work", 1, share=0.025)))
    assert [(clip.label, clip.split) for clip in clips] == [("bonafide", "test")] * 2
    assert all(1.0 <= clip.seconds <= 4.0 for clip in clips)
