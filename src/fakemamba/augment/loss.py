"""Packets that never arrived."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from fakemamba.augment.effect import FloatArray, between, draw_seed, log_between

FRAME = 320  # 20 ms
Concealment = Literal["drop", "hold"]


@dataclass(frozen=True)
class PacketLoss:
    """Loses 20 ms packets in bursts (a two-state Markov chain, Gilbert 1960).

    Attributes:
        rate: share of packets lost in the long run.
        burst: mean number of packets lost in a row, >= 1.
        conceal: "drop" leaves zeros; "hold" repeats the last packet, 6 dB weaker each time.
        seed: of the losses.
    """

    rate: float
    burst: float
    conceal: Concealment
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """0.5 % up to 15 % lost at full strength."""
        conceal: Concealment = "drop" if rng.random() < 0.4 else "hold"
        rate = log_between(rng, 0.005, 0.005 + 0.145 * strength)
        return cls(rate=rate, burst=between(rng, 1.0, 3.0), conceal=conceal, seed=draw_seed(rng))

    def lost(self, packets: int) -> list[int]:
        """Which of the packets are lost, in order; the first one always arrives."""
        rng = np.random.default_rng(self.seed)
        stay = 1 - 1 / self.burst
        enter = self.rate / (self.burst * (1 - self.rate))
        chances = rng.random(packets)
        gone, bad = [], False
        for packet in range(1, packets):
            bad = bool(chances[packet] < (stay if bad else enter))
            if bad:
                gone.append(packet)
        return gone

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        out = wave.copy()
        for packet in self.lost(-(-len(wave) // FRAME)):
            here = out[packet * FRAME : (packet + 1) * FRAME]
            if self.conceal == "drop":
                here[:] = 0
            else:
                np.multiply(out[(packet - 1) * FRAME :][: len(here)], np.float32(0.5), out=here)
        return out
