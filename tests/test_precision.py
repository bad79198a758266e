"""bfloat16 on torch: near float32 for every system, exact where digits count, told in answers, refused in a line."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import ROOT
from fakemamba.checkpoint.folder import open_folder
from fakemamba.checkpoint.torch_io import save_system
from fakemamba.cli import run
from fakemamba.config import CepstraConfig, EncoderConfig, ModelConfig, SpectrumConfig, XlsrConfig
from fakemamba.detect import load
from fakemamba.errors import ConfigError
from fakemamba.models import build
from fakemamba.models.precision import products
from fakemamba.models.system import System
from fakemamba.torch_scorer import TorchScorer, check_bf16
from fakes import RATE, speech, write_tiny_model

XLSR = XlsrConfig(width=32, layers=3, heads=4, ffn=64, conv_channels=(16,) * 7, positional_kernel=8)
SPECTRUM = SpectrumConfig(channels=(4, 4, 4, 4))
SYSTEMS = {
    "pn_bimamba": ModelConfig(frontend=XLSR, width=16, encoder=EncoderConfig(depth=2)),
    "dual_mamba": ModelConfig(
        frontend=XLSR, width=16, encoder=EncoderConfig(kind="dual_mamba", depth=2), pooling="dual"
    ),
    "conformer": ModelConfig(
        frontend=XLSR, width=16, encoder=EncoderConfig(kind="conformer", depth=2, heads=2, head_width=8)
    ),
    "transformer": ModelConfig(
        frontend=XLSR, width=16, encoder=EncoderConfig(kind="transformer", depth=2, heads=2, head_width=8)
    ),
    "compact": ModelConfig(frontend=SPECTRUM, width=16, encoder=EncoderConfig(depth=1), window=2 * RATE),
}
WAVES = np.stack([speech(2.0, seed=seed) for seed in range(3)])


def able() -> bool:
    try:
        check_bf16(torch.device("cpu"))
    except ConfigError:
        return False
    return True


needs_bf16 = pytest.mark.skipif(not able(), reason="this processor has no bf16")


def made(name: str) -> System:
    torch.manual_seed(0)
    return build(SYSTEMS[name]).eval()


def saved(place: Path, name: str) -> Path:
    save_system(place / name, made(name), SYSTEMS[name])
    return place / name


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("lengths", [None, [32_000, 20_000, 9_000]], ids=["whole", "padded"])
def test_bf16_stays_near_its_slow_twin_in_float32(name, lengths):
    waves, own = torch.from_numpy(WAVES), None if lengths is None else torch.tensor(lengths)
    with torch.inference_mode():
        wanted = made(name).embed(waves, own)
        system = made(name)
        system.narrow()
        with products("bf16", "cpu"):
            found, scores = system.embed(waves, own), system.score(waves, own)
    assert found.dtype == scores.dtype == torch.float32
    assert 0 < float((found - wanted).norm() / wanted.norm()) < 2e-2


def test_fp32_is_what_it_was():
    with torch.inference_mode():
        wanted = made("pn_bimamba").score(torch.from_numpy(WAVES))
        with products("fp32", "cpu"):
            assert torch.equal(made("pn_bimamba").score(torch.from_numpy(WAVES)), wanted)


def test_what_sums_up_or_decides_is_float32():
    """Seen from inside: a deep residual stream, the pooling's softmax, the head, the power spectrum."""
    seen: dict[str, set[torch.dtype]] = {}

    def watch(name: str, module: torch.nn.Module) -> None:
        module.register_forward_pre_hook(lambda _, given: seen.setdefault(name, set()).add(given[0].dtype))

    system = made("pn_bimamba")
    system.narrow()
    for layer in system.frontend.encoder.layers:
        watch("layer of XLS-R", layer)
    for name in ("encoder", "pool", "head"):
        watch(name, getattr(system, name))
    attention = system.frontend.encoder.layers[0].attention
    attention.out_proj.register_forward_pre_hook(lambda _, given: seen.update(product={given[0].dtype}))
    compact = made("compact")
    watch("compact's first stage", compact.frontend.stages[0])
    with torch.inference_mode(), products("bf16", "cpu"):
        system.score(torch.from_numpy(WAVES))
        compact.score(torch.from_numpy(WAVES))
    assert seen.pop("product") == {torch.bfloat16}
    assert len(seen) == 5
    assert set.union(*seen.values()) == {torch.float32}


def test_a_power_spectrum_is_the_same_in_bf16():
    frontend = made("compact").frontend
    wanted = frontend.spectrum(torch.from_numpy(WAVES), None)[0]
    stages = []
    frontend.stages[0].register_forward_pre_hook(lambda _, given: stages.append(given[0]))
    with torch.inference_mode(), products("bf16", "cpu"):
        frontend(torch.from_numpy(WAVES))
    torch.testing.assert_close(stages[0], wanted)


def test_weights_take_half_the_memory_and_are_those_that_autocast_would_round_to():
    plain, system = made("pn_bimamba"), made("pn_bimamba")
    system.narrow()

    def size(one: System) -> int:
        parts = one.frontend.feature_extractor, one.frontend.encoder
        return sum(p.numel() * p.element_size() for part in parts for p in part.parameters())

    assert size(system) < 0.6 * size(plain)
    with torch.inference_mode(), products("bf16", "cpu"):
        torch.testing.assert_close(
            system.score(torch.from_numpy(WAVES)), plain.score(torch.from_numpy(WAVES)), atol=1e-5, rtol=1e-5
        )


