"""Our wav2vec 2.0 against transformers' on tiny random weights, padded batches included."""

import pytest

torch = pytest.importorskip("torch")

from fakemamba.config import XlsrConfig  # noqa: E402
from fakemamba.errors import AudioError, ConfigError  # noqa: E402
from fakemamba.models.xlsr import XLSR  # noqa: E402

TINY = {
    "width": 48,
    "layers": 3,
    "heads": 4,
    "ffn": 96,
    "conv_channels": (16,) * 7,
    "positional_kernel": 16,
    "positional_groups": 4,
}


def make(**changes) -> XLSR:
    config = XlsrConfig(**{**TINY, **changes})
    return XLSR(**config.model_dump(exclude={"kind"}))


def make_reference(seed: int = 0, **changes):
    transformers = pytest.importorskip("transformers")
    numbers = {**TINY, **changes}
    torch.manual_seed(seed)
    config = transformers.Wav2Vec2Config(
        hidden_size=numbers["width"],
        num_hidden_layers=numbers["layers"],
        num_attention_heads=numbers["heads"],
        intermediate_size=numbers["ffn"],
        conv_dim=numbers["conv_channels"],
        num_conv_pos_embeddings=numbers["positional_kernel"],
        num_conv_pos_embedding_groups=numbers["positional_groups"],
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        attn_implementation="eager",
    )
    model = transformers.Wav2Vec2Model(config).eval()
    with torch.no_grad():  # norms and biases start as ones and zeros, which would hide a missing one
        for name, tensor in model.named_parameters():
            if tensor.ndim == 1:
                tensor.add_(0.1 * torch.randn_like(tensor))
            elif "original0" in name:
                tensor.mul_(1 + 0.3 * torch.rand_like(tensor))
    return model


def load(ours: XLSR, reference) -> XLSR:
    state = {k: v for k, v in reference.state_dict().items() if k != "masked_spec_embed"}
    ours.load_state_dict(state, strict=True)
    return ours.eval()


def waves(*lengths: int) -> list:
    generator = torch.Generator().manual_seed(len(lengths))
    return [0.3 * torch.randn(length, generator=generator) + 0.05 for length in lengths]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"width": 64, "heads": 2, "layers": 1, "positional_kernel": 9, "positional_groups": 8},  # an odd kernel
        {"conv_channels": (8, 8, 12, 12, 16, 16, 20), "ffn": 40, "positional_kernel": 128},
    ],
)
def test_equals_transformers_on_random_weights(changes):
    reference = make_reference(1, **changes)
    ours = load(make(**changes), reference)
    batch = torch.stack(waves(6400, 6400))
    with torch.no_grad():
        features, counts = ours(batch)
        expected = reference(batch).last_hidden_state
    assert counts is None
    assert features.shape == (2, ours.frames(6400), ours.out_width)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
