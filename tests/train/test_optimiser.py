"""Which parameters learn, and how fast."""

import pytest
import torch

from fakemamba.config import EncoderConfig, ModelConfig, XlsrConfig
from fakemamba.models import build
from fakemamba.train.batches import Batch
from fakemamba.train.losses import Loss
from fakemamba.train.optimiser import freeze, make_optimiser, rate_at, set_rate, share_of_rate, training_mode
from fakemamba.train.settings import LossConfig, OptimConfig, Recipe
from fakemamba.train.steps import Steps, make_accelerator

XLSR = ModelConfig(
    frontend=XlsrConfig(width=16, layers=3, heads=2, ffn=32, conv_channels=(8,) * 2, conv_kernels=(10, 8),
                        conv_strides=(5, 4), positional_kernel=4, positional_groups=2, dropout=0.1),
    width=16, encoder=EncoderConfig(depth=1),
)  # fmt: skip


def test_warm_up_and_cosine():
    config = OptimConfig(warmup=4, schedule="cosine", floor=0.1)
    rates = [rate_at(step, 104, config) for step in range(105)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[54] == pytest.approx(0.55)
    assert rates[104] == pytest.approx(0.1)
    assert rate_at(50, 104, OptimConfig()) == 1.0


def test_rates_fall_from_the_head_down():
    config = OptimConfig(frontend_rate=0.5, layer_decay=0.5)
    shares = {name: share_of_rate(name, config, 3) for name, _ in build(XLSR).named_parameters()}
    assert shares["head.weight"] == 1
    assert shares["frontend.encoder.layer_norm.weight"] == 0.5
    assert [shares[f"frontend.encoder.layers.{k}.layer_norm.weight"] for k in (2, 1, 0)] == [0.5, 0.25, 0.125]
    assert shares["frontend.feature_projection.projection.weight"] == 0.0625
    system = build(XLSR)
    optimiser = make_optimiser(system, config)
    set_rate(optimiser, 2.0)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == [0.125, 0.25, 0.5, 1.0, 2.0]
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(list(system.parameters()))


def test_adamw_decays_matrices_alone_and_adam_everything():
    system = build(XLSR)
    decays = {k: {p.ndim > 1: g["weight_decay"] for g in make_optimiser(system, OptimConfig(kind=k, weight_decay=0.3))
                  .param_groups for p in g["params"]} for k in ("adam", "adamw")}  # fmt: skip
    assert decays == {"adam": {True: 0.3, False: 0.3}, "adamw": {True: 0.3, False: 0.0}}


@pytest.mark.parametrize(
    ("config", "learns", "rests"),
    [
        (OptimConfig(freeze="frontend"), "project.weight", "frontend.encoder.layer_norm.weight"),
        (OptimConfig(freeze="layers", frozen_layers=2), "frontend.encoder.layers.2.", "frontend.encoder.layers.1."),
        (OptimConfig(freeze="layers", frozen_layers=1), "frontend.encoder.layer_norm.", "frontend.feature_extractor."),
        (
            OptimConfig(freeze="layers", frozen_layers=1),
            "frontend.encoder.layers.1.",
            "frontend.encoder.pos_conv_embed.",
        ),
    ],
)
def test_frozen_parts_neither_move_nor_drop(config, learns, rests):
    recipe = Recipe(model=XLSR, optim=config.model_copy(update={"kind": "adam", "lr": 1e-2}))
    torch.manual_seed(0)
    system = build(XLSR)
    before = {name: value.clone() for name, value in system.state_dict().items()}
    steps = Steps(recipe, system, 10, make_accelerator(recipe, cpu=True))
    waves = torch.randn(4, 800).numpy()
    steps.update(Batch(waves, torch.tensor([0, 1, 0, 1]).numpy()), 0)
    moved = {name for name, value in system.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith(learns) for name in moved)
    assert not any(name.startswith(rests) for name in moved)
    for name, module in system.named_modules():
        if name.startswith(rests.removesuffix("weight")):
            assert not module.training, name


@pytest.mark.parametrize("change", [{"checkpointing": True}, {}])
def test_accumulation_and_recomputing_change_no_gradient(change):
    model = XLSR.model_copy(update={"frontend": XLSR.frontend.model_copy(update={"dropout": 0.0})})
    batch = Batch(torch.randn(4, 800).numpy(), torch.tensor([0, 1, 1, 1]).numpy())

    def gradients(accumulate: int, optim: OptimConfig) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        recipe = Recipe(model=model, optim=optim, loss=LossConfig(weights=(0.1, 0.9)), accumulate=accumulate)
        system = build(model)
        system.norm.momentum = 0.0
        steps = Steps(recipe, system, 10, make_accelerator(recipe, cpu=True))
        training_mode(system, optim)
        system.norm.eval()  # the statistics of a part are not those of the whole
        steps._backward(batch)
        return {name: p.grad for name, p in system.named_parameters() if p.grad is not None}

    whole, parts = gradients(1, OptimConfig()), gradients(2, OptimConfig(**change))
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], rtol=1e-4, atol=1e-6)


def test_a_cosine_system_learns_with_the_one_class_loss():
    model = XLSR.model_copy(update={"score": "cosine"})
    recipe = Recipe(model=model, optim=OptimConfig(lr=3e-3), loss=LossConfig(kind="one_class"))
    torch.manual_seed(0)
    steps = Steps(recipe, build(model), 30, make_accelerator(recipe, cpu=True))
    waves = torch.randn(8, 800)
    waves[1::2] *= torch.linspace(0, 1, 800)
    batch = Batch(waves.numpy(), (torch.arange(8) % 2).numpy())
    losses = [steps.update(batch, step) for step in range(30)]
    assert losses[-1] < losses[0] / 2
    scores = steps.system.eval().score(waves)
    assert scores.abs().max() <= 1 + 1e-6
    assert scores[1::2].mean() > scores[::2].mean()
    assert float(Loss(recipe.loss).weights(torch.tensor([0, 1])).sum()) == 2


def test_freezing_sets_what_needs_a_gradient():
    system = build(XLSR)
    freeze(system, OptimConfig(freeze="frontend"))
    assert not any(p.requires_grad for p in system.frontend.parameters())
    freeze(system, OptimConfig())
    assert all(p.requires_grad for p in system.parameters())