def test_training_under_autocast_is_left_alone():
    system = made("pn_bimamba")
    kinds = []
    system.frontend.encoder.layers[1].register_forward_pre_hook(lambda _, given: kinds.append(given[0].dtype))
    with products("bf16", "cpu"):
        system(torch.from_numpy(WAVES))
    assert kinds == [torch.bfloat16]


@needs_bf16
def test_the_scorer_answers_alike_however_clips_are_batched(tmp_path):
    folder = open_folder(saved(tmp_path, "pn_bimamba"))
    scorer, twin = TorchScorer(folder, device="cpu", precision="bf16"), TorchScorer(folder, device="cpu")
    assert (scorer.precision, twin.precision) == ("bf16", "fp32")
    alone = np.concatenate([scorer.score(wave[None]) for wave in WAVES])
    assert alone.dtype == np.float32
    np.testing.assert_allclose(scorer.score(WAVES), alone, atol=2e-2)
    padded = scorer.score_padded(WAVES, [32_000, 20_000, 32_000])
    np.testing.assert_allclose(padded[[0, 2]], alone[[0, 2]], atol=2e-2)
    np.testing.assert_allclose(padded[1], scorer.score(WAVES[1:2, :20_000])[0], atol=2e-2)
    np.testing.assert_allclose(alone, twin.score(WAVES), atol=2e-2)


@needs_bf16
def test_answers_and_reports_tell_it(tmp_path, capsys):
    import soundfile

    folder = saved(tmp_path, "compact")
    soundfile.write(tmp_path / "a.wav", speech(3.0), RATE)
    assert load(folder).detect(tmp_path / "a.wav").precision == "fp32"
    words = [str(tmp_path / "a.wav"), "--model", str(folder)]
    written = ["-o", str(tmp_path / "r.html"), "-o", str(tmp_path / "r.json")]
    assert run(["detect", *words, "--precision", "bf16", *written]) == 0
    told = json.loads((tmp_path / "r.json").read_text())
    capsys.readouterr()
    assert told["model"]["precision"] == told["results"][0]["precision"] == "bf16"
    assert "--precision bf16" in told["command"]
    assert "bf16" in (tmp_path / "r.html").read_text()
    assert run(["detect", *words, "--precision", "bf16", "--verbose"]) == 0
    assert "bf16" in capsys.readouterr().out


@needs_bf16
def test_an_evaluation_tells_it_and_mixes_no_scores(tmp_path, capsys):
    import soundfile

    folder = saved(tmp_path, "compact")
    for k in range(4):
        place = tmp_path / "clips" / ("real", "fake")[k % 2] / f"{k}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(place, speech(2.5, seed=k), RATE)
    words = ["evaluate", str(folder), str(tmp_path / "clips"), "--bootstrap", "0", "--out", str(tmp_path / "out")]
    words += ["--protocol", "whole", "--json"]
    assert run([*words, "--precision", "bf16"]) == 0
    assert json.loads(capsys.readouterr().out)["origin"]["precision"] == "bf16"
    assert run(words) == 2
    assert "another precision (bf16, now fp32)" in capsys.readouterr().err


def test_an_onnx_file_has_its_own(tmp_path, capsys):
    model = write_tiny_model(tmp_path / "m")
    assert load(model).scorer.precision == "fp32"
    half = write_tiny_model(tmp_path / "half", training={"exported": {"precision": "fp16"}})
    assert load(half).scorer.precision == "fp16"
    with pytest.raises(ConfigError, match=r"precision bf16: tiny runs on ONNX Runtime .* \(fp16\): leave it out"):
        load(half, precision="bf16")
    clip = str(ROOT / "tests/fixtures/voice.flac")
    assert run(["detect", "--precision", "fp32", "--model", str(model), clip]) == 0
    assert run(["detect", "--precision", "fp32", "--model", str(half), clip]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "precision fp32: tiny runs on ONNX Runtime" in line


def test_an_unknown_precision_is_refused_with_the_choices(tmp_path):
    with pytest.raises(ConfigError, match="precision 'fp8' is unknown: choose fp32 or bf16"):
        load(saved(tmp_path, "compact"), precision="fp8")


def test_a_processor_without_it_is_told_in_one_line(tmp_path, monkeypatch):
    folder = saved(tmp_path, "compact")
    monkeypatch.setattr("fakemamba.torch_scorer.features", lambda: {"AVX2": True, "bf16": False})
    with pytest.raises(ConfigError, match="this processor has no bf16 that torch can use") as caught:
        load(folder, precision="bf16")
    assert "\n" not in str(caught.value)
    assert load(folder).scorer.precision == "fp32"
    monkeypatch.setattr("fakemamba.torch_scorer.features", lambda: None)  # the system tells nothing: torch is asked
    monkeypatch.setattr("fakemamba.torch_scorer._bf16_on_cpu", lambda: False)
    with pytest.raises(ConfigError, match="no bf16"):
        load(folder, precision="bf16")
    with pytest.raises(ConfigError, match="runs on cpu and cuda, not on mps"):
        check_bf16(torch.device("mps"))


def test_statistics_of_cepstra_are_judged_in_float32():
    config = ModelConfig(frontend=CepstraConfig(), width=16, encoder=EncoderConfig(kind="none"), pooling="statistics")
    torch.manual_seed(0)
    system = build(config).eval()
    torch.nn.init.normal_(system.judges[0].plane.weight)
    with torch.inference_mode():
        wanted = system.score(torch.from_numpy(WAVES))
        with products("bf16", "cpu"):
            found = system.score(torch.from_numpy(WAVES))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=2e-2, rtol=2e-3)