def test_a_padded_batch_gives_each_clip_what_it_gets_alone(normalize):
    reference = make_reference(2)
    ours = load(make(normalize_input=normalize), reference)
    clips = waves(6400, 3001, 400)
    lengths = torch.tensor([len(clip) for clip in clips])
    batch = torch.full((3, 6400), 9.0)  # loud rubbish beyond the lengths must not matter
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    with torch.no_grad():
        features, counts = ours(batch, lengths)
    assert counts.tolist() == [ours.frames(len(clip)) for clip in clips] == [19, 9, 1]
    for row, count, clip in zip(features, counts, clips, strict=True):
        with torch.no_grad():
            alone, _ = ours(clip[None])
        torch.testing.assert_close(row[:count], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
def test_a_padded_batch_equals_transformers_with_its_mask(normalize):
    transformers = pytest.importorskip("transformers")
    reference = make_reference(3)
    ours = load(make(normalize_input=normalize), reference)
    clips = waves(6400, 4100)
    extract = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize, return_attention_mask=True)
    given = extract([clip.numpy() for clip in clips], sampling_rate=16_000, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = reference(given["input_values"], attention_mask=given["attention_mask"]).last_hidden_state
        raw = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
        features, counts = ours(raw, torch.tensor([6400, 4100]))
    for row, count in enumerate(counts):
        torch.testing.assert_close(features[row, :count], expected[row, :count], atol=1e-5, rtol=1e-5)


def test_fewer_layers_truncate_as_transformers_would():
    full = make_reference(4, layers=4)
    short = make_reference(5, layers=2)
    state = {k: v for k, v in full.state_dict().items() if not k.startswith(("encoder.layers.2", "encoder.layers.3"))}
    short.load_state_dict(state, strict=True)
    batch = torch.stack(waves(4000))
    with torch.no_grad():
        ours, _ = load(make(layers=2), short)(batch)
        torch.testing.assert_close(ours, short(batch).last_hidden_state, atol=1e-5, rtol=1e-5)
        assert (ours - full(batch).last_hidden_state).abs().max() > 1e-2


def test_xlsr_300m_has_its_published_size():
    with torch.device("meta"):
        model = XLSR(**XlsrConfig().model_dump(exclude={"kind"}))
    count = sum(tensor.numel() for tensor in model.parameters())
    assert count == 315_437_696  # 315 438 720 with the mask embedding, which we never use
    assert model.shortest == 400
    for samples in (399, 400, 719, 720, 6400, 66_800, 64_600):
        assert model.frames(samples) == max(0, (samples - 400) // 320 + 1)


def test_training_is_random_and_evaluation_is_not():
    model = make(dropout=0.2, layerdrop=0.5)
    batch = torch.stack(waves(2000))
    model.train()
    torch.manual_seed(0)
    first, second = model(batch)[0], model(batch)[0]
    assert not torch.equal(first, second)
    model.eval()
    torch.testing.assert_close(model(batch)[0], model(batch)[0], rtol=0, atol=0)


def test_layerdrop_leaves_whole_layers_out():
    model = make(layerdrop=1.0).train()
    calls = []
    for layer in model.encoder.layers:
        layer.register_forward_hook(lambda *_: calls.append(1))
    model(torch.stack(waves(2000)))
    assert calls == []
    model.eval()(torch.stack(waves(2000)))
    assert len(calls) == 3


def test_gradient_checkpointing_changes_no_gradient():
    torch.manual_seed(6)
    model = make().train()
    batch, lengths = torch.stack(waves(3000, 3000)), torch.tensor([3000, 2000])
    found = []
    for switch in (False, True):
        model.gradient_checkpointing = switch
        model.zero_grad()
        model(batch, lengths)[0].square().mean().backward()
        found.append([parameter.grad.clone() for parameter in model.parameters()])
    for plain, checkpointed in zip(*found, strict=True):
        torch.testing.assert_close(plain, checkpointed, atol=1e-6, rtol=1e-5)
    assert all(gradient.abs().sum() > 0 for gradient in found[0] if gradient.ndim > 1)


def test_normalised_input_forgets_gain_and_offset():
    model = make(normalize_input=True).eval()
    clip = torch.stack(waves(3000))
    with torch.no_grad():
        torch.testing.assert_close(model(clip)[0], model(0.2 * clip - 0.1)[0], atol=1e-4, rtol=1e-4)
        raw = make(normalize_input=False).eval()
        raw.load_state_dict(model.state_dict())
        assert (raw(clip)[0] - raw(0.2 * clip - 0.1)[0]).abs().max() > 1e-3


def test_too_short_clips_and_misfit_numbers_are_refused():
    with pytest.raises(AudioError, match="399 samples"):
        make()(torch.zeros(1, 399))
    for changes in ({"heads": 5}, {"positional_groups": 7}, {"conv_channels": (16,) * 6}):
        with pytest.raises((ValueError, ConfigError), match=r"multiple|equally long"):
            make(**changes)
