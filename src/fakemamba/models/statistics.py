"""A countermeasure without an encoder: statistics of a clip, brought to one scale and length, judged by few weights."""

from collections.abc import Mapping, Sequence

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


class Facets(nn.Module):
    """Several front-ends side by side: each hears the same waves, and says what it says in one vector.

    Args:
        parts: waves (B, N), lengths -> statistics (B, K); each has out_width, shortest, frames().
    """

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.widths = tuple(_number(part, "out_width") for part in self.parts.values())
        self.out_width = sum(self.widths)
        self.shortest = max(_number(part, "shortest") for part in self.parts.values())

    def frames(self, samples: int) -> int:
        """How many frames the first of them gives for a clip of so many samples."""
        first: int = next(iter(self.parts.values())).frames(samples)  # type: ignore[operator]
        return first

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> (B, out_width)."""
        return torch.cat([part(waves, lengths) for part in self.parts.values()], dim=1)


def _number(part: nn.Module, name: str) -> int:
    return int(getattr(part, name))


class Judge(nn.Module):
    """Statistics of one kind -> Standardise -> two logits: a plane through all of them, and a small correction to it.

    The plane alone carries over best to what was never heard; two small hidden layers correct it where sources differ.

    Args:
        inputs: statistics.
        width: of the hidden layers.
        dropout: of the statistics and of the hidden layers, in training.
    """

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = Standardise(inputs)
        self.dropout = nn.Dropout(dropout)
        self.plane = nn.Linear(inputs, 2)
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        self.head = nn.Linear(width, 2)
        for layer in (self.plane, self.head):  # begins undecided
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs) -> logits (B, 2) and the last hidden layer (B, width)."""
        x = self.dropout(self.norm(x))
        hidden = self.dropout(F.silu(self.first(x)))
        hidden = self.dropout(F.silu(self.second(hidden)))
        return exact(self.plane, x) + exact(self.head, hidden), hidden


class StatisticsSystem(System):
    """waveform -> statistics of one or more kinds -> a judge of each kind; their logits are added.

    Kinds that fail on different fakes and in different noise say more in a sum than in one vector: within that the
    longest kind would drown the others.

    Args:
        frontend: waves (B, N), lengths -> statistics (B, K); has out_width, shortest, frames(), and widths where they
            are of several kinds.
        width: of each judge's hidden layers.
        dropout: of the statistics and of the hidden layers, in training.
        score: as of `System`.
    """

    def __init__(
        self, frontend: nn.Module, *, width: int, dropout: float = 0.0,
        score: ScoreKind = "logit_difference",
    ) -> None:  # fmt: skip
        super().__init__(frontend, score)
        self.widths: tuple[int, ...] = getattr(frontend, "widths", (_number(frontend, "out_width"),))
        self.judges = nn.ModuleList(Judge(inputs, width, dropout) for inputs in self.widths)

    def _judged(self, waves: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        with torch.autocast(waves.device.type, enabled=False), torch.no_grad():
            found: Tensor = self.frontend(waves.float(), lengths)
        kinds = torch.split(found, list(self.widths), dim=1)
        pairs = [judge(kind) for judge, kind in zip(self.judges, kinds, strict=True)]
        return torch.stack([logits for logits, _ in pairs]).sum(dim=0), torch.cat([h for _, h in pairs], dim=1)

    def embed(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> the last hidden layers (B, judges x width)."""
        return self._judged(waves, lengths)[1]

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> logits (B, 2): spoof, bona fide."""
        return self._judged(waves, lengths)[0]


def joined(members: Sequence[Judge]) -> Judge:
    """One judge whose logits are the mean of the members': their hidden layers side by side.

    The members must share their `norm`, as trainings on the same statistics do.
    """
    first = members[0]
    for other in members:
        assert torch.equal(first.norm.mean, other.norm.mean)
        assert torch.equal(first.norm.square, other.norm.square)
    width, count = first.second.out_features, len(members)
    whole = Judge(first.plane.in_features, width * count, first.dropout.p)
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
