"""A whole countermeasure: front-end, projection, encoder, pooling, two logits."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import FrameNorm, frame_mask

BONAFIDE = 1  # the class whose logit is the score
ScoreKind = Literal["bonafide_logit", "logit_difference", "cosine"]


class System(nn.Module, ABC):
    """What every countermeasure is from outside: waves in, two logits out.

    Args:
        frontend: waves (B, N), lengths -> its features; has out_width, shortest, frames().
        score: the genuine logit, as the published systems score, its lead over the other one, or a cosine.
    """

    def __init__(self, frontend: nn.Module, score: ScoreKind) -> None:
        super().__init__()
        self.frontend = frontend
        self.score_kind = score

    @abstractmethod
    def embed(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> embeddings (B, D)."""

    @abstractmethod
    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> logits (B, 2): spoof, bona fide."""

    def score(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> raw scores (B,), higher = more genuine."""
        logits: Tensor = self(waves, lengths)
        if self.score_kind == "logit_difference":
            return logits[:, BONAFIDE] - logits[:, 1 - BONAFIDE]
        return logits[:, BONAFIDE]


class Cosine(nn.Linear):
    """(B, D) -> (B, 2): minus and plus the cosine of each embedding to the one trained centre (OC-Softmax's head)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(x, dim=-1), F.normalize(self.weight, dim=-1))
        return torch.cat([-cosine, cosine], dim=-1)


class EncodedSystem(System):
    """waveform -> front-end -> Linear -> BatchNorm over (B, 1, T, D) -> SELU -> encoder -> pooling -> Linear.

    Args:
        frontend: waves (B, N), lengths -> features (B, T, C), frame counts; has out_width, shortest, frames().
        encoder: (B, T, D), frame counts -> (B, T', D'), frame counts; has out_width.
        pool: (B, T', D'), frame counts -> (B, D''); has out_width.
        width: D.
        score: the genuine logit, as the published systems score, or its lead over the other one; "cosine" has a head
            of its own, whose genuine logit is the score.
    """

    def __init__(
        self, frontend: nn.Module, encoder: nn.Module, pool: nn.Module, *,
        width: int, score: ScoreKind = "bonafide_logit",
    ) -> None:  # fmt: skip
        super().__init__(frontend, score)
        self.project = nn.Linear(int(frontend.out_width), width)  # type: ignore[arg-type]
        self.norm = FrameNorm(1)
        self.encoder = encoder
        self.pool = pool
        embedding = int(pool.out_width)  # type: ignore[arg-type]
        self.head: nn.Module = Cosine(embedding) if score == "cosine" else nn.Linear(embedding, 2)

    def embed_features(self, features: Tensor, frames: Tensor | None = None) -> Tensor:
        """Front-end features (B, T, C) -> embeddings (B, D)."""
        x = self.project(features)
        x = F.selu(self.norm(x[..., None], frame_mask(frames, x.shape[1]))[..., 0])
        x, frames = self.encoder(x, frames)
        pooled: Tensor = self.pool(x, frames)
        return pooled

    def embed(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> embeddings (B, D)."""
        return self.embed_features(*self.frontend(waves, lengths))

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> logits (B, 2): spoof, bona fide."""
        logits: Tensor = self.head(self.embed(waves, lengths))
        return logits
