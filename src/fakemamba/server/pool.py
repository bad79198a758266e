"""The one place where models run: windows of all requests and streams, batched, fair between clients.

    submit(client, windows) ──> lanes ──> batch of equally long windows ──> worker threads ──> Future of scores
                                 live:   client a ▪▪   client b ▪            (one a core; the scorer
                                 files:  client c ▪▪▪▪▪▪▪▪   client d ▪      releases Python's lock)

Live windows go first, but every fourth batch belongs to the files where any wait. Within a lane the clients take
turns window by window, so that an hour-long recording delays another client's clip by one batch, not by an hour.
The queue has no bound of its own: whoever submits was admitted, with a bounded number of windows, by `limits`.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from fakemamba.errors import CheckpointError
from fakemamba.scorer import FloatArray, Scorer

_FILES_TURN = 4  # every fourth batch, at least, goes to the files

Observer = Callable[[int, float], None]


@dataclass(eq=False)
class _Ticket:
    """One `submit`: the scores as they come, and who waits for them."""

    future: "Future[FloatArray]"
    scores: FloatArray
    left: int


@dataclass(frozen=True, eq=False)
class _Item:
    ticket: _Ticket
    index: int
    wave: FloatArray


@dataclass
class _Lane:
    """Clients in the order of their turns, each with its windows in order."""

    clients: "OrderedDict[Hashable, deque[_Item]]" = field(default_factory=OrderedDict)

    def put(self, client: Hashable, item: _Item) -> None:
        self.clients.setdefault(client, deque()).append(item)

    def take(self, most: int) -> list[_Item]:
        """Up to `most` windows, of the length of the first, one of each client in turn."""
        batch: list[_Item] = []
        passed: set[Hashable] = set()  # clients whose next window has another length
        while len(batch) < most and len(passed) < len(self.clients):
            client, items = next(iter(self.clients.items()))
            self.clients.move_to_end(client)
            if batch and len(items[0].wave) != len(batch[0].wave):
                passed.add(client)
                continue
            batch.append(items.popleft())
            if not items:
                del self.clients[client]
        return batch


class Pool:
    """Runs a scorer in worker threads.

    Args:
        scorer: safe to call from several threads at once.
        workers: threads; one a core if the scorer uses one thread a call.
        max_batch: windows scored at once.
        wait: seconds that an unfilled batch waits for more.
        observe: called after each batch with its size and its seconds, from a worker thread.
    """

    def __init__(
        self, scorer: Scorer, *, workers: int, max_batch: int, wait: float = 0.0, observe: Observer | None = None
    ) -> None:
        self.scorer = scorer
        self._max_batch, self._wait, self._observe = max_batch, wait, observe
        self._lanes = {True: _Lane(), False: _Lane()}  # live or not
        self._changed = threading.Condition()
        self._queued = self._live_batches = 0
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name=f"score-{k}", daemon=True) for k in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def queued(self) -> int:
        """Windows that wait for a worker."""
        return self._queued

    @property
    def workers(self) -> int:
        return len(self._threads)

    def submit(
        self, client: Hashable, windows: FloatArray | Sequence[FloatArray], *, live: bool = False
    ) -> "Future[FloatArray]":
        """Queue B windows, of one length or several; the future gives (B,) scores, or raises what the scorer raised.

        A cancelled future's windows are dropped unscored. Raises RuntimeError after `close`.
        """
        future: Future[FloatArray] = Future()
        if len(windows) == 0:
            future.set_result(np.zeros(0, np.float32))
            return future
        ticket = _Ticket(future, np.zeros(len(windows), np.float32), len(windows))
        with self._changed:
            if self._closed:
                raise RuntimeError("the pool is closed")
            for index, wave in enumerate(windows):
                self._lanes[live].put(client, _Item(ticket, index, wave))
            self._queued += len(windows)
            self._changed.notify(len(windows))
        return future

    def close(self) -> None:
        """Finish what is queued and end the workers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._next():
            batch = [item for item in batch if not item.ticket.future.cancelled()]
            if batch:
                self._score(batch)

    def _next(self) -> list[_Item]:
        """The next batch; empty only when the pool is closed and nothing is left."""
        with self._changed:
            while not self._queued:
                if self._closed:
                    return []
                self._changed.wait()
            if self._queued < self._max_batch and self._wait and not self._closed:
                self._changed.wait_for(lambda: self._queued >= self._max_batch or self._closed, self._wait)
                if not self._queued:  # another worker was quicker
                    return self._next()
            batch = self._lanes[self._whose_turn()].take(self._max_batch)
            self._queued -= len(batch)
            return batch

    def _whose_turn(self) -> bool:
        live, files = self._lanes[True].clients, self._lanes[False].clients
        turn = bool(live) and not (files and self._live_batches >= _FILES_TURN - 1)
        self._live_batches = self._live_batches + 1 if turn else 0
        return turn

    def _score(self, batch: list[_Item]) -> None:
        begin = time.perf_counter()
        try:
            scores = self.scorer.score(np.stack([item.wave for item in batch]))
            if len(scores) != len(batch):
                raise CheckpointError(f"the scorer gave {len(scores)} scores for {len(batch)} windows")
        except Exception as error:  # noqa: BLE001 - raised again where the scores are awaited
            self._fail(batch, error)
            return
        if self._observe is not None:
            self._observe(len(batch), time.perf_counter() - begin)
        self._settle(batch, scores)

    def _settle(self, batch: list[_Item], scores: FloatArray) -> None:
        with self._changed:  # two workers may end windows of one ticket at once
            for item, score in zip(batch, scores, strict=True):
                item.ticket.scores[item.index] = score
                item.ticket.left -= 1
            done = [item.ticket for item in batch if item.ticket.left == 0]
        for ticket in dict.fromkeys(done):
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_result(ticket.scores)

    def _fail(self, batch: list[_Item], error: Exception) -> None:
        with self._changed:  # once: other windows of the ticket may fail, or have failed, elsewhere
            for ticket in dict.fromkeys(item.ticket for item in batch):
                ticket.left = -len(ticket.scores) - 1  # never reaches 0 again
                if not ticket.future.done():
                    ticket.future.set_exception(error)


def cost(scorer: Scorer, lengths: Sequence[int], repeats: int = 5) -> float:
    """Seconds that windows of `lengths` samples take together on one thread: the best of some runs after a warm-up."""
    waves = [np.zeros((1, length), np.float32) for length in lengths]
    best = float("inf")
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        for wave in waves:
            scorer.score(wave)
        best = min(best, time.perf_counter() - begin)
    return best
