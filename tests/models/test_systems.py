"""Every system: equal to its authors' outputs, blind to padding, of the right size, trainable."""

import json
import re

import numpy as np
import pytest
import torch
from systems import CONFIGS, GivenFeatures, lively, small

from conftest import shared
from fakemamba.config import EncoderConfig, ModelConfig, load_model_config
from fakemamba.errors import ConfigError
from fakemamba.models.assemble import build
from fakemamba.models.blocks import ConBiMamba, PnBiMamba
from fakemamba.models.mamba import Mamba

Pairs = list[tuple[str, str]]
HEAD: Pairs = [(r"^LL\.", "project."), (r"^first_bn\.", "norm."), (r"^attention_pool\.", "pool.weigh."),
               (r"^fc5\.", "head.")]  # fmt: skip
ATTENTION: Pairs = [(r"\.attn\.fn\.", ".attention."), (r"\.attn\.norm\.", ".norm1."), (r"\.post_norm\.", ".norm.")]
CONFORMER: Pairs = [
    *HEAD,
    (r"^conformer\.fc5", "head"),
    (r"^conformer\.class_token", "encoder.class_token"),
    (r"^(conformer\.)?encoder_blocks\.", "encoder.layers."),
    (r"\.ff([12])\.fn\.norm\.", r".ffn\1.norm."),
    (r"\.ff([12])\.fn\.fn\.net\.0\.", r".ffn\1.up."),
    (r"\.ff([12])\.fn\.fn\.net\.3\.", r".ffn\1.down."),
    *ATTENTION,
    (r"\.conv\.net\.0\.", ".conv.norm."),
    (r"\.conv\.net\.2\.", ".conv.pointwise1."),
    (r"\.conv\.net\.4\.conv\.", ".conv.depthwise."),
    (r"\.conv\.net\.5\.", ".conv.batch_norm."),
    (r"\.conv\.net\.7\.", ".conv.pointwise2."),
]
TRANSFORMER: Pairs = [*HEAD, (r"\.ff1\.norm", ".ffn.norm"), (r"\.ff1\.fn\.net\.0", ".ffn.up"),
                      (r"\.ff1\.fn\.net\.3", ".ffn.down"), *ATTENTION]  # fmt: skip
DUAL: Pairs = [
    *HEAD,
    (r"^conformer\.LL", "pool.join"),
    (r"^conformer\.classifier", "head"),
    (r"^conformer\.f_attention_pool", "pool.forward_pool.weigh"),
    (r"^conformer\.b_attention_pool", "pool.backward_pool.weigh"),
    (r"^conformer\.", "encoder."),
]
GOLDEN: dict[str, tuple[Pairs, ModelConfig]] = {
    "fake_mamba": (HEAD, ModelConfig(encoder=EncoderConfig(depth=2))),
    "xlsr_transformer": (
        TRANSFORMER,
        ModelConfig(encoder=EncoderConfig(kind="transformer", depth=2, heads=8, head_width=64)),
    ),
    "xlsr_conformer_pool": (CONFORMER, ModelConfig(encoder=EncoderConfig(kind="conformer", depth=2, kernel=16))),
    "xlsr_conformer": (
        CONFORMER,
        ModelConfig(encoder=EncoderConfig(kind="conformer", depth=2), pooling="class_token"),
    ),
    "xlsr_mamba": (DUAL, ModelConfig(encoder=EncoderConfig(kind="dual_mamba", depth=4), pooling="dual")),
}


def renamed(file: np.lib.npyio.NpzFile, pairs: Pairs) -> dict[str, torch.Tensor]:
    """The golden weights under our names; convolutions of one tap become matrices."""
    tensors = {}
    for key in file.files:
        if key.startswith("sd/") and "ssl_model" not in key and "/fc0" not in key:
            name = key[3:]
            for pattern, ours in pairs:
                name = re.sub(pattern, ours, name)
            value = torch.from_numpy(file[key])
            tensors[name] = value[..., 0] if "pointwise" in name and value.ndim == 3 else value
    return tensors


