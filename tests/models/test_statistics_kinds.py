"""Statistics of several kinds side by side, each judged apart."""

import pytest
import torch
from systems import THREE_KINDS, syllables

from fakemamba.checkpoint.torch_io import load_system, save_system
from fakemamba.models.assemble import build
from fakemamba.models.statistics import Facets, StatisticsSystem

KINDS = ("cepstra", "modulation", "recogniser")


def decided(seed: int = 0) -> StatisticsSystem:
    """A system whose judges have means, spreads and weights of their own."""
    torch.manual_seed(seed)
    system = build(THREE_KINDS).eval()
    assert isinstance(system, StatisticsSystem)
    found = system.frontend(syllables(6, 8_000, seed=1))
    for judge, kind in zip(system.judges, found.split(system.widths, dim=1), strict=True):
        judge.norm.gather(kind)
    with torch.no_grad():
        for parameter in system.judges.parameters():
            parameter.normal_(0, 0.1)
    return system


@pytest.mark.parametrize("count", [1, 2, 3])
def test_front_ends_stand_side_by_side(count):
    parts = dict(list(decided().frontend.parts.items())[:count])
    front = Facets(parts)
    waves, lengths = syllables(2, 9_000), torch.tensor([9_000, 6_000])
    expected = [part(waves, lengths) for part in parts.values()]
    assert torch.equal(front(waves, lengths), torch.cat(expected, dim=1))
    assert front.widths == tuple(one.shape[1] for one in expected)
    assert front.out_width == sum(front.widths)
    assert front.shortest == max(part.shortest for part in parts.values())
    assert front.frames(9_000) == parts["cepstra"].frames(9_000)


def test_a_configuration_names_its_kinds():
    front = THREE_KINDS.frontend
    for change, kinds in (
        ({}, KINDS),
        ({"recogniser": None}, KINDS[:2]),
        ({"modulation": False}, KINDS[::2]),
        ({"modulation": False, "recogniser": None}, KINDS[:1]),
    ):
        system = build(THREE_KINDS.model_copy(update={"frontend": front.model_copy(update=change)}))
        assert tuple(system.frontend.parts) == kinds
        assert system.widths == tuple(part.out_width for part in system.frontend.parts.values())
        assert len(system.judges) == len(kinds)


def test_the_judges_logits_are_added():
    system, waves = decided(), syllables(3, 8_000)
    kinds = [part(waves) for part in system.frontend.parts.values()]
    pairs = [judge(kind) for judge, kind in zip(system.judges, kinds, strict=True)]
    assert all(logits.abs().min() > 1e-3 for logits, _ in pairs)  # each of them has its say
    torch.testing.assert_close(system(waves), sum(logits for logits, _ in pairs))
    torch.testing.assert_close(system.embed(waves), torch.cat([hidden for _, hidden in pairs], dim=1))
    assert system.embed(waves).shape == (3, len(KINDS) * THREE_KINDS.width)
    torch.testing.assert_close(system.score(waves), sum(logits[:, 1] - logits[:, 0] for logits, _ in pairs))


def test_padding_changes_no_score():
    system, waves, lengths = decided(), syllables(3, 12_000), torch.tensor([12_000, 8_001, 4_300])
    together = system.score(waves, lengths)
    alone = [system.score(wave[None, :length])[0] for wave, length in zip(waves, lengths.tolist(), strict=True)]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-3, rtol=1e-3)


def test_a_training_reaches_the_judges_alone():
    system = decided().train()
    before = {name: value.clone() for name, value in system.frontend.state_dict().items()}
    trained = {name for name, parameter in system.named_parameters() if parameter.requires_grad}
    assert trained == {f"judges.{name}" for name, _ in system.judges.named_parameters()}
    torch.nn.functional.cross_entropy(system(syllables(2, 8_000)), torch.tensor([0, 1])).backward()
    assert all(parameter.grad is not None for parameter in system.judges.parameters())
    assert all(torch.equal(value, before[name]) for name, value in system.frontend.state_dict().items())


def test_a_model_folder_holds_the_recognisers_weights_too(tmp_path):
    system, waves = decided(), syllables(2, 8_000)
    found = load_system(save_system(tmp_path / "three", system, THREE_KINDS))
    ours, theirs = system.state_dict(), found.state_dict()
    assert list(ours) == list(theirs)
    assert "frontend.parts.recogniser.layers.0.into.weight" in ours
    assert not any(".cepstra." in name or ".modulation." in name for name in ours)  # constants, made anew
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(found.score(waves), system.score(waves))
