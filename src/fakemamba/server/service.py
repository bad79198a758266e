"""Everything that one server holds while it runs, made once at its start."""

import asyncio
import contextlib
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from fakemamba.audio import SAMPLE_RATE
from fakemamba.detect import Detector
from fakemamba.server.config import ServerConfig
from fakemamba.server.judge import Judge
from fakemamba.server.keys import Keys
from fakemamba.server.limits import Limits
from fakemamba.server.metrics import Metrics
from fakemamba.server.pool import Pool, cost
from fakemamba.stream import StreamConfig

logger = logging.getLogger(__name__)

_HEADROOM = 0.85  # of the cores' time; the rest is decoding, sockets and bursts


class Interruptible(Protocol):
    """An open stream."""

    def interrupt(self) -> None: ...


@dataclass
class Service:
    """The parts of a running server; see `build`.

    Attributes:
        live_threads: resample and window what the streams send.
        talks: the open streams, to be told of a shutdown.
    """

    config: ServerConfig
    detector: Detector
    keys: Keys
    pool: Pool
    judge: Judge
    limits: Limits
    metrics: Metrics
    live_threads: ThreadPoolExecutor
    talks: "set[Interruptible]" = field(default_factory=set)

    @property
    def draining(self) -> bool:
        """Whether the server shuts down and takes nothing new."""
        return self.limits.draining

    def drain(self) -> None:
        """Take nothing new; open streams are told to end."""
        self.limits.draining = True
        for talk in list(self.talks):
            talk.interrupt()

    async def streams_ended(self) -> None:
        """Wait until the open streams have said their last, for as long as a shutdown may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.shutdown_timeout):
                while self.limits.streams:
                    await asyncio.sleep(0.05)

    def close(self) -> None:
        """Finish what was accepted and end the threads."""
        self.judge.close()
        self.live_threads.shutdown()
        self.pool.close()


def build(config: ServerConfig, detector: Detector, keys: Keys) -> Service:
    """Start the pool and measure what it carries."""
    workers = config.threads or os.cpu_count() or 1
    hop = StreamConfig()
    seconds = cost(detector.scorer, [detector.scorer.window, round(hop.near * SAMPLE_RATE)])  # the windows of one hop
    streams = config.max_streams or max(1, int(_HEADROOM * workers * hop.hop / seconds))
    limits = Limits(config, streams)
    metrics = Metrics(
        {
            "requests_active": ("Recordings accepted and not yet answered.", lambda: limits.requests),
            "streams_active": ("Live streams that are open.", lambda: limits.streams),
            "streams_max": ("Live streams that are taken at once.", lambda: limits.max_streams),
            "upload_bytes_held": ("Bytes of uploads in memory.", lambda: limits.memory.held),
            "windows_queued": ("Windows that wait for the model.", lambda: pool.queued),
        }
    )
    pool = Pool(
        detector.scorer, workers=workers, max_batch=config.max_batch, wait=config.batch_wait, observe=metrics.scored
    )
    logger.info(
        "ready", extra={"fields": {"workers": workers, "hop_ms": round(seconds * 1e3, 2), "max_streams": streams}}
    )
    live = ThreadPoolExecutor(workers, thread_name_prefix="live")
    return Service(config, detector, keys, pool, Judge(detector, pool, config), limits, metrics, live)
