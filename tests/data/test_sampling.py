"""What an epoch visits: everything once, or shares that are equal; the same for every process."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.data.dataset import Dataset, Utterance
from fakemamba.data.sampling import EpochSampler
from fakemamba.errors import ConfigError


def dataset(*groups, weight=1.0):
    """Each group is (count, label, corpus, attack)."""
    made = [
        Utterance(f"{g}-{i}", Path(f"{g}-{i}"), label, corpus, attack=attack, weight=weight)
        for g, (count, label, corpus, attack) in enumerate(groups)
        for i in range(count)
    ]
    return Dataset("made", tuple(made))


MIXED = dataset((40, 1, "a", ""), (160, 0, "a", "A1"), (10, 0, "a", "A2"), (90, 0, "b", "B1"))

seeds = st.integers(0, 2**32)
sizes = st.lists(st.integers(1, 30), min_size=1, max_size=4)


def rows(sampler, epoch=0):
    return [row for batch in sampler.batches(epoch) for row in batch]


@given(seeds, st.integers(0, 100), st.integers(1, 90))
def test_without_balance_every_utterance_comes_once_an_epoch(seed, epoch, count):
    order = EpochSampler(dataset((count, 1, "a", "")), seed=seed).order(epoch)
    assert sorted(order.tolist()) == list(range(count))


def test_order_depends_on_seed_and_epoch_alone():
    first, second = EpochSampler(MIXED, seed=7), EpochSampler(MIXED, seed=7)
    first.order(3)  # what was drawn before plays no part
    assert first.order(5).tolist() == second.order(5).tolist()
    assert first.order(5).tolist() != first.order(6).tolist()
    assert first.order(5).tolist() != EpochSampler(MIXED, seed=8).order(5).tolist()


@given(seeds, sizes, sizes)
def test_balanced_classes_get_equal_shares(seed, genuine, spoofed):
    made = dataset(*((n, 1, f"g{k}", "") for k, n in enumerate(genuine)), *((n, 0, "s", "") for n in spoofed))
    order = EpochSampler(made, seed=seed, balance=["class"]).order(0)
    assert len(order) == len(made)
    shares = Counter(made.labels[order].tolist())
    assert abs(shares[0] - shares[1]) <= 1
    times = Counter(order.tolist())
    for label in (0, 1):  # within its class each is drawn as often as any other, give or take one
        drawn = [times[row] for row in np.flatnonzero(made.labels == label).tolist()]
        assert max(drawn) - min(drawn) <= 1


def test_balance_goes_down_column_by_column():
    order = EpochSampler(MIXED, seed=1, balance=["class", "corpus", "attack"]).order(0)
    utterances = [MIXED.utterances[row] for row in order]
    assert Counter(u.label for u in utterances) == {0: 150, 1: 150}
    assert Counter(u.corpus for u in utterances if not u.label) == {"a": 75, "b": 75}
    attacks = Counter(u.attack for u in utterances if u.corpus == "a" and not u.label)
    assert sorted(attacks.values()) == [37, 38]


def test_shares_that_do_not_divide_favour_nobody():
    made = dataset((2, 1, "a", ""), (2, 0, "a", "x"), (1, 0, "b", "y"))  # 5 draws for two classes
    counts = Counter()
    for epoch in range(200):
        counts.update(made.labels[EpochSampler(made, seed=0, balance=["class"]).order(epoch)].tolist())
    assert 0.45 < counts[1] / counts.total() < 0.55


def test_large_shares_are_sampled_anew_each_epoch():
    made = dataset((10, 1, "a", ""), (100, 0, "a", "x"))
    sampler = EpochSampler(made, seed=0, balance=["class"])
    seen = {row for epoch in range(12) for row in sampler.order(epoch).tolist()}
    assert seen == set(range(110))


@given(seeds, st.floats(0.1, 3.0))
def test_weights_repeat_by_their_whole_part_and_the_rest_by_chance(seed, weight):
    made = dataset((50, 1, "a", ""), weight=weight)
    times = Counter(EpochSampler(made, seed=seed).order(0).tolist())
    assert {times[row] for row in range(50)} <= {int(weight), int(weight) + 1}


def test_a_weight_is_the_mean_number_of_draws():
    made = dataset((200, 1, "a", ""), weight=0.25)
    drawn = sum(len(EpochSampler(made, seed=0).order(epoch)) for epoch in range(50))
    assert drawn / (200 * 50) == pytest.approx(0.25, abs=0.02)


def test_weights_of_corpora_are_their_shares_when_balanced():
    heavy = dataset((30, 1, "a", ""), weight=3.0)
    light = dataset((90, 1, "b", ""), weight=1.0)
    made = Dataset("made", heavy.utterances + light.utterances)
    order = EpochSampler(made, seed=0, balance=["corpus"]).order(0)
    assert Counter(made.utterances[row].corpus for row in order) == {"a": 90, "b": 30}


@settings(max_examples=60)
@given(seeds, st.integers(1, 80), st.integers(1, 4), st.integers(1, 4), st.booleans(), st.booleans())
def test_shards_together_are_what_one_process_sees(seed, count, ranks, each, drop_last, bucketed):
    made = dataset((count, 1, "a", ""))
    options = {"seed": seed, "batch": ranks * each, "drop_last": drop_last}
    if bucketed:
        options["lengths"] = np.random.default_rng(seed).uniform(0.5, 8, count)
        options["seconds"] = 12.0
    shards = [list(EpochSampler(made, **options, rank=rank, ranks=ranks).batches(2)) for rank in range(ranks)]
    assert len({len(shard) for shard in shards}) == 1
    together = [[row for part in parts for row in part] for parts in zip(*shards, strict=True)]
    flat = [row for batch in together for row in batch]
    assert len(flat) == len(set(flat))
    assert all(len(batch) <= ranks * each for batch in together)
    if drop_last:
        assert all(
            len(part) == len(batch) // ranks for batch, *parts in zip(together, *shards, strict=True) for part in parts
        )
    else:
        assert sorted(flat) == list(range(count))
    if not bucketed:
        assert together == list(EpochSampler(made, **options).batches(2))


def test_a_process_more_changes_no_batch():
    alone = list(EpochSampler(MIXED, seed=3, batch=12).batches(0))
    first, second = (list(EpochSampler(MIXED, seed=3, batch=12, rank=r, ranks=2).batches(0)) for r in (0, 1))
    assert [a + b for a, b in zip(first, second, strict=True)] == alone
    assert len(alone) == EpochSampler(MIXED, seed=3, batch=12).count(0) == 25


def test_the_last_batch_is_left_out_or_not():
    made = dataset((50, 1, "a", ""))
    assert [len(batch) for batch in EpochSampler(made, seed=0, batch=20).batches(0)] == [20, 20]
    assert [len(batch) for batch in EpochSampler(made, seed=0, batch=20, drop_last=False).batches(0)] == [20, 20, 10]


@given(seeds, st.floats(3.0, 60.0))
def test_batches_by_length_hold_their_seconds_and_pad_little(seed, seconds):
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.5, 8, 300)
    sampler = EpochSampler(MIXED, seed=seed, batch=16, lengths=lengths, seconds=seconds)
    batches = list(sampler.batches(0))
    assert sorted(row for batch in batches for row in batch) == list(range(300))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= seconds
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded < 1.15 * lengths.sum()


def test_batches_by_length_come_in_any_order():
    lengths = np.linspace(0.5, 8, 300)
    firsts = [lengths[batch].max() for batch in EpochSampler(MIXED, seed=0, batch=10, lengths=lengths).batches(0)]
    assert firsts != sorted(firsts)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 0}, "batch of 0"),
        ({"batch": 3, "ranks": 2}, "cannot be shared by 2 processes: give a multiple of 2"),
        ({"rank": 1}, "rank 1 of 1"),
        ({"seconds": 3.0}, "the lengths are known"),
        ({"seconds": -1.0, "lengths": [1.0] * 300}, "more than 0"),
        ({"lengths": [1.0]}, "1 lengths for 300 utterances"),
        ({"lengths": [float("nan")] * 300}, "not known: fill them in"),
        ({"balance": ["colour"]}, "balance by 'colour': choose class or one of corpus"),
    ],
)
def test_what_cannot_be_is_told(options, words):
    with pytest.raises(ConfigError, match=words):
        EpochSampler(MIXED, seed=0, **options)
    with pytest.raises(ConfigError, match="nothing to draw from"):
        EpochSampler(Dataset("none", ()), seed=0)
