"""Authors' checkpoints, imported and scored from the waveform: golden files, and random ones of other sizes."""

import json
import re

import numpy as np
import pytest

from conftest import shared

torch = pytest.importorskip("torch")

from fakemamba.checkpoint.card import read_card  # noqa: E402
from fakemamba.checkpoint.folder import open_folder  # noqa: E402
from fakemamba.checkpoint.importer import import_checkpoint  # noqa: E402
from fakemamba.checkpoint.kinds import KINDS  # noqa: E402
from fakemamba.checkpoint.torch_io import load_frontend, load_system, save_system  # noqa: E402
from fakemamba.config import EncoderConfig, ModelConfig, XlsrConfig  # noqa: E402
from fakemamba.errors import CheckpointError, ConfigError  # noqa: E402
from fakemamba.models import build  # noqa: E402

GOLDEN = {
    "fake-mamba": "fake_mamba.npz",
    "xlsr-mamba": "xlsr_mamba.npz",
    "xlsr-conformer": "xlsr_conformer.npz",
    "xlsr-transformer": "xlsr_transformer.npz",
    "xlsr-conformer-pool": "xlsr_conformer_pool.npz",
}


def golden(kind: str) -> tuple[dict, dict]:
    with np.load(shared("parity") / GOLDEN[kind]) as file:
        arrays = {key: torch.from_numpy(np.array(file[key])) for key in file.files if key != "meta"}
    return {key[3:]: value for key, value in arrays.items() if key.startswith("sd/")}, arrays


