"""A countermeasure without an encoder: statistics of a clip, brought to one scale and length, judged by few weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.precision import exact
from fakemamba.models.system import ScoreKind, System

CLIP = 5.0  # standard deviations; a statistic further out says no more
LENGTH = 20.0  # of every vector of statistics: how far a clip is from the mean depends on its length, not on its origin
ENOUGH = 2048  # clips that means and spreads are taken from; then they stay


class Standardise(nn.Module):
    """Each feature by the mean and spread of the training clips, bounded; the whole vector to one length.

    In training, means and spreads are gathered from the first `ENOUGH` clips, and used from the first batch on.
    """

    mean: Tensor
    square: Tensor
    seen: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("square", torch.ones(width))  # the mean squared distance from the mean
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def gather(self, x: Tensor) -> None:
        """Take the clips (B, width) into the means and spreads."""
        count, mean, square = self.moments(x)
        old = self.seen.item()
        share = count / (old + count)
        shift = mean - self.mean
        kept = self.square if old else torch.zeros_like(self.square)
        self.square.copy_((1 - share) * kept + share * (square + (1 - share) * shift.square()))
        self.mean.add_(share * shift)
        self.seen.add_(count)

    def moments(self, x: Tensor) -> tuple[int, Tensor, Tensor]:
        """How many clips (B, width) there are, their mean and their mean squared distance from it, both (width,)."""
        return len(x), x.mean(dim=0), x.var(dim=0, correction=0)

    def settle(self) -> None:
        """Means and spreads are known: training changes them no more."""
        self.seen.clamp_(min=ENOUGH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width) -> (B, width) of length LENGTH."""
        if self.training and self.seen.item() < ENOUGH:
            self.gather(x)
        z = ((x - self.mean) / (self.square.sqrt() + 1e-4)).clamp(-CLIP, CLIP)
        return z * (LENGTH / (z.square().sum(dim=1, keepdim=True) + 1e-6).sqrt())


class StatisticsSystem(System):
    """waveform -> statistics -> Standardise -> two logits: a plane through all features, and a small correction to it.

    The plane alone carries over best to what was never heard; two small hidden layers correct it where sources differ.

    Args:
        frontend: waves (B, N), lengths -> statistics (B, K); has out_width, shortest, frames().
        width: of the hidden layers.
        dropout: of the statistics and of the hidden layers, in training.
        score: as of `System`.
    """

    def __init__(
        self, frontend: nn.Module, *, width: int, dropout: float = 0.0,
        score: ScoreKind = "logit_difference",
    ) -> None:  # fmt: skip
        super().__init__(frontend, score)
        inputs = int(frontend.out_width)  # type: ignore[arg-type]
        self.norm = Standardise(inputs)
        self.dropout = nn.Dropout(dropout)
        self.plane = nn.Linear(inputs, 2)
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        self.head = nn.Linear(width, 2)
        for layer in (self.plane, self.head):  # begins undecided
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def _statistics(self, waves: Tensor, lengths: Tensor | None) -> Tensor:
        with torch.autocast(waves.device.type, enabled=False), torch.no_grad():
            found: Tensor = self.frontend(waves.float(), lengths)
        standard: Tensor = self.norm(found)
        return standard

    def _hidden(self, x: Tensor) -> Tensor:
        x = self.dropout(F.silu(self.first(x)))
        hidden: Tensor = self.dropout(F.silu(self.second(x)))
        return hidden

    def embed(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> the last hidden layer (B, width)."""
        return self._hidden(self.dropout(self._statistics(waves, lengths)))

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> logits (B, 2): spoof, bona fide."""
        x = self.dropout(self._statistics(waves, lengths))
        logits: Tensor = exact(self.plane, x) + exact(self.head, self._hidden(x))
        return logits


def joined(members: Sequence[StatisticsSystem]) -> StatisticsSystem:
    """One system whose logits are the mean of the members': their hidden layers side by side.

    The members must share their `norm`, as trainings on the same statistics do.
    """
    first = members[0]
    for other in members:
        assert torch.equal(first.norm.mean, other.norm.mean)
        assert torch.equal(first.norm.square, other.norm.square)
    width, count = first.second.out_features, len(members)
    whole = StatisticsSystem(first.frontend, width=width * count, dropout=first.dropout.p, score=first.score_kind)
    whole.norm.load_state_dict(first.norm.state_dict())
    with torch.no_grad():
        whole.second.weight.zero_()
        for layer in (whole.plane, whole.head):
            layer.bias.zero_()
        for number, member in enumerate(members):
            part = slice(number * width, (number + 1) * width)
            whole.first.weight[part], whole.first.bias[part] = member.first.weight, member.first.bias
            whole.second.weight[part, part], whole.second.bias[part] = member.second.weight, member.second.bias
            whole.head.weight[:, part] = member.head.weight / count
            whole.head.bias.add_(member.head.bias / count)
            whole.plane.weight.add_(member.plane.weight / count)
            whole.plane.bias.add_(member.plane.bias / count)
    return whole.eval()
