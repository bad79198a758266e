"""Every configuration in configs/: it builds, counts what the paper counts, and padding changes no score."""

import math
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import CONFIGS, lively, small
from torch import Tensor, nn

from conftest import ROOT
from fakemamba.config import EncoderConfig, ModelConfig, load_model_config
from fakemamba.errors import ConfigError
from fakemamba.models import build
from fakemamba.models.assemble import build as assemble
from fakemamba.models.blocks import PnBiMamba
from fakemamba.models.mamba import ExternalBiMamba, Mamba, both_ways
from fakemamba.models.masking import FrameNorm, MapNorm, reverse
from fakemamba.models.system import System

ABLATIONS = [path for path in CONFIGS if path.stem.startswith("ablation-")]
HOP = 10


class Frames(nn.Module):
    """A stand-in for the front-end: every HOP samples are a frame. What lies in the padding stays in as it is."""

    out_width, shortest = HOP, HOP

    def frames(self, samples: int) -> int:
        return samples // HOP

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        features = waves[:, : waves.shape[1] // HOP * HOP].reshape(len(waves), -1, HOP)
        return features, None if lengths is None else lengths // HOP


def tiny(path: Path) -> System:
    """The system of a configuration, narrow and shallow, with norms that have seen data."""
    config = load_model_config(path)
    encoder = config.encoder.model_copy(update={"depth": 2, "heads": 2, "head_width": 8, "state": 4})
    torch.manual_seed(0)
    system = assemble(config.model_copy(update={"width": 16, "encoder": encoder}), Frames())
    for module in system.modules():
        if isinstance(module, FrameNorm):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight, mean=1.0, std=0.3)
    return system.eval()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_padding_changes_no_score(path: Path):
    system = tiny(path)
    lengths = torch.tensor([37, 1, 20, 5]) * HOP
    clips = [torch.randn(int(length)) for length in lengths]
    padded = 100 * torch.randn(len(clips), 40 * HOP)  # garbage where nothing belongs to a clip
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    with torch.inference_mode():
        alone = torch.stack([system(clip[None])[0] for clip in clips])
        together = system(padded, lengths)
        embeddings = system.embed(padded, lengths)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-4  # else the comparison would say little
    assert embeddings.shape[0] == len(clips)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_gradient_reaches_the_padding(path: Path):
    system = tiny(path)
    waves = torch.randn(2, 12 * HOP, requires_grad=True)
    system(waves, torch.tensor([12, 7]) * HOP).sum().backward()
    assert waves.grad is not None
    assert waves.grad[1, 7 * HOP :].abs().max() == 0
    assert waves.grad[1, : 7 * HOP].abs().min() > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_training_counts_own_frames_only(path: Path):
    """The statistics that norms gather don't know about padding."""
    system, twin = tiny(path).train(), tiny(path).train()
    waves = torch.randn(1, 9 * HOP)
    twin.load_state_dict(system.state_dict())
    system(waves)
    twin(torch.cat([waves, 50 * torch.randn(1, 6 * HOP)], dim=1), torch.tensor([9 * HOP]))
    for (name, mine), (_, other) in zip(system.named_buffers(), twin.named_buffers(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_parameter_learns(path: Path):
    system = lively(small(path)).train()
    system(torch.randn(2, 16_000), torch.tensor([16_000, 9_000])).square().sum().backward()
    idle = [name for name, value in system.named_parameters() if value.grad is None or not value.grad.abs().max() > 0]
    # A constant before a softmax has no effect, nor has the last mixer of an XLSR-Mamba column (its norm's quirk).
    harmless = r"weigh\.bias|k_proj\.bias|(forward|backward)_layers\.0\."
    assert [name for name in idle if not re.search(harmless, name)] == []


@pytest.mark.parametrize("path", ABLATIONS, ids=lambda path: path.stem)
def test_an_ablation_changes_one_number_of_the_large_system(path: Path):
    def flat(config: ModelConfig) -> dict[str, object]:
        values = config.model_dump()
        return values | {f"encoder.{key}": value for key, value in values.pop("encoder").items()}

    ablated, full = (flat(load_model_config(file)) for file in (path, path.with_name("fake-mamba-l.toml")))
    assert len([key for key in full if ablated[key] != full[key]]) == 1


def test_unidirectional_reads_the_past_only():
    torch.manual_seed(0)
    x, later = torch.randn(1, 20, 16), torch.randn(1, 8, 16)
    changed = torch.cat([x[:, :12], later], dim=1)
    for bidirectional in (True, False):
        block = PnBiMamba(16, bidirectional=bidirectional)
        same = torch.equal(block(x)[:, :12], block(changed)[:, :12])
        assert same != bidirectional


def test_ablations_leave_out_what_they_name():
    torch.manual_seed(0)
    x = torch.randn(1, 5, 16)
    bare = PnBiMamba(16, norm=False, ffn=False)
    torch.testing.assert_close(bare(x), both_ways(bare.mamba, x, None) + x)
    assert {name.split(".")[0] for name, _ in bare.named_parameters()} == {"mamba"}


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_a_block():
    assert _count(PnBiMamba(144)) == 312_624


@pytest.mark.parametrize(("name", "blocks"), [("fake-mamba-s", 4), ("fake-mamba-l", 7), ("fake-mamba-12", 12)])
def test_parameters_of_whole_systems(name: str, blocks: int):
    with torch.device("meta"):
        system = build(load_model_config(ROOT / "configs" / f"{name}.toml"))
    assert round(_count(system.frontend) / 1e6, 1) == 315.4
    # Linear 1024 -> 144, the BatchNorm's two numbers, attention pooling, Linear 144 -> 2.
    assert _count(system) - _count(system.frontend) == blocks * 312_624 + 147_600 + 2 + 145 + 290


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 3))
def test_reverse_by_length_is_its_own_inverse(lengths: list[int], extra: int):
    x = torch.arange(len(lengths) * (9 + extra) * 2.0).view(len(lengths), -1, 2)
    counts = torch.tensor(lengths)
    turned = reverse(x, counts)
    assert torch.equal(reverse(turned, counts), x)
    for row, back, length in zip(x, turned, lengths, strict=True):
        assert torch.equal(back[:length], row[:length].flip(0))
        assert torch.equal(back[length:], row[length:])


