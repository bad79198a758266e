"""The pool: right scores for everybody, fair turns, batches of one length, and nothing lost when something fails."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakemamba.server.pool import Pool, cost
from fakes import FakeScorer, Wave


class Gated(FakeScorer):
    """Remembers which windows came in which batch, by their first sample; the first batch waits for the gate."""

    def __init__(self) -> None:
        super().__init__(lambda wave: float(wave[0]))
        self.gate, self.entered = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def score(self, windows: Wave) -> Wave:
        self.entered.set()
        assert self.gate.wait(10)
        self.batches.append([round(float(wave[0])) for wave in windows])
        return super().score(windows)


def waves(*numbers: int, length: int = 8) -> Wave:
    """One window a number, which its scorer will give back."""
    return np.stack([np.full(length, number, np.float32) for number in numbers])


def opened(scorer: Gated, pool: Pool, queued: int) -> None:
    """Let go once all is queued behind the batch that waits at the gate."""
    assert pool.queued == queued
    scorer.gate.set()
    pool.close()


def held(max_batch: int) -> tuple[Gated, Pool]:
    """A pool whose single worker is busy with window 0 until the gate opens."""
    scorer = Gated()
    pool = Pool(scorer, workers=1, max_batch=max_batch)
    pool.submit("first", waves(0))
    assert scorer.entered.wait(10)
    return scorer, pool


@given(
    jobs=st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.sampled_from([3, 5]), max_size=5), st.booleans()), max_size=12
    ),
    workers=st.integers(1, 3),
    max_batch=st.integers(1, 4),
)
def test_everybody_gets_the_scores_of_his_own_windows_in_order(jobs, workers, max_batch):
    scorer = FakeScorer(lambda wave: float(wave[0]))
    pool = Pool(scorer, workers=workers, max_batch=max_batch, wait=0.0005)
    number, expected, futures = 0, [], []
    for client, lengths, live in jobs:
        numbers = list(range(number, number + len(lengths)))
        number += len(lengths)
        windows = [np.full(length, k, np.float32) for k, length in zip(numbers, lengths, strict=True)]
        expected.append(numbers)
        futures.append(pool.submit(client, windows, live=live))
    assert [future.result(10).tolist() for future in futures] == expected
    pool.close()
    assert pool.queued == 0
    assert all(count <= max_batch for count, _ in scorer.shapes)


def test_clients_take_turns_window_by_window():
    scorer, pool = held(max_batch=2)
    pool.submit("long", waves(1, 2, 3, 4))
    pool.submit("short", waves(10))
    pool.submit("other", waves(20))
    opened(scorer, pool, 6)
    assert scorer.batches == [[0], [1, 10], [20, 2], [3, 4]]


def test_only_equal_lengths_share_a_batch():
    scorer, pool = held(max_batch=4)
    pool.submit("a", [*waves(1, length=5), *waves(2, length=7)])
    pool.submit("b", waves(3, 4, length=5))
    opened(scorer, pool, 4)
    assert [sorted(batch) for batch in scorer.batches] == [[0], [1, 3, 4], [2]]


def test_live_windows_go_first_but_files_do_not_starve():
    scorer, pool = held(max_batch=1)
    pool.submit("file", waves(100, 101))
    pool.submit("call", waves(*range(1, 8)), live=True)
    opened(scorer, pool, 9)
    order = [number for batch in scorer.batches for number in batch][1:]
    assert order == [1, 2, 3, 100, 4, 5, 6, 101, 7]


def test_a_failing_scorer_fails_those_who_asked_and_nobody_else():
    def rule(wave: Wave) -> float:
        if wave[0] < 0:
            raise ValueError("no")
        return float(wave[0])

    pool = Pool(FakeScorer(rule), workers=2, max_batch=1)
    bad, good = pool.submit("a", waves(1, -1, -1, 2)), pool.submit("b", waves(3))
    with pytest.raises(ValueError, match="no"):
        bad.result(10)
    assert good.result(10).tolist() == [3.0]
    assert pool.submit("a", waves(4)).result(10).tolist() == [4.0]
    pool.close()


def test_what_nobody_waits_for_is_not_scored():
    scorer, pool = held(max_batch=1)
    unwanted: Future[Wave] = pool.submit("gone", waves(7, 8))
    kept = pool.submit("here", waves(9))
    assert unwanted.cancel()
    opened(scorer, pool, 3)
    assert kept.result(10).tolist() == [9.0]
    assert scorer.batches == [[0], [9]]


def test_a_closed_pool_finishes_and_takes_no_more():
    scorer, pool = held(max_batch=1)
    last = pool.submit("a", waves(5))
    with ThreadPoolExecutor(1) as other:
        closing = other.submit(pool.close)
        scorer.gate.set()
        closing.result(10)
    assert last.result(0).tolist() == [5.0]
    assert pool.submit("a", []).result(0).tolist() == []
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit("a", waves(1))


def test_the_cost_is_measured_on_windows_of_the_lengths_asked():
    scorer = FakeScorer()
    assert cost(scorer, [800, 400], repeats=2) > 0
    assert scorer.shapes == [(1, 800), (1, 400)] * 3
