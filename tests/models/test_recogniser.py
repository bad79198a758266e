"""The first layers of a Whisper encoder against transformers', and what is said of their frames."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from systems import syllables
from torch import Tensor

from fakemamba.config import RecogniserConfig
from fakemamba.models.recogniser import Recogniser, mel_table

WIDTH, HEADS = 16, 2
NAMES = {"attention_norm": "self_attn_layer_norm", "out": "self_attn.out_proj", "norm": "final_layer_norm",
         "wide": "fc1", "narrow": "fc2"}  # fmt: skip


def make(layers: int = 1, seed: int = 0) -> Recogniser:
    """Random weights, in norms and biases too."""
    torch.manual_seed(seed)
    recogniser = Recogniser(layers, WIDTH, HEADS).eval()
    for tensor in recogniser.parameters():
        if tensor.ndim == 1:
            tensor.add_(0.1 * torch.randn_like(tensor))
    return recogniser


def seen(recogniser: Recogniser, waves: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The log-mel frames (B, 80, T), the frames that statistics are taken of (B, T / 2, D), and their energies."""
    mels: list[Tensor] = []
    hook = recogniser.first.register_forward_pre_hook(lambda module, given: mels.append(given[0]))
    recogniser._statistics = lambda x, energy, inside: (x, energy)
    x, energy = recogniser(waves, lengths)
    del recogniser._statistics
    hook.remove()
    return mels[0], x, energy


def make_reference(layers: int, frames: int, seed: int = 0):
    transformers = pytest.importorskip("transformers")
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    torch.manual_seed(seed)
    config = transformers.WhisperConfig(
        d_model=WIDTH, encoder_layers=layers, encoder_attention_heads=HEADS, encoder_ffn_dim=4 * WIDTH, num_mel_bins=80,
        max_source_positions=frames, attn_implementation="eager",
    )  # fmt: skip
    model = WhisperEncoder(config).eval()
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.ndim == 1:
                tensor.add_(0.1 * torch.randn_like(tensor))
    model.layer_norm = torch.nn.Identity()  # it belongs behind the last of all layers
    return model


def taken(reference, layers: int) -> Recogniser:
    """The recogniser with the weights of a transformers encoder."""
    theirs = reference.state_dict()
    pairs = {"first": "conv1", "second": "conv2"}
    pairs |= {f"layers.{n}.{one}": f"layers.{n}.{other}" for n in range(layers) for one, other in NAMES.items()}
    state = {f"{one}.{part}": theirs[f"{other}.{part}"] for one, other in pairs.items() for part in ("weight", "bias")}
    for n in range(layers):
        parts = [f"layers.{n}.self_attn.{name}_proj" for name in "qkv"]
        state[f"layers.{n}.into.weight"] = torch.cat([theirs[f"{part}.weight"] for part in parts])
        biases = [theirs.get(f"{part}.bias", torch.zeros(WIDTH)) for part in parts]
        state[f"layers.{n}.into.bias"] = torch.cat(biases)
    recogniser = Recogniser(layers, WIDTH, HEADS).eval()
    recogniser.load_state_dict(state)
    return recogniser


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_frames_equal_those_of_transformers(layers):
    reference = make_reference(layers, frames=50)
    mel, x, _ = seen(taken(reference, layers), syllables(2, 16_000))
    with torch.no_grad():
        expected = reference(mel).last_hidden_state
    assert x.shape == (2, 50, WIDTH)
    torch.testing.assert_close(x, expected, atol=1e-5, rtol=1e-5)


def test_mel_frames_equal_those_of_transformers():
    """But for the edges: it mirrors a clip there, and Whisper's own 30 s end in silence."""
    transformers = pytest.importorskip("transformers")
    wave = syllables(1, 16_000)
    levelled = wave[0] / (wave.square().mean().sqrt() + 1e-5) * 0.1
    extract = transformers.WhisperFeatureExtractor(feature_size=80)
    expected = torch.from_numpy(extract._np_extract_fbank_features(levelled[None].numpy(), "cpu"))
    mel = seen(make(0), wave)[0]
    assert mel.shape == expected.shape == (1, 80, 100)
    torch.testing.assert_close(mel[..., 2:-2], expected[..., 2:-2].float(), atol=1e-4, rtol=1e-4)


