"""Long recordings through XLS-R: convolutions in pieces equal the whole, windows keep each frame once, none grows."""

import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from systems import TINY_XLSR, lively, small
from torch import nn

from conftest import ROOT
from fakemamba.checkpoint.folder import open_folder
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.config import XlsrConfig
from fakemamba.errors import ConfigError
from fakemamba.models import windows
from fakemamba.models.precision import products
from fakemamba.models.windows import convolved, over_windows, plan
from fakemamba.models.xlsr import XLSR

FAKE_MAMBA = ROOT / "configs" / "fake-mamba-s.toml"


def tiny(**changes) -> XLSR:
    torch.manual_seed(0)
    config = TINY_XLSR.model_copy(update=changes)
    return XLSR(**config.model_dump(exclude={"kind"})).eval()


def system(**changes):
    config = small(FAKE_MAMBA)
    return lively(config.model_copy(update={"frontend": config.frontend.model_copy(update=changes)}))


def waves(batch: int, samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(samples)
    return 0.3 * torch.randn(batch, samples, generator=generator) + 0.05


@given(frames=st.integers(1, 400), span=st.integers(1, 60), context=st.integers(0, 29))
def test_windows_keep_each_frame_once_with_its_context(frames: int, span: int, context: int):
    if 2 * context >= span:
        context = (span - 1) // 2
    found = list(plan(frames, span, context))
    assert [k for window in found for k in range(window.first, window.last)] == list(range(frames))
    sizes = [window.stop - window.start for window in found]
    assert max(sizes) <= span
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == frames + 2 * context * (len(found) - 1)  # what a recording costs beside its frames
    assert len(found) == 1 or frames > span + (len(found) - 2) * (span - 2 * context)  # one fewer would not do
    for window in found:
        assert window.first - window.start >= context or window.start == 0
        assert window.stop - window.last >= context or window.stop == frames


# One piece and many, their edges, samples that make no whole frame, and a recording of a single frame.
@pytest.mark.parametrize("samples", [400, 719, 720, 400 + 6 * 320, 400 + 7 * 320 - 1, 400 + 7 * 320, 9999, 16_001])
def test_convolutions_in_pieces_equal_the_whole(monkeypatch, samples: int):
    monkeypatch.setattr(windows, "PIECE", 7)
    frontend, batch = tiny(), waves(2, samples)
    frames = frontend.frames(samples)
    with torch.no_grad():
        whole = frontend.feature_extractor(batch)
        torch.testing.assert_close(convolved(frontend, batch, 0, frames), whole, atol=1e-6, rtol=1e-5)
        middle = convolved(frontend, batch, frames // 3, frames)
        torch.testing.assert_close(middle, whole[:, frames // 3 :], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("kernels", "strides"), [((5, 4, 3), (3, 2, 2)), ((7,), (7,)), ((3, 2), (1, 5))])
def test_convolutions_of_another_layout_too(monkeypatch, kernels, strides):
    monkeypatch.setattr(windows, "PIECE", 4)
    frontend = tiny(conv_channels=(8,) * len(kernels), conv_kernels=kernels, conv_strides=strides)
    for samples in range(frontend.shortest, frontend.shortest + 60):
        batch = waves(1, samples)
        with torch.no_grad():
            whole = frontend.feature_extractor(batch)
            pieces = convolved(frontend, batch, 0, frontend.frames(samples))
        torch.testing.assert_close(pieces, whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("samples", [400, 6400, 400 + 29 * 320])
def test_one_window_over_everything_equals_the_whole(monkeypatch, normalize: bool, samples: int):
    monkeypatch.setattr(windows, "PIECE", 7)
    monkeypatch.setattr(windows, "_BLOCK", 1000)
    frontend, batch = tiny(normalize_input=normalize, span=30, context=5), waves(2, samples)
    with torch.no_grad():
        (features,) = over_windows(frontend, batch)
        torch.testing.assert_close(features, frontend(batch)[0], atol=1e-5, rtol=1e-5)


def test_without_attention_enough_context_makes_windows_exact():
    frontend, batch = tiny(layers=0, span=24, context=4), waves(2, 30_000)  # the positional convolution reaches 4
    with torch.no_grad():
        features = torch.cat(list(over_windows(frontend, batch)), dim=1)
        torch.testing.assert_close(features, frontend(batch)[0], atol=1e-5, rtol=1e-5)
        frontend.context = 1
        features = torch.cat(list(over_windows(frontend, batch)), dim=1)
        assert (features - frontend(batch)[0]).abs().max() > 1e-3


@pytest.mark.parametrize("normalize", [False, True])
def test_each_window_is_what_its_samples_alone_give(normalize: bool):
    frontend, batch = tiny(normalize_input=normalize, span=20, context=6), waves(1, 400 + 69 * 320)
    heard = batch if not normalize else (batch - batch.mean()) / (batch.var(unbiased=False) + 1e-7).sqrt()
    with torch.no_grad():
        found = list(over_windows(frontend, batch))
        frontend.normalize_input = False
        for (start, stop, first, last), features in zip(plan(70, 20, 6), found, strict=True):
            alone = frontend(heard[:, start * 320 : (stop - 1) * 320 + 400])[0][:, first - start : last - start]
            torch.testing.assert_close(features, alone, atol=1e-5, rtol=1e-5)


def test_a_long_clip_goes_through_in_windows_by_itself():
    long, whole = system(span=20, context=5), system()
    batch = waves(2, 400 + 60 * 320)
    with torch.no_grad():
        assert (long.encode(batch)[0] - whole.encode(batch)[0]).abs().max() > 1e-6
        short = batch[:, : 400 + 19 * 320]
        torch.testing.assert_close(long.score(short), whole.score(short), rtol=0, atol=0)
    torch.testing.assert_close(long.score(batch), whole.score(batch), rtol=0, atol=0)  # with gradients: the whole


def test_a_clip_within_the_span_is_convolved_in_pieces_and_gets_the_score_of_the_whole(monkeypatch):
    monkeypatch.setattr("fakemamba.models.system.PIECE", 7)
    monkeypatch.setattr(windows, "PIECE", 7)
    long, batch, heard = system(), waves(2, 400 + 60 * 320), []
    whole = long.score(batch).detach()  # with gradients
    long.frontend.feature_extractor.register_forward_hook(lambda module, given, out: heard.append(out.shape[1]))
    with torch.no_grad():
        torch.testing.assert_close(long.score(batch), whole, atol=1e-5, rtol=1e-4)
    assert heard == [7] * 8 + [5]


@pytest.mark.parametrize("encoder", ["fake-mamba-s", "xlsr-mamba", "con-bimamba", "xlsr-conformer", "trans-bimamba"])
def test_in_a_padded_batch_each_clip_gets_what_it_gets_alone(encoder: str):
    config = small(ROOT / "configs" / f"{encoder}.toml")
    narrow = config.frontend.model_copy(update={"span": 20, "context": 5, "normalize_input": True})
    long = lively(config.model_copy(update={"frontend": narrow}))
    lengths = torch.tensor([400 + 50 * 320, 400 + 19 * 320, 4000, 400 + 20 * 320 + 7])
    batch = torch.full((4, 400 + 55 * 320), 9.0)
    for row, length in zip(batch, lengths.tolist(), strict=True):
        row[:length] = waves(1, length)[0]
    with torch.no_grad():
        scores, (sequence, counts) = long.score(batch, lengths), long.encode(batch, lengths)
        for k, length in enumerate(lengths.tolist()):
            alone = batch[k : k + 1, :length]
            torch.testing.assert_close(scores[k : k + 1], long.score(alone), atol=1e-5, rtol=1e-4)
            own = long.encode(alone)[0][0]
            assert len(own) == counts[k]
            torch.testing.assert_close(sequence[k, : counts[k]], own, atol=1e-5, rtol=1e-4)


def test_what_is_computed_at_once_does_not_grow_with_the_recording():
    """No module of the front-end gives more for ten times the audio, and each window takes as many calls."""
    frontend = tiny(span=40, context=10)
    calls, largest = _work(frontend, 400 + 199 * 320)  # 9 windows
    more, larger = _work(frontend, 400 + 1999 * 320)  # 99
    assert larger == largest
    assert more * 9 == calls * 99


def _work(frontend: XLSR, samples: int) -> tuple[int, int]:
    """How many calls of modules a recording takes, and the elements of the largest tensor that one gives."""
    sizes: list[int] = []
    hooks = [
        module.register_forward_hook(lambda module, given, out: sizes.append(out.numel()))
        for module in frontend.modules()
        if not isinstance(module, nn.ModuleList)
    ]
    with torch.no_grad():
        frames = sum(part.shape[1] for part in over_windows(frontend, waves(1, samples)))
    for hook in hooks:
        hook.remove()
    assert frames == frontend.frames(samples)
    return len(sizes), max(sizes)


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    section = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8").partition("## Long recordings")[2]
    example = section.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    config = small(FAKE_MAMBA)
    config = config.model_copy(update={"frontend": config.frontend.model_copy(update={"span": 30, "context": 0})})
    save_system(tmp_path / "my-model", lively(config), config)
    assert open_folder(tmp_path / "my-model").card.model.frontend.context == 0
    soundfile.write("interview.flac", waves(1, 20_000)[0].numpy(), 16_000)
    space: dict = {}
    exec(example, space)
    assert space["score"].shape == (1,)
    assert space["embedding"].shape == (1, 16)
    assert space["sequence"].shape == (1, 62, 16)


def test_windows_that_keep_nothing_are_refused():
    for context in (-1, 1500, 1600):
        with pytest.raises((ConfigError, ValueError), match="less than half of span"):
            XlsrConfig(context=context)


def test_in_bfloat16_the_projection_stays_in_float32_in_windows_too():
    model, seen = system(span=20, context=4), []
    model.frontend.feature_projection.register_forward_hook(lambda _module, _given, made: seen.append(made.dtype))
    with torch.inference_mode(), products("bf16", "cpu"):
        model.score(waves(1, 16_000))
    assert len(seen) > 1
    assert set(seen) == {torch.float32}