@pytest.mark.parametrize("backend", ["reference", "chunked", "cpu"])
@pytest.mark.parametrize("name", GOLDEN)
def test_systems_equal_their_authors(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKEMAMBA_SCAN", backend)
    pairs, config = GOLDEN[name]
    with np.load(shared("parity") / f"{name}.npz") as file:
        system = build(config, GivenFeatures(torch.from_numpy(file["ssl_features"]))).eval()
        system.load_state_dict(renamed(file, pairs))
        with torch.no_grad():
            logits = system(torch.from_numpy(file["waveform"]))
        np.testing.assert_allclose(logits.numpy(), file["logits"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["fake_mamba", "xlsr_transformer"])
def test_encoders_equal_their_authors(name: str) -> None:
    pairs, config = GOLDEN[name]
    with np.load(shared("parity") / f"{name}.npz") as file:
        system = build(config, GivenFeatures(torch.from_numpy(file["ssl_features"]))).eval()
        system.load_state_dict(renamed(file, pairs))
        with torch.no_grad():
            projected = system.project(system.frontend.features)
            encoded, _ = system.encoder(torch.selu(system.norm(projected[..., None])[..., 0]))
        np.testing.assert_allclose(projected.numpy(), file["out/LL"], atol=1e-5)
        np.testing.assert_allclose(encoded.numpy(), file["out/encoder"], atol=1e-4)


def test_mixer_equals_mamba() -> None:
    with np.load(shared("parity") / "mamba_mixer.npz") as file:
        meta = json.loads(bytes(file["meta"]))
        mixer = Mamba(meta["d_model"], meta["d_state"], meta["d_conv"], meta["expand"])
        mixer.load_state_dict(renamed(file, []))
        with torch.no_grad():
            y = mixer(torch.from_numpy(file["x"]))
        np.testing.assert_allclose(y.numpy(), file["y"], rtol=1e-5, atol=1e-5)


def test_conbimamba_block_equals_the_public_one() -> None:
    pairs: Pairs = [
        (r"^sequential\.0\.module\.sequential\.", "ffn1."),
        (r"^sequential\.3\.module\.sequential\.", "ffn2."),
        (r"^(ffn[12])\.0\.", r"\1.norm."),
        (r"^(ffn[12])\.1\.linear\.", r"\1.up."),
        (r"^(ffn[12])\.4\.linear\.", r"\1.down."),
        (r"^sequential\.1\.module\.", "mixer."),
        (r"^sequential\.2\.module\.sequential\.0\.", "conv.norm."),
        (r"^sequential\.2\.module\.sequential\.2\.conv\.", "conv.pointwise1."),
        (r"^sequential\.2\.module\.sequential\.4\.conv\.", "conv.depthwise."),
        (r"^sequential\.2\.module\.sequential\.5\.", "conv.batch_norm."),
        (r"^sequential\.2\.module\.sequential\.7\.conv\.", "conv.pointwise2."),
        (r"^sequential\.4\.", "norm."),
    ]
    with np.load(shared("parity") / "conbimamba_block.npz") as file:
        block = ConBiMamba(144).eval()
        block.load_state_dict(renamed(file, pairs))
        with torch.no_grad():
            y = block(torch.from_numpy(file["x"]))
        np.testing.assert_allclose(y.numpy(), file["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_padding_never_changes_a_score(path) -> None:
    system = lively(small(path))
    lengths = torch.tensor([9_000, 16_000, 7_413, 12_345])
    clips = [torch.randn(n) * 0.1 for n in lengths.tolist()]
    # Loud noise in the padding: what lies behind a clip's end must not be looked at.
    batch = torch.randn(len(clips), 16_000)
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    with torch.no_grad():
        together = system.score(batch, lengths)
        alone = torch.cat([system.score(clip[None]) for clip in clips])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_weight_is_trained(path) -> None:
    system = lively(small(path)).train()
    lengths = torch.tensor([16_000, 9_000])
    system(torch.randn(2, 16_000), lengths).square().sum().backward()
    still = [name for name, p in system.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    # A constant before a softmax over time or keys has no effect, nor has the last mixer of an XLSR-Mamba column.
    idle = r"weigh\.bias|k_proj\.bias|(forward|backward)_layers\.0\."
    assert [name for name in still if not re.search(idle, name)] == []


def test_training_norm_ignores_padding() -> None:
    system = lively(small(next(p for p in CONFIGS if p.stem == "fake-mamba-s"))).train()
    wave = torch.randn(1, 9_000)
    alone = lively(small(next(p for p in CONFIGS if p.stem == "fake-mamba-s"))).train()
    alone(wave, torch.tensor([9_000]))
    system(torch.nn.functional.pad(wave, (0, 5_000)), torch.tensor([9_000]))
    torch.testing.assert_close(system.norm.running_mean, alone.norm.running_mean)
    torch.testing.assert_close(system.norm.running_var, alone.norm.running_var, rtol=1e-4, atol=1e-6)


def count(config: ModelConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in build(config).parameters())


def test_parameter_counts() -> None:
    assert sum(p.numel() for p in PnBiMamba(144).parameters()) == 312_624
    named = {path.stem: load_model_config(path) for path in CONFIGS}
    small_one, large = count(named["fake-mamba-s"]), count(named["fake-mamba-l"])
    assert large - small_one == 3 * 312_624  # 0.94 M; the paper's sizes differ by 0.93 M
    # XLS-R's 315.4 M, Linear 1024 -> 144, BatchNorm, pooling, head
    rest = 1024 * 144 + 144 + 2 + 145 + 290
    assert large - 7 * 312_624 - rest == pytest.approx(315.4e6, abs=0.05e6)


def test_an_ablation_differs_in_one_line() -> None:
    full = load_model_config(next(p for p in CONFIGS if p.stem == "fake-mamba-l")).model_dump()
    for path in CONFIGS:
        if path.stem.startswith("ablation-"):
            other = load_model_config(path).model_dump()
            parts = [(full[k], other[k]) for k in ("frontend", "encoder")] + [(full, other)]
            changed = [k for a, b in parts for k in a if a[k] != b[k] and not isinstance(a[k], dict)]
            assert len(changed) == 1, path


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"pooling": "dual"}, "only go together"),
        ({"encoder": EncoderConfig(kind="dual_mamba", depth=3), "pooling": "dual"}, "must be even"),
    ],
)
def test_parts_that_do_not_fit(update: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(ModelConfig().model_copy(update=update))
