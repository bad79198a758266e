"""The statistics of cepstra and the system that judges them."""

import math

import pytest
import torch
from systems import syllables as clips
from torch import Tensor

from conftest import ROOT
from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig, load_model_config
from fakemamba.errors import ConfigError
from fakemamba.models.assemble import build
from fakemamba.models.cepstra import BAND, PARTS, Cepstra, cosine_basis
from fakemamba.models.statistics import CLIP, ENOUGH, LENGTH, Judge, Standardise, joined

CONFIG = load_model_config(ROOT / "configs" / "compact-statistics.toml")


@pytest.fixture(scope="module")
def cepstra() -> Cepstra:
    return Cepstra()


def test_the_cosine_basis_is_orthogonal_but_for_its_first_row():
    gram = cosine_basis(30) @ cosine_basis(30).T
    expected = torch.eye(30)
    expected[0, 0] = 2
    torch.testing.assert_close(gram, expected, atol=1e-5, rtol=0)


def test_the_size_of_the_vector(cepstra):
    found = cepstra(clips(2, 16_000))
    assert found.shape == (2, cepstra.out_width) == (2, 13_196)
    assert found.isfinite().all()


def test_what_a_plain_loop_finds(cepstra):
    """Mean and log spread of the 512-sample cepstra over loud frames, by hand."""
    wave = clips(1, 12_000)[0]
    scaled = wave / (wave.square().mean().sqrt() + 1e-5) * 0.1
    window = torch.hann_window(512)
    frames = [scaled[k * 160 : k * 160 + 512] * window for k in range((12_000 - 512) // 160)]
    power = torch.stack([torch.fft.rfft(frame)[:240].abs().square() for frame in frames])
    log = torch.log(power + 1e-7)
    energy = torch.logsumexp(log, 1)
    active = energy > energy.max() - math.log(1e4)
    loud = active & (energy >= energy[active].mean())
    coefficients = log @ cosine_basis(240).T
    expected = coefficients[loud].mean(0), torch.log(coefficients[loud].std(0, correction=0) + 1e-4)
    start = 2 * 7 * 120  # after both forms of the 256-sample cepstra, seven rows each
    found = cepstra(wave[None])[0, start : start + 480].split(240)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=1e-3)


def plainly(wave: Tensor) -> Tensor:
    """The whole vector of one clip, each statistic by its definition, frame by frame and in float64."""
    wave = wave.double()
    wave = wave / (wave.square().mean().sqrt() + 1e-5) * 0.1
    frames, spectra, logs = (len(wave) - 512) // 160, {}, {}
    for n in (256, 512, 1024):
        margin = (n - 512) // 2
        padded = torch.nn.functional.pad(wave, (margin, margin))
        window = torch.hann_window(n, dtype=torch.float64)
        cut = torch.stack([padded[k * 160 : k * 160 + n] * window for k in range(frames)])
        spectra[n] = torch.fft.rfft(cut)[:, : 15 * n // 32]
        logs[n] = torch.log(spectra[n].abs().square() * 512 / n + 1e-7)
    energy = torch.logsumexp(logs[512], 1)
    active = energy > energy.max() - math.log(1e4)
    loud, quiet = (active & (energy >= energy[active].mean())), (active & (energy < energy[active].mean()))
    found = []
    for log in logs.values():
        whole, parts = log.shape[1], log.shape[1] // 4
        by_part = torch.cat([piece @ cosine_basis(parts).double().T for piece in log.split(parts, 1)], 1)
        for x in (log @ cosine_basis(whole).double().T, by_part):
            for group in (loud, quiet):
                found += [x[group].mean(0), torch.log(x[group].std(0, correction=0) + 1e-4)]
            z = (x - x[active].mean(0)) / (x[active].std(0, correction=0) + 1e-4)
            following = active[1:] & active[:-1]
            found += [(z[active] ** 3).mean(0), torch.log((z[active] ** 4).mean(0) + 0.1)]
            found.append((z[1:] * z[:-1])[following].mean(0))
    phase = spectra[512] / spectra[512].abs()
    turn, delay = phase[1:] * phase[:-1].conj(), phase[:, 1:] * phase[:, :-1].conj()
    change, bend = turn[1:] * turn[:-1].conj(), delay[:, 1:] * delay[:, :-1].conj()
    for group in (loud, quiet):
        found += [change[group[1:-1]].mean(0).abs(), bend[group].mean(0).abs()]
        found.append(torch.log((logs[512][1:] - logs[512][:-1])[group[1:]].abs().mean(0) + 1e-3))
    return torch.cat(found)


def test_every_statistic_is_what_its_definition_says(cepstra):
    for seed in range(3):
        wave = clips(1, 24_000, seed)[0]
        wave[8_000:11_000] *= 1e-3  # a pause, which is not active
        torch.testing.assert_close(cepstra(wave[None])[0], plainly(wave).float(), atol=2e-3, rtol=1e-3)


def test_level_changes_nothing(cepstra):
    wave = clips(1, 16_000)
    torch.testing.assert_close(cepstra(wave), cepstra(wave * 0.25), atol=5e-3, rtol=1e-2)


def test_padding_changes_nothing(cepstra):
    waves = clips(3, 20_000)
    lengths = torch.tensor([20_000, 9_000, 4_700])
    together = cepstra(waves, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(
            together[row : row + 1], cepstra(waves[row : row + 1, :length]), atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize("samples", [Cepstra().shortest, 4_513, 16_000, 64_000])
def test_odd_clips_give_numbers(cepstra, samples):
    waves = torch.zeros(3, samples)
    waves[1] = 0.5  # a constant
    waves[2, 100] = 1  # a click
    assert cepstra(waves).isfinite().all()


def test_the_last_500_hz_say_nothing(cepstra):
    """A tone above the band, as loud as the rest, is not seen but for its leakage."""
    wave = clips(1, 16_000)
    tone = 0.001 * torch.sin(2 * math.pi * 7_900 / 16_000 * torch.arange(16_000))
    change = (cepstra(wave + tone) - cepstra(wave)).abs()
    assert change.median() < 1e-3
    assert int(512 // 2 * BAND) // PARTS * PARTS == 240


def test_standardise_takes_means_and_spreads_from_what_it_sees():
    norm = Standardise(4)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(300, 4, generator=generator) * torch.tensor([1.0, 2.0, 0.5, 3.0]) + 5
    norm.train()
    for batch in x.split(100):
        norm(batch)
    torch.testing.assert_close(norm.mean, x.mean(0))
    torch.testing.assert_close(norm.square, x.var(0, correction=0))
    norm.eval()
    out = norm(x)
    torch.testing.assert_close(out.norm(dim=1), torch.full((300,), LENGTH), atol=1e-3, rtol=0)
    extreme = norm(torch.full((1, 4), 1e9))[0]
    torch.testing.assert_close(extreme, torch.full((4,), LENGTH / 2), atol=1e-3, rtol=0)  # all at CLIP
    assert CLIP == 5


def test_standardise_stops_learning_when_it_has_seen_enough():
    norm = Standardise(1).train()
    norm.gather(torch.randn(ENOUGH, 1))
    before = norm.mean.clone()
    norm(torch.full((8, 1), 100.0))
    assert torch.equal(norm.mean, before)


def test_a_new_system_is_undecided_and_learns():
    torch.manual_seed(0)
    system = build(CONFIG.model_copy(update={"encoder": CONFIG.encoder.model_copy(update={"dropout": 0.0})})).train()
    smooth, rough = clips(8, 8_000), clips(8, 8_000, seed=1).sign() * 0.1
    waves, targets = torch.cat([smooth, rough]), torch.tensor([1] * 8 + [0] * 8)
    assert system(waves).abs().max() == 0
    optimiser = torch.optim.Adam(system.parameters(), lr=1e-2)
    for _ in range(10):
        loss = torch.nn.functional.cross_entropy(system(waves), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    scores = system.eval().score(waves)
    assert scores[:8].min() > scores[8:].max()
    assert system.embed(waves).shape == (16, CONFIG.width)


def test_autocast_does_not_touch_the_statistics():
    torch.manual_seed(0)
    system = build(CONFIG)
    waves = clips(2, 8_000)
    plain = system.frontend(waves)
    seen: list[Tensor] = []
    system.judges[0].norm.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    with torch.autocast("cpu", torch.bfloat16):
        system.eval()(waves)
    assert torch.equal(seen[0], plain)


@pytest.mark.parametrize(
    "change",
    [{"pooling": "attention"}, {"encoder": EncoderConfig()}, {"score": "cosine"}],
    ids=["pooling", "encoder", "score"],
)
def test_parts_that_do_not_go_together(change):
    with pytest.raises(ConfigError):
        build(CONFIG.model_copy(update=change))
    with pytest.raises(ConfigError):
        build(ModelConfig(encoder=EncoderConfig(kind="none"), frontend=ModelConfig().frontend))
    assert isinstance(CONFIG.frontend, CepstraConfig)


def test_joined_judges_give_the_mean_of_their_logits():
    members = []
    for seed in range(3):
        torch.manual_seed(seed)
        member = build(CONFIG.model_copy(update={"width": 8})).eval()
        member.judges[0].norm.gather(member.frontend(clips(4, 8_000, seed=1)))
        with torch.no_grad():
            for parameter in member.parameters():
                parameter.normal_(0, 0.1)
        members.append(member)
    waves = clips(2, 8_000)
    whole = build(CONFIG.model_copy(update={"width": 24})).eval()
    whole.judges[0] = joined([member.judges[0] for member in members])
    expected = torch.stack([member(waves) for member in members]).mean(0)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(whole(waves), expected, atol=1e-3, rtol=1e-4)
    hidden = torch.cat([member.embed(waves) for member in members], dim=1)
    torch.testing.assert_close(whole.embed(waves), hidden, atol=1e-4, rtol=1e-4)


def test_judges_of_other_statistics_are_not_joined():
    one, other = Judge(3, 2, 0.0), Judge(3, 2, 0.0)
    other.norm.gather(torch.randn(4, 3))
    with pytest.raises(AssertionError):
        joined([one, other])
