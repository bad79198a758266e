"""Every system and mixer against its authors' outputs, from the front-end's features on (../shared/parity)."""

import json
import re
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import shared
from fakemamba.config import EncoderConfig, ModelConfig
from fakemamba.models.assemble import build
from fakemamba.models.blocks import ConBiMamba
from fakemamba.models.mamba import Mamba
from fakemamba.models.system import System

CONFORMER = {
    r"(conformer\.)?encoder_blocks\.": "encoder.layers.",
    r"ff([12])\.fn\.fn\.net\.0": r"ffn\1.up",
    r"ff([12])\.fn\.fn\.net\.3": r"ffn\1.down",
    r"ff([12])\.fn\.norm": r"ffn\1.norm",
    r"attn\.fn": "attention",
    r"attn\.norm": "norm1",
    r"conv\.net\.0": "conv.norm",
    r"conv\.net\.2": "conv.pointwise1",
    r"conv\.net\.4\.conv": "conv.depthwise",
    r"conv\.net\.5": "conv.batch_norm",
    r"conv\.net\.7": "conv.pointwise2",
    r"post_norm": "norm",
    r"conformer\.class_token": "encoder.class_token",
    r"conformer\.fc5": "head",
}
TRANSFORMER = {
    r"ff1\.fn\.net\.0": "ffn.up",
    r"ff1\.fn\.net\.3": "ffn.down",
    r"ff1\.norm": "ffn.norm",
    r"attn\.fn": "attention",
    r"attn\.norm": "norm1",
    r"post_norm": "norm",
}
DUAL = {
    r"conformer\.LL": "pool.join",
    r"conformer\.classifier": "head",
    r"conformer\.([fb])_attention_pool": r"pool.\1_pool.weigh",
    r"conformer": "encoder",
    r"\.f_pool": ".forward_pool",
    r"\.b_pool": ".backward_pool",
}
COMMON = {r"^LL": "project", r"^first_bn": "norm", r"^fc5": "head", r"^attention_pool": "pool.weigh"}
CON_BIMAMBA = {
    r"sequential\.0\.module\.sequential\.0": "ffn1.norm",
    r"sequential\.0\.module\.sequential\.1\.linear": "ffn1.up",
    r"sequential\.0\.module\.sequential\.4\.linear": "ffn1.down",
    r"sequential\.1\.module": "mixer",
    r"sequential\.2\.module\.sequential\.0": "conv.norm",
    r"sequential\.2\.module\.sequential\.2\.conv": "conv.pointwise1",
    r"sequential\.2\.module\.sequential\.4\.conv": "conv.depthwise",
    r"sequential\.2\.module\.sequential\.5": "conv.batch_norm",
    r"sequential\.2\.module\.sequential\.7\.conv": "conv.pointwise2",
    r"sequential\.3\.module\.sequential\.0": "ffn2.norm",
    r"sequential\.3\.module\.sequential\.1\.linear": "ffn2.up",
    r"sequential\.3\.module\.sequential\.4\.linear": "ffn2.down",
    r"^sequential\.4": "norm",
}

SYSTEMS = {
    "fake_mamba": (EncoderConfig(kind="pn_bimamba", depth=2), "attention", COMMON),
    "xlsr_transformer": (
        EncoderConfig(kind="transformer", depth=2, heads=8, head_width=64),
        "attention",
        COMMON | TRANSFORMER,
    ),
    "xlsr_conformer_pool": (EncoderConfig(kind="conformer", depth=2, kernel=16), "attention", COMMON | CONFORMER),
    "xlsr_conformer": (EncoderConfig(kind="conformer", depth=2, kernel=31), "class_token", COMMON | CONFORMER),
    "xlsr_mamba": (EncoderConfig(kind="dual_mamba", depth=4), "dual", COMMON | DUAL),
}


@pytest.fixture(params=["reference", "chunked", "cpu"])
def _scan(request, monkeypatch):
    if request.param == "cpu":
        pytest.importorskip("numba")
    monkeypatch.setenv("FAKEMAMBA_SCAN", request.param)


def golden(name: str) -> dict[str, Tensor]:
    with np.load(shared("parity") / f"{name}.npz") as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored.files if key != "meta"}


def weights(stored: Mapping[str, Tensor], table: Mapping[str, str]) -> dict[str, Tensor]:
    """The authors' tensors after the front-end, under our names; pointwise convolutions are Linear here."""
    renamed = {}
    for key, tensor in stored.items():
        name = key.removeprefix("sd/")
        if name == key or name.startswith(("ssl_model.", "fc0.")):
            continue
        for old, new in table.items():
            name = re.sub(old, new, name)
        renamed[name] = tensor.squeeze(2) if re.search(r"pointwise\d\.weight", name) else tensor
    return renamed


class Features(nn.Module):
    """Stands in for the front-end: the 'waves' are its features."""

    out_width = 64

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        return features, lengths


def system(name: str) -> tuple[System, dict[str, Tensor]]:
    encoder, pooling, table = SYSTEMS[name]
    stored = golden(name)
    made = build(ModelConfig(encoder=encoder, pooling=pooling), Features())
    made.load_state_dict(weights(stored, table))
    return made.eval(), stored


def gap(a: Tensor, b: Tensor) -> float:
    """The largest difference in units of the largest value of `b`."""
    return float((a.detach().float() - b).abs().max() / b.abs().max())


@pytest.mark.usefixtures("_scan")
@pytest.mark.parametrize("name", SYSTEMS)
def test_system_equals_its_authors(name: str):
    made, stored = system(name)
    seen = {}
    made.project.register_forward_hook(lambda module, inputs, out: seen.update(LL=out))
    made.encoder.register_forward_hook(lambda module, inputs, out: seen.update(encoder=out[0]))
    with torch.inference_mode():
        logits = made(stored["ssl_features"])
    assert gap(logits, stored["logits"]) < 1e-4
    for part in ("LL", "encoder"):
        if f"out/{part}" in stored:
            assert gap(seen[part], stored[f"out/{part}"]) < 1e-4, part
    assert torch.equal(made.score(stored["ssl_features"]), made(stored["ssl_features"])[:, 1])


@pytest.mark.parametrize("name", SYSTEMS)
def test_system_keeps_its_answer_in_bfloat16(name: str):
    made, stored = system(name)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert gap(made(stored["ssl_features"]), stored["logits"]) < 2e-2


@pytest.mark.usefixtures("_scan")
def test_mixer_equals_mamba_ssm():
    stored = golden("mamba_mixer")
    mixer = Mamba(48)
    mixer.load_state_dict(weights(stored, {}))
    assert gap(mixer(stored["x"]), stored["y"]) < 1e-5


@pytest.mark.usefixtures("_scan")
def test_con_bimamba_equals_its_authors():
    stored = golden("conbimamba_block")
    block = ConBiMamba(144)
    block.load_state_dict(weights(stored, CON_BIMAMBA))
    assert gap(block.eval()(stored["x"]), stored["y"]) < 1e-5


def test_depths_of_the_tables_above_match_the_files():
    for name, (encoder, _, _) in SYSTEMS.items():
        with np.load(shared("parity") / f"{name}.npz") as stored:
            meta = json.loads(bytes(stored["meta"]))
        assert encoder.depth == meta.get("depth", meta.get("num_encoders")), name
