"""Compiled loops on several threads: one of them is the caller's, who would only wait."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

# Below this much work (states, or what costs about as much) handing it to threads costs more than it saves.
WORTH_THREADS = 100_000


def run(
    kernel: Callable[..., None], tasks: int, work: int, settings: tuple[int, ...], tensors: tuple[Tensor, ...]
) -> None:
    """Call kernel(first, last, *settings, *arrays) over ranges of `tasks`, on `torch.get_num_threads()` threads."""
    arrays = [array(t) for t in tensors]
    threads = min(torch.get_num_threads(), tasks) if work >= WORTH_THREADS else 1
    if threads <= 1:
        kernel(0, tasks, *settings, *arrays)
        return
    pool = _pool(threads - 1, os.getpid())
    edges = [tasks * i // threads for i in range(threads + 1)]
    others = [pool.submit(kernel, edges[i], edges[i + 1], *settings, *arrays) for i in range(1, threads)]
    try:
        kernel(0, edges[1], *settings, *arrays)
    finally:
        for other in others:
            other.result()


def array(t: Tensor) -> Any:
    """A contiguous tensor's memory for the loops, which know bfloat16 as uint16."""
    t = t.detach()
    return (t.view(torch.uint16) if t.dtype == torch.bfloat16 else t).numpy()


@lru_cache(maxsize=2)
def _pool(threads: int, pid: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a forked child needs its own threads
    return ThreadPoolExecutor(threads, thread_name_prefix="fakemamba-scan")