WRAPS = {
    "plain": lambda state: state,
    "data_parallel": lambda state: {f"module.{key}": value for key, value in state.items()},
    "wrapped": lambda state: {"model_state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 7},
}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("kind", GOLDEN)
def test_golden_checkpoints_score_as_their_authors_code(tmp_path, kind, wrap):
    state, arrays = golden(kind)
    torch.save(WRAPS[wrap](state), tmp_path / "best.pth")
    written = import_checkpoint(tmp_path / "best.pth", kind, tmp_path / "out", ssl_heads=4)
    opened = open_folder(tmp_path / "out")
    assert opened == written
    assert opened.card.training["imported"]["kind"] == kind
    assert len(opened.card.training["imported"]["sha256"]) == 64
    system = load_system(opened)
    assert not system.training
    with torch.no_grad():
        features, _ = system.frontend(arrays["waveform"])
        torch.testing.assert_close(features, arrays["ssl_features"], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(system(arrays["waveform"]), arrays["logits"], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(system.score(arrays["waveform"]), arrays["logits"][:, 1], atol=1e-4, rtol=1e-4)


# --- random checkpoints of other sizes: our own weights under their authors' names, written down a second time ---

FAIRSEQ = [
    (r"^feature_extractor\.conv_layers\.(\d)\.conv", r"feature_extractor.conv_layers.\1.0"),
    (r"^feature_extractor\.conv_layers\.(\d)\.layer_norm", r"feature_extractor.conv_layers.\1.2.1"),
    (r"^feature_projection\.projection", "post_extract_proj"),
    (r"^feature_projection\.layer_norm", "layer_norm"),
    (r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0", "encoder.pos_conv.0.weight_g"),
    (r"^encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1", "encoder.pos_conv.0.weight_v"),
    (r"^encoder\.pos_conv_embed\.conv\.bias", "encoder.pos_conv.0.bias"),
    (r"^(encoder\.layers\.\d+)\.layer_norm", r"\1.self_attn_layer_norm"),
    (r"^(encoder\.layers\.\d+)\.attention", r"\1.self_attn"),
    (r"^(encoder\.layers\.\d+)\.feed_forward\.intermediate_dense", r"\1.fc1"),
    (r"^(encoder\.layers\.\d+)\.feed_forward\.output_dense", r"\1.fc2"),
]
STUDY = [
    (r"^project\.", "LL."),
    (r"^norm\.", "first_bn."),
    (r"^pool\.weigh\.", "attention_pool."),
    (r"^head\.", "fc5."),
]
CONFORMER = [
    (r"^encoder\.layers\.(\d+)\.ffn([12])\.up", r"encoder_blocks.\1.ff\2.fn.fn.net.0"),
    (r"^encoder\.layers\.(\d+)\.ffn([12])\.down", r"encoder_blocks.\1.ff\2.fn.fn.net.3"),
    (r"^encoder\.layers\.(\d+)\.ffn([12])\.norm", r"encoder_blocks.\1.ff\2.fn.norm"),
    (r"^encoder\.layers\.(\d+)\.attention", r"encoder_blocks.\1.attn.fn"),
    (r"^encoder\.layers\.(\d+)\.norm1", r"encoder_blocks.\1.attn.norm"),
    (r"^encoder\.layers\.(\d+)\.conv\.norm", r"encoder_blocks.\1.conv.net.0"),
    (r"^encoder\.layers\.(\d+)\.conv\.pointwise1", r"encoder_blocks.\1.conv.net.2"),
    (r"^encoder\.layers\.(\d+)\.conv\.depthwise", r"encoder_blocks.\1.conv.net.4.conv"),
    (r"^encoder\.layers\.(\d+)\.conv\.batch_norm", r"encoder_blocks.\1.conv.net.5"),
    (r"^encoder\.layers\.(\d+)\.conv\.pointwise2", r"encoder_blocks.\1.conv.net.7"),
    (r"^encoder\.layers\.(\d+)\.norm", r"encoder_blocks.\1.post_norm"),
]
TRANSFORMER = [
    (r"^encoder\.layers\.(\d+)\.ffn\.up", r"encoder.layers.\1.ff1.fn.net.0"),
    (r"^encoder\.layers\.(\d+)\.ffn\.down", r"encoder.layers.\1.ff1.fn.net.3"),
    (r"^encoder\.layers\.(\d+)\.ffn\.norm", r"encoder.layers.\1.ff1.norm"),
    (r"^encoder\.layers\.(\d+)\.attention", r"encoder.layers.\1.attn.fn"),
    (r"^encoder\.layers\.(\d+)\.norm1", r"encoder.layers.\1.attn.norm"),
    (r"^encoder\.layers\.(\d+)\.norm", r"encoder.layers.\1.post_norm"),
]
DUAL = [
    (r"^encoder\.", "conformer."),
    (r"^pool\.forward_pool\.weigh", "conformer.f_attention_pool"),
    (r"^pool\.backward_pool\.weigh", "conformer.b_attention_pool"),
    (r"^pool\.join", "conformer.LL"),
    (r"^head", "conformer.classifier"),
    *STUDY[:2],
]
TOKEN = [(old, new.replace("encoder_blocks", "conformer.encoder_blocks")) for old, new in CONFORMER]
TOKEN += [(r"^encoder\.class_token", "conformer.class_token"), (r"^head", "conformer.fc5"), *STUDY[:2]]
AUTHORS = {
    "fake-mamba": STUDY,
    "xlsr-mamba": DUAL,
    "xlsr-conformer": TOKEN,
    "xlsr-transformer": TRANSFORMER + STUDY,
    "xlsr-conformer-pool": CONFORMER + STUDY,
}
FRONTEND = XlsrConfig(
    width=40,
    layers=2,
    heads=5,
    ffn=72,
    conv_channels=(12,) * 6 + (20,),
    positional_kernel=9,
    positional_groups=8,
)
PLAIN = {"pooling": "attention"}
CASES = [
    ("fake-mamba", {"width": 36, "encoder": EncoderConfig(depth=3, state=8, conv=3, ffn_mult=2)}),
    ("fake-mamba", {"width": 64, "encoder": EncoderConfig(depth=12, state=4, expand=3)}),
    ("fake-mamba", {"width": 20, "encoder": EncoderConfig(depth=1, norm=False), "pooling": "mean"}),
    ("fake-mamba", {"width": 20, "encoder": EncoderConfig(depth=2, ffn=False)}),
    ("xlsr-mamba", {"width": 28, "encoder": EncoderConfig(kind="dual_mamba", depth=6, state=8), "pooling": "dual"}),
    (
        "xlsr-conformer",
        {
            "width": 30,
            "encoder": EncoderConfig(
                kind="conformer", depth=3, heads=3, head_width=10, kernel=15, conv_expand=3, ffn_mult=2
            ),
            "pooling": "class_token",
        },
    ),
    ("xlsr-transformer", {"width": 24, "encoder": EncoderConfig(kind="transformer", depth=3, heads=2, head_width=7)}),
    (
        "xlsr-conformer-pool",
        {"width": 24, "encoder": EncoderConfig(kind="conformer", depth=2, heads=6, head_width=4, kernel=8)},
    ),
]


def renamed(name: str, table: list) -> str:
    for old, new in table:
        if re.match(old, name):
            return re.sub(old, new, name)
    return name


def fairseq(state: dict) -> dict:
    extra = {"mask_emb": torch.zeros(3), "quantizer.vars": torch.zeros(1, 2, 2), "project_q.weight": torch.zeros(2, 2)}
    return {renamed(key, FAIRSEQ): value for key, value in state.items()} | extra


def random_system(config: ModelConfig, seed: int = 0):
    torch.manual_seed(seed)
    system = build(config).eval()
    with torch.no_grad():
        for name, tensor in system.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
            elif tensor.is_floating_point():
                tensor.add_(0.05 * torch.randn_like(tensor))
    return system


def authors_state(system, kind: str) -> dict:
    state = system.state_dict()
    inside = {k.removeprefix("frontend."): v for k, v in state.items() if k.startswith("frontend.")}
    others = {renamed(k, AUTHORS[kind]): v for k, v in state.items() if not k.startswith("frontend.")}
    for key in others:  # their pointwise layers are convolutions
        if re.search(r"conv\.net\.[27]\.weight", key):
            others[key] = others[key][:, :, None]
    return {f"ssl_model.model.{key}": value for key, value in fairseq(inside).items()} | others


def wave(samples: int = 2600) -> "torch.Tensor":
    return 0.2 * torch.randn(2, samples, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def small(tmp_path):
    """A Fake-Mamba checkpoint's tensors, for tests that spoil them."""
    config = ModelConfig(frontend=FRONTEND, width=20, encoder=EncoderConfig(depth=1))
    return authors_state(random_system(config), "fake-mamba")


def attempt(tmp_path, state: dict, kind: str = "fake-mamba", **options) -> str:
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(CheckpointError) as caught:
        import_checkpoint(tmp_path / "a.pth", kind, tmp_path / "out", **{"ssl_heads": 5, **options})
    assert not (tmp_path / "out").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("kind", "fields"), CASES)
def test_any_size_is_read_from_the_tensors(tmp_path, kind, fields, seed):
    config = ModelConfig(frontend=FRONTEND, **fields)
    system = random_system(config, seed)
    torch.save(authors_state(system, kind), tmp_path / "a.pth")
    folder = import_checkpoint(tmp_path / "a.pth", kind, tmp_path / "out", ssl_heads=5)
    found = folder.card.model
    used = found.encoder.model_dump() | ({} if fields["encoder"].ffn else {"ffn_mult": 4})
    assert used == fields["encoder"].model_dump()
    assert found == config
    loaded = load_system(folder)
    with torch.no_grad():
        torch.testing.assert_close(loaded(wave()), system(wave()), atol=1e-6, rtol=1e-6)


def test_a_front_end_under_transformers_names_and_half_precision(tmp_path):
    config = ModelConfig(frontend=FRONTEND, width=20, encoder=EncoderConfig(depth=1))
    system = random_system(config)
    state = {key.replace("frontend.", "ssl_model."): value for key, value in system.state_dict().items()}
    state = {k if k.startswith("ssl_model.") else renamed(k, STUDY): v for k, v in state.items()}
    state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    torch.save(state, tmp_path / "a.pth")
    loaded = load_system(import_checkpoint(tmp_path / "a.pth", "fake-mamba", tmp_path / "out", ssl_heads=5))
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
    with torch.no_grad():
        torch.testing.assert_close(loaded(wave()), system(wave()), atol=1e-2, rtol=1e-2)


def test_missing_counters_are_zero_and_multiplied_out_positions_are_split(tmp_path, small):
    reference = import_state(tmp_path, small, "whole")
    small.pop("first_bn.num_batches_tracked")
    prefix = "ssl_model.model.encoder.pos_conv.0"
    gain, direction = small.pop(f"{prefix}.weight_g"), small.pop(f"{prefix}.weight_v")
    small[f"{prefix}.weight"] = gain * direction / direction.square().sum((0, 1), keepdim=True).sqrt()
    other = import_state(tmp_path, small, "fused")
    assert other.norm.num_batches_tracked == 0
    with torch.no_grad():
        torch.testing.assert_close(other(wave()), reference(wave()), atol=1e-5, rtol=1e-5)


def import_state(tmp_path, state: dict, name: str, **options):
    torch.save(state, tmp_path / f"{name}.pth")
    options = {"ssl_heads": 5, **options}
    return load_system(import_checkpoint(tmp_path / f"{name}.pth", "fake-mamba", tmp_path / name, **options))


def test_the_front_end_can_be_cut_short(tmp_path, small, caplog):
    with caplog.at_level("WARNING"):
        cut = import_state(tmp_path, small, "cut", ssl_layers=1)
    assert "keeps the first 1 of 2 XLS-R layers, as asked: train it before use" in caplog.text
    assert read_card(tmp_path / "cut" / "config.json").training["imported"]["ssl_layers"] == "the first 1, as asked"
    whole = import_state(tmp_path, small, "whole")
    assert len(cut.frontend.encoder.layers) == 1
    whole.frontend.encoder.layers = whole.frontend.encoder.layers[:1]
    with torch.no_grad():
        torch.testing.assert_close(cut(wave()), whole(wave()))
    assert "cannot keep 3 layers" in attempt(tmp_path, small, ssl_layers=3)


def test_what_is_missing_or_unknown_is_named(tmp_path, small):
    def without(name: str) -> dict:
        return {key: value for key, value in small.items() if key != name}

    assert "head.bias" in attempt(tmp_path, without("fc5.bias"))
    assert "layers.0.mamba.D" in attempt(tmp_path, without("encoder.layers.0.mamba.D"))
    assert "mamba.A_log" in attempt(tmp_path, without("encoder.layers.0.mamba.A_log"))
    assert "fc1" not in attempt(tmp_path, without("ssl_model.model.encoder.layers.1.fc1.weight"))
    assert "intermediate_dense" in attempt(tmp_path, without("ssl_model.model.encoder.layers.1.fc1.weight"))
    assert "extra.weight" in attempt(tmp_path, small | {"extra.weight": torch.zeros(1)})
    assert "ssl_model.extra" in attempt(tmp_path, small | {"ssl_model.extra": torch.zeros(1)})
    many = {f"extra{i}": torch.zeros(1) for i in range(20)}
    assert "and 14 more" in attempt(tmp_path, small | many)
    gap = {key.replace("model.encoder.layers.1.", "model.encoder.layers.3."): value for key, value in small.items()}
    assert "has encoder.layers.3, but lacks encoder.layers.1" in attempt(tmp_path, gap)


def test_shapes_that_contradict_each_other_are_named(tmp_path, small):
    assert "misshapen" in attempt(tmp_path, small | {"fc5.weight": torch.zeros(3, 20)})
    assert "dt_proj" in attempt(tmp_path, small | {"encoder.layers.0.mamba.dt_proj.weight": torch.zeros(40, 3)})
    assert "multiple of heads" in attempt(tmp_path, small, ssl_heads=7)
    assert "unexpected shape" in attempt(tmp_path, small | {"LL.weight": torch.zeros(())})
    assert "no finite numbers" in attempt(tmp_path, small | {"fc5.bias": torch.tensor([0.0, float("nan")])})


def test_the_wrong_kind_is_told_the_right_one(tmp_path, small):
    assert "look like fake-mamba" in attempt(tmp_path, small, "xlsr-mamba")
    assert "LL.weight" in attempt(tmp_path, small, "xls-r")
    assert "no wav2vec 2.0 front-end" in attempt(tmp_path, {"fc5.weight": torch.zeros(2, 2)})
    with pytest.raises(ConfigError, match="fake-mamba, xlsr-mamba"):
        import_checkpoint(tmp_path / "a.pth", "fake_mamba", tmp_path / "out")


def test_what_tensors_do_not_tell_is_asked_for(tmp_path, small):
    assert "--ssl-heads" in attempt(tmp_path, small, ssl_heads=None)
    kernel = "ssl_model.model.feature_extractor.conv_layers.6.0.weight"
    odd = small | {kernel: torch.zeros(20, 12, 5)}
    assert "--conv-strides" in attempt(tmp_path, odd)
    system = import_state(tmp_path, odd, "odd", conv_strides=(5, 2, 2, 2, 2, 2, 4))
    assert system.frontend.feature_extractor.layout[-1] == (5, 4)


def test_the_group_norm_variant_is_refused_by_name(tmp_path, small):
    prefix = "ssl_model.model.feature_extractor.conv_layers.0.2"
    assert "group-norm" in attempt(tmp_path, small | {f"{prefix}.weight": torch.zeros(12)})


def test_an_existing_folder_is_not_overwritten_unasked(tmp_path, small):
    import_state(tmp_path, small, "twice")
    with pytest.raises(CheckpointError, match="already exists"):
        import_state(tmp_path, small, "twice")
    import_state(tmp_path, small, "twice", overwrite=True)


def test_tensors_that_share_memory_are_stored_each_for_itself(tmp_path, small):
    names = [name for name in small if re.search(r"encoder\.layers\.0\.norm[12]\.weight", name)]
    tied = dict.fromkeys(names, small[names[0]])
    assert len(names) == 2
    system = import_state(tmp_path, small | tied, "tied")
    first, second = (system.get_parameter(f"encoder.layers.0.norm{n}.weight") for n in (1, 2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_trained_system_is_saved_and_loaded_strictly(tmp_path):
    config = ModelConfig(frontend=FRONTEND, width=20, encoder=EncoderConfig(depth=1))
    system = random_system(config)
    folder = save_system(tmp_path / "mine", system, config, licence="CC0-1.0", files={"model.onnx": b"x"})
    assert folder.card.files.keys() == {"model.onnx", "model.safetensors"}
    with torch.no_grad():
        torch.testing.assert_close(load_system(folder)(wave()), system(wave()), rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    other = config.model_copy(update={"width": 24})
    save_system(tmp_path / "lying", system, other)
    with pytest.raises(CheckpointError, match=r"misshapen: .*instead of"):
        load_system(tmp_path / "lying")
    with pytest.raises(CheckpointError, match="name"):
        save_system(tmp_path / "bad", system, config, name="../bad")


# --- XLS-R alone ---


def xls_r_state() -> dict:
    system = random_system(ModelConfig(frontend=FRONTEND, width=20, encoder=EncoderConfig(depth=1)))
    return system.frontend.state_dict()


def test_xls_r_from_fairseq_and_from_a_hugging_face_folder_are_one(tmp_path):
    import argparse

    from safetensors.torch import save_file

    state = xls_r_state()
    args = argparse.Namespace(
        encoder_attention_heads=5, conv_feature_layers="[(12, 10, 5)] + [(12, 3, 2)] * 4 + [(12,2,2)] + [(20,2,2)]"
    )
    torch.save({"model": fairseq(state), "args": args, "cfg": None}, tmp_path / "xlsr2.pt")
    hub = tmp_path / "hub"
    hub.mkdir()
    save_file(
        {f"wav2vec2.{k}": v for k, v in state.items()} | {"lm_head.bias": torch.zeros(3)}, hub / "model.safetensors"
    )
    (hub / "config.json").write_text(json.dumps({"num_attention_heads": 5, "conv_stride": [5, 2, 2, 2, 2, 2, 2]}))
    folders = [import_checkpoint(path, "xls-r", tmp_path / f"out-{path.stem}") for path in (tmp_path / "xlsr2.pt", hub)]
    assert folders[0].card.model == folders[1].card.model
    assert folders[0].card.model.frontend == FRONTEND.model_copy(update={"normalize_input": True})
    assert folders[0].sha256 == folders[1].sha256
    loaded = load_frontend(folders[0])
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, state[key])
    with pytest.raises(CheckpointError, match="front-end only"):
        load_system(folders[0])


def test_xls_r_raw_input_is_recorded(tmp_path):
    torch.save(xls_r_state(), tmp_path / "pytorch_model.bin")
    options = {"heads": 5, "normalize_input": False, "ssl_layers": 1}
    folder = import_checkpoint(tmp_path / "pytorch_model.bin", "xls-r", tmp_path / "out", **options)
    assert folder.card.model.frontend.normalize_input is False
    assert folder.card.model.frontend.layers == 1


def test_a_front_end_is_taken_from_a_whole_system_too(tmp_path, small):
    system = import_state(tmp_path, small, "whole")
    frontend = load_frontend(tmp_path / "whole")
    with torch.no_grad():
        torch.testing.assert_close(frontend(wave())[0], system.frontend(wave())[0])


def test_every_kind_has_a_lineage():
    from fakemamba.checkpoint.importer import LINEAGES

    assert {*LINEAGES, "xls-r"} == KINDS.keys()


def test_heads_of_the_encoder_are_checked_and_elsewhere_mean_the_front_end(tmp_path, small):
    import_state(tmp_path, small, "mamba", ssl_heads=None, heads=5)
    config = ModelConfig(
        frontend=FRONTEND, width=24, encoder=EncoderConfig(kind="transformer", depth=1, heads=2, head_width=7)
    )
    state = authors_state(random_system(config), "xlsr-transformer")
    assert "tell 2 heads, not 3" in attempt(tmp_path, state, "xlsr-transformer", heads=3)
