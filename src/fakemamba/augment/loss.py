"""Packets that never arrived, and edges that an editor touched."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from fakemamba.augment.effect import SAMPLE_RATE, FloatArray, between, draw_seed, log_between

FRAME = 320  # 20 ms
Concealment = Literal["drop", "hold"]
EdgeKind = Literal["mute", "fill"]


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


@dataclass(frozen=True)
class Edges:
    """Digital silence at the edges, made or removed, so that no model can live on it.

    Attributes:
        kind: "mute" writes zeros over `head` and `tail`; "fill" puts noise of `floor` dBFS where the
            edges are exact zeros.
        head, tail: seconds.
        floor: dBFS of the filling.
        seed: of the filling.
    """

    kind: EdgeKind
    head: float
    tail: float
    floor: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float = 1.0) -> Self:
        """Up to 0.4 s at each end."""
        kind: EdgeKind = "mute" if rng.random() < 0.5 else "fill"
        head, tail = (between(rng, 0.0, 0.4 * strength) for _ in range(2))
        return cls(kind=kind, head=head, tail=tail, floor=between(rng, -90.0, -60.0), seed=draw_seed(rng))

    def apply(self, wave: FloatArray) -> FloatArray:
        """(N,) -> (N,)."""
        if self.kind == "mute":
            return self._mute(wave)
        sounding = np.flatnonzero(wave)
        head, tail = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (len(wave), len(wave))
        noise = np.random.default_rng(self.seed).standard_normal(head + len(wave) - tail, dtype=np.float32)
        noise *= np.float32(10 ** (self.floor / 20))
        return np.concatenate((noise[:head], wave[head:tail], noise[head:]))

    def _mute(self, wave: FloatArray) -> FloatArray:
        """Never more than a quarter at each end: something must be left to judge."""
        out, quarter = wave.copy(), len(wave) // 4
        head, tail = (min(int(seconds * SAMPLE_RATE), quarter) for seconds in (self.head, self.tail))
        out[:head] = 0
        out[len(out) - tail :] = 0
        return out