def slaney() -> np.ndarray:
    """(201, 80) Slaney's triangles: 200 / 3 Hz a mel to 1 kHz, then 27 mels for every factor of 6.4."""
    mels = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 82)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    hertz = np.linspace(0, 8000, 201)
    table = np.zeros((201, 80))
    for band in range(80):
        low, middle, high = corners[band : band + 3]
        table[:, band] = np.interp(hertz, [low, middle, high], [0, 2 / (high - low), 0])
    return table


def test_mel_bands_are_slaneys():
    np.testing.assert_allclose(mel_table().numpy(), slaney(), atol=1e-8)
    assert (mel_table().sum(0) > 0).all()


def plainly(wave: Tensor) -> tuple[Tensor, Tensor]:
    """Log-mel frames (T, 80) and the log energies (T / 2,) of every second one, frame by frame and in float64."""
    wave = wave.double()
    wave = wave / (wave.square().mean().sqrt() + 1e-5) * 0.1
    around = torch.nn.functional.pad(wave, (200, 200))
    window = torch.hann_window(400, dtype=torch.float64)
    frames = [around[k * 160 : k * 160 + 400] * window for k in range(len(wave) // 160)]
    mel = torch.stack([torch.fft.rfft(frame).abs().square() for frame in frames]) @ torch.from_numpy(slaney())
    log = torch.log10(mel.clamp_min(1e-10))
    return (torch.maximum(log, log.max() - 8) + 4) / 4, torch.log(mel.sum(1).clamp_min(1e-10))[::2]


def said(x: Tensor, energy: Tensor) -> Tensor:
    """What is said of hidden frames (T, D), each statistic by its definition."""
    active = energy > energy.max() - math.log(1e4)
    middle = energy[active].mean()
    loud, quiet = active & (energy >= middle), active & (energy < middle)
    change = (x[1:] - x[:-1])[active[1:] & active[:-1]]
    found = []
    for part in (x[loud], x[quiet]):
        found += [part.mean(0), torch.log(part.std(0, correction=0) + 1e-4)]
    return torch.cat([*found, torch.log(change.std(0, correction=0) + 1e-4)])


@pytest.mark.parametrize("samples", [16_000, 23_777])
def test_every_statistic_is_what_its_definition_says(samples):
    recogniser = make()
    wave = syllables(1, samples)
    wave[:, 8_000:11_000] *= 1e-3  # a pause, which is not active
    mel, x, energy = seen(recogniser, wave)
    frames, levels = plainly(wave[0])
    torch.testing.assert_close(mel[0].T, frames.float(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(energy[0], levels.float(), atol=1e-3, rtol=1e-4)
    assert len(levels) == x.shape[1] == recogniser.frames(samples)
    found = recogniser(wave)
    assert found.shape == (1, recogniser.out_width) == (1, 5 * WIDTH)
    torch.testing.assert_close(found[0], said(x[0].double(), levels).float(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("layers", [0, 2])
def test_padding_changes_nothing(layers):
    recogniser = make(layers)
    waves = syllables(4, 20_000)
    lengths = torch.tensor([20_000, 9_001, 4_999, recogniser.shortest])
    together = recogniser(waves, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[row], recogniser(waves[row : row + 1, :length])[0], atol=1e-4, rtol=1e-4)


def test_level_changes_nothing():
    recogniser, wave = make(), syllables(1, 16_000)
    torch.testing.assert_close(recogniser(wave), recogniser(wave * 0.25), atol=5e-3, rtol=1e-2)


@pytest.mark.parametrize("samples", [Recogniser().shortest, 4_513, 16_000, 64_000])
def test_odd_clips_give_numbers(samples):
    waves = torch.zeros(3, samples)
    waves[1] = 0.5  # a constant
    waves[2, 100] = 1  # a click
    assert make()(waves).isfinite().all()


def test_nothing_is_trained():
    recogniser = make(2).train()
    assert not any(parameter.requires_grad for parameter in recogniser.parameters())
    assert len(list(recogniser.parameters())) == 4 + 2 * 12


@pytest.mark.parametrize(
    "numbers",
    [
        {"width": 10, "heads": 4},
        {"width": 9, "heads": 3},
        {"width": 2, "heads": 1},
        {"heads": 0},
        {"width": 0},
        {"layers": -1},
    ],
    ids=str,
)
def test_misfit_numbers_are_refused(numbers):
    with pytest.raises(ValidationError, match=r"must be 4 or more, even and a multiple|greater than"):
        RecogniserConfig(**numbers)
    assert RecogniserConfig(layers=0, width=12, heads=4).layers == 0