def test_both_directions_in_one_scan_equal_two_runs():
    torch.manual_seed(0)
    x, lengths = torch.randn(2, 9, 16), torch.tensor([9, 6])
    shared = Mamba(16)
    expected = shared(x) + reverse(shared(reverse(x, lengths)), lengths)
    expected[1, 6:] = 0  # nothing behind the end
    torch.testing.assert_close(both_ways(shared, x, lengths), expected)
    external = ExternalBiMamba(16)
    ways = external.forward_mamba(x), reverse(external.backward_mamba(reverse(x, lengths)), lengths)
    torch.testing.assert_close(external(x, lengths), external.output_proj(torch.cat(ways, dim=-1)))


def test_mixer_starts_as_the_paper_starts_it():
    mixer = Mamba(64, state=8)
    torch.testing.assert_close(-torch.exp(mixer.A_log), -torch.arange(1.0, 9).repeat(128, 1))
    steps = nn.functional.softplus(mixer.dt_proj.bias)
    assert 1e-3 * 0.99 < steps.min() < steps.max() < 0.1 * 1.01
    assert steps.min() < 0.003
    assert steps.max() > 0.03
    assert mixer.dt_proj.weight.abs().max() <= mixer.rank**-0.5


def test_frame_norm_is_the_papers_batch_norm():
    torch.manual_seed(0)
    x = torch.randn(3, 7, 5) * 2 + 1
    ours, paper = FrameNorm(1).train(), nn.BatchNorm2d(1).train()
    torch.testing.assert_close(ours(x[..., None])[..., 0], paper(x[:, None])[:, 0])
    torch.testing.assert_close(ours.running_var, paper.running_var)
    assert ours.state_dict().keys() == paper.state_dict().keys()


def test_score_follows_the_configuration():
    waves = torch.randn(2, 6 * HOP)
    system = tiny(ROOT / "configs/fake-mamba-s.toml")
    logits = system(waves)
    torch.testing.assert_close(system.score(waves), logits[:, 1])
    system.score_kind = "logit_difference"
    torch.testing.assert_close(system.score(waves), logits[:, 1] - logits[:, 0])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_padding_changes_no_score_behind_real_front_ends(path: Path):
    system = lively(small(path))
    lengths = torch.tensor([9_000, 16_000, 7_413])
    clips = [0.1 * torch.randn(int(length)) for length in lengths]
    padded = torch.randn(len(clips), 16_000)  # loud noise behind the ends
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    with torch.inference_mode():
        alone = torch.cat([system.score(clip[None]) for clip in clips])
        torch.testing.assert_close(system.score(padded, lengths), alone, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling": "dual"}, "only go together"),
        ({"encoder": EncoderConfig(kind="dual_mamba", depth=4)}, "only go together"),
        ({"encoder": EncoderConfig(kind="dual_mamba", depth=3), "pooling": "dual"}, "must be even"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        assemble(ModelConfig(**change), Frames())


def test_attention_pooling_weighs_by_hand():
    from fakemamba.models.pooling import AttentionPool, MeanPool

    pool = AttentionPool(1)
    nn.init.constant_(pool.weigh.weight, math.log(3.0))
    x = torch.tensor([[[0.0], [1.0], [9.0]]])
    # e^0 : e^(ln 3) = 1 : 3, so that the second of two frames weighs 3/4.
    assert pool(x, torch.tensor([2])).item() == pytest.approx(0.75)
    assert MeanPool(1)(x, torch.tensor([2])).item() == pytest.approx(0.5)


def test_padding_counts_in_no_statistics_of_maps() -> None:
    torch.manual_seed(0)
    maps, lengths = torch.randn(3, 4, 6, 5), [6, 2, 4]
    ours, plain = MapNorm(4).train(), nn.BatchNorm2d(4).train()
    mask = torch.arange(6)[None] < torch.tensor(lengths)[:, None]
    out = ours(maps, mask)
    own = torch.cat([row[:, :length] for row, length in zip(maps, lengths, strict=True)], dim=1)  # (C, frames, F)
    expected = plain(own[None])[0]
    found = torch.cat([row[:, :length] for row, length in zip(out, lengths, strict=True)], dim=1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.running_var, plain.running_var)
    torch.testing.assert_close(MapNorm(4).train()(maps), nn.BatchNorm2d(4).train()(maps))


def test_a_one_class_head_scores_by_the_cosine() -> None:
    torch.manual_seed(0)
    system = build(small(ROOT / "configs" / "compact.toml").model_copy(update={"score": "cosine"})).eval()
    waves = 0.1 * torch.randn(2, 16_000)
    embeddings = system.embed(waves)
    expected = torch.nn.functional.cosine_similarity(embeddings, system.head.weight)
    torch.testing.assert_close(system.score(waves), expected)
    torch.testing.assert_close(system(waves), torch.stack([-expected, expected], dim=1))
