"""Vocoders of the recipe: shapes, the maths of the sources, training that is kept and resumed."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from recipes.builtin import mel
from recipes.builtin.manifest import RATE
from recipes.builtin.vocode import as_loud, sound
from recipes.builtin.vocoders import fit
from recipes.builtin.vocoders.losses import Judges, SpectralLoss
from recipes.builtin.vocoders.nets import Codec, Istft, SourceFilter, Upsampler, pulse_train

NETS = {
    "polar": partial(Istft, fft=512, hop=128, bands=20, width=16, depth=1, polar=True),
    "plain": partial(Istft, fft=640, hop=160, bands=20, width=16, depth=1, polar=False),
    "codec": partial(Codec, fft=640, hop=320, bands=20, width=16, depth=2, books=3),
    "transpose": partial(Upsampler, fft=800, strides=(8, 5, 5), bands=20, width=16, grow="transpose", snake=False),
    "snake": partial(Upsampler, fft=1024, strides=(8, 8, 4), bands=20, width=16, grow="nearest", snake=True),
}
SPEECH = [np.random.default_rng(i).normal(0, 0.1, RATE).astype(np.float32) for i in range(3)]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("length", [16_000, 12_345])
def test_a_copy_is_as_long_as_its_recording(name: str, length: int) -> None:
    made = NETS[name]()(torch.randn(2, length) * 0.1)
    assert made.shape == (2, length)
    assert bool(torch.isfinite(made).all())


def test_more_books_change_what_a_codec_makes() -> None:
    net, wave = NETS["codec"](), torch.randn(1, 8000) * 0.1
    assert not torch.equal(net(wave, 1), net(wave, 3))


def test_the_pulse_train_is_the_sum_of_its_harmonics() -> None:
    made = pulse_train(torch.full((1, 11), 2000.0), 1600)[0]
    t = torch.arange(1, 1601, dtype=torch.float64) / RATE
    cosines = sum(torch.cos(2 * torch.pi * 2000 * k * t) for k in (1, 2, 3)) / 3**0.5
    assert float((made - cosines).abs().max()) < 0.02
    assert float(pulse_train(torch.zeros(1, 11), 1600).abs().max()) == 0.0


def test_a_source_filter_needs_a_pitch() -> None:
    net = SourceFilter(fft=512, hop=128, bands=20, width=16, depth=1)
    wave = torch.randn(1, 8000) * 0.1
    assert net(wave, torch.full((1, 8000 // 128 + 1), 120.0)).shape == (1, 8000)


def test_losses_are_nothing_for_a_perfect_copy_and_more_for_a_worse_one() -> None:
    wave = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0)) * 0.1
    loss = SpectralLoss()
    assert float(loss(wave, wave)) == pytest.approx(0.0, abs=1e-6)
    assert float(loss(wave * 0.9, wave)) < float(loss(wave * 0.3, wave))
    judges = Judges()
    assert float(judges.learn(wave, wave).detach()) > 0
    assert float(judges.please(wave, wave).detach()) < float(judges.please(3 * wave, wave).detach())


def test_training_keeps_its_marks_and_is_not_repeated(tmp_path: Path) -> None:
    plan = fit.Plan("tiny", "own", NETS["polar"], (1, 4), seconds=0.4, count=2)
    said: list[str] = []
    fit.train(plan, SPEECH, tmp_path, 0, said.append)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny-1.safetensors", "tiny-4.safetensors"]
    fit.train(plan, SPEECH, tmp_path, 0, said.append)
    assert len(said) == 1
    early, late = (fit.load(plan, step, tmp_path) for step in plan.marks)
    wave = torch.from_numpy(SPEECH[0])[None]
    rng = np.random.default_rng(0)
    with torch.inference_mode():
        assert not torch.equal(fit.apply(early, wave, rng), fit.apply(late, wave, rng))


def test_mels_have_their_frames_and_changes_keep_them() -> None:
    spectrum = mel.HIFIGAN(np.resize(SPEECH[0], 22_050))
    assert spectrum.shape == (80, 86)
    rng = np.random.default_rng(0)
    for change in (mel.smoothed, mel.warped, mel.banded):
        changed = change(spectrum, rng)
        assert changed.shape == spectrum.shape
        assert changed.dtype == np.float32
        assert not np.array_equal(changed, spectrum)


def test_broken_copies_are_refused() -> None:
    wave = SPEECH[0]
    assert sound(wave, wave)
    assert mel.distance(wave, wave) == 0.0
    assert mel.distance(wave, wave * np.float32(0.1)) == pytest.approx(20.0, abs=0.5)
    assert not sound(wave, wave * np.float32(0.1))
    assert not sound(wave, wave[: RATE // 2])
    assert not sound(wave, wave * np.float32(np.nan))
    assert float(np.std(as_loud(wave * np.float32(7), wave))) == pytest.approx(float(np.std(wave)), rel=1e-4)
