"""Statistics of band modulations: every one by its definition, and what must not change them."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from systems import syllables
from torch import Tensor

from fakemamba.models.modulation import Modulation, band_edges, modulation_edges

BANDS, KINDS = len(band_edges()) - 1, len(modulation_edges()) - 1


@pytest.fixture(scope="module")
def modulation() -> Modulation:
    return Modulation()


def voice(samples: int, pitch: float = 120.0, seed: int = 0) -> Tensor:
    """(1, samples) of noise that comes in syllables and in the pulses of a glottis, with a pause."""
    beat = (1 + torch.cos(2 * math.pi * pitch / 16_000 * torch.arange(samples))) ** 2
    wave = syllables(1, samples, seed) * beat
    wave[:, samples // 3 : samples // 2] *= 1e-3
    return wave


def few(group: np.ndarray, active: np.ndarray) -> np.ndarray:
    return group if group.sum() >= 3 else active


def plainly(wave: Tensor) -> Tensor:
    """The whole vector of one clip, each statistic by its definition, piece by piece and in float64."""
    x = wave.double().numpy()
    x = x / (np.sqrt(np.mean(x**2)) + 1e-5) * 0.1
    hann = np.hanning(129)[:128]
    cut = np.stack([x[k : k + 128] * hann for k in range(0, len(x) - 127, 16)])
    bins = np.abs(np.fft.rfft(cut)) ** 2
    levels = np.sqrt(np.maximum(np.stack([bins[:, a:b].sum(1) for a, b in pairwise(band_edges())], 1), 1e-9))
    pieces = [levels[k : k + 128] for k in range(0, len(levels) - 127, 64)]
    energy = np.array([np.log(np.sum(piece**2)) for piece in pieces])
    active = energy > energy.max() - math.log(1e4)
    middle = energy[active].mean()
    loud, quiet = few(active & (energy >= middle), active), few(active & (energy < middle), active)
    spectra = [np.fft.rfft((piece / piece.mean(0) - 1) * hann[:, None], axis=0).T for piece in pieces]
    kinds, shares, alike = [], [], []
    for spectrum in spectra:  # (bands, modulation bins)
        power = np.abs(spectrum) ** 2
        kinds.append([[math.log(one[a:b].sum() + 1e-6) for a, b in pairwise(modulation_edges())] for one in power])
        pitch = 9 + int(power[:, 9:49].sum(0).argmax())
        shares.append([one[pitch - 1 : pitch + 2].sum() / (one[6:].sum() + 1e-6) for one in power])
        alike.append([correlation(spectrum[:, a:b]) for a, b in ((1, 6), (7, 64))])
    told = np.array(kinds).reshape(len(pieces), -1)
    found = [part for group in (loud, quiet) for part in (told[group].mean(0), told[group].std(0))]
    found += [np.array(shares)[loud].mean(0), np.array(shares)[loud].std(0), np.array(alike)[loud].mean(0).ravel()]
    return torch.from_numpy(np.concatenate(found))


def correlation(spectrum: np.ndarray) -> list[float]:
    """Of every two bands (bands, bins)."""
    size = [math.sqrt(max(np.sum(np.abs(band) ** 2), 1e-6)) for band in spectrum]
    pairs = combinations(range(len(spectrum)), 2)
    return [np.vdot(spectrum[a], spectrum[b]).real / (size[a] * size[b]) for a, b in pairs]


def test_the_size_of_the_vector(modulation):
    assert (BANDS, KINDS) == (25, 14)
    found = modulation(syllables(2, 16_000))
    assert found.shape == (2, modulation.out_width) == (2, 2_050)
    assert modulation.frames(modulation.shortest) == 1
    assert modulation.frames(modulation.shortest - 1) == 0
    assert modulation.frames(modulation.shortest + 64 * 16) == 2
    assert not list(modulation.parameters())


@pytest.mark.parametrize("samples", [Modulation().shortest, 5_000, 24_000, 30_007])
def test_every_statistic_is_what_its_definition_says(modulation, samples):
    for seed, pitch in enumerate((90.0, 140.0, 260.0)):
        wave = voice(samples, pitch, seed)
        torch.testing.assert_close(modulation(wave)[0], plainly(wave[0]).float(), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("turn", [2, 4, 8, 16, 24])
def test_a_gated_tone_swells_as_often_as_it_is_gated(modulation, turn):
    """A tone in the middle of band 8, all or nothing `turn` times in a piece of 128 ms."""
    time = torch.arange(24_000) / 16_000
    gate = torch.cos(2 * math.pi * turn * 16_000 / (128 * 16) * time) > 0
    wave = 0.1 * torch.sin(2 * math.pi * 1_000 * time) * gate
    means = modulation(wave[None])[0, : BANDS * KINDS].reshape(BANDS, KINDS)
    (expected,) = (group for group, (a, b) in enumerate(pairwise(modulation_edges())) if a <= turn < b)
    assert means[8].argmax() == expected


def test_a_pitch_takes_its_share_and_noise_has_none(modulation):
    share = slice(4 * BANDS * KINDS, 4 * BANDS * KINDS + BANDS)
    pulses = torch.zeros(1, 24_000)
    pulses[:, ::128] = 1  # 125 Hz
    assert modulation(pulses)[0, share].min() > 0.5
    assert modulation(syllables(1, 24_000))[0, share].mean() < 0.25


def test_bands_that_beat_together_correlate(modulation):
    pulses = torch.zeros(1, 24_000)
    pulses[:, ::128] = 1
    fast = slice(-BANDS * (BANDS - 1) // 2, None)
    assert modulation(pulses)[0, fast].median() > 0.9
    assert modulation(syllables(1, 24_000))[0, fast].abs().median() < 0.1


def test_level_changes_nothing(modulation):
    wave = voice(16_000)
    torch.testing.assert_close(modulation(wave), modulation(wave * 0.25), atol=5e-3, rtol=1e-2)


def test_padding_changes_nothing(modulation):
    waves = torch.cat([voice(20_000, seed=seed) for seed in range(4)])
    lengths = torch.tensor([20_000, 9_001, 4_700, modulation.shortest])
    together = modulation(waves, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[row], modulation(waves[row : row + 1, :length])[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("samples", [Modulation().shortest, 2_161, 4_513, 16_000, 64_000])
def test_odd_clips_give_numbers(modulation, samples):
    waves = torch.zeros(4, samples)
    waves[1] = 0.5  # a constant
    waves[2, 100] = 1  # a click
    waves[3, : samples // 2] = torch.sin(torch.arange(samples // 2) * 0.4)  # a tone, then nothing
    assert modulation(waves).isfinite().all()
