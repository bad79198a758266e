"""A whole countermeasure: front-end, projection, encoder, pooling, two logits."""

import sys
from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import FrameNorm, alone, frame_mask, inferring
from fakemamba.models.precision import exact, round_weights, widened
from fakemamba.models.windows import PIECE, over_windows
from fakemamba.models.xlsr import XLSR

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

    def narrow(self) -> None:
        """Get ready to answer under `precision.products("bf16", ...)` and never again otherwise, in half the memory."""
        if isinstance(self.frontend, XLSR):  # nearly all there is; what it computes exactly keeps its weights
            for part in (self.frontend.feature_extractor, self.frontend.encoder):
                round_weights(part)


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
        return self._pool(*self.encoder(self._project(features, frames), frames))

    def judge_features(self, features: Tensor, frames: Tensor | None = None) -> Tensor:
        """Front-end features (B, T, C) -> logits (B, 2)."""
        logits: Tensor = exact(self.head, self.embed_features(features, frames))
        return logits

    def encode(self, waves: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, N), lengths (B,) or None -> what is pooled: (B, T', D'), frame counts (B,) if lengths were given."""
        if lengths is not None and self._in_windows(waves):
            rows = [self.encode(wave)[0][0] for wave in alone(waves, lengths)]
            counts = torch.tensor([len(row) for row in rows], device=waves.device)
            return nn.utils.rnn.pad_sequence(rows, batch_first=True), counts
        encoded: tuple[Tensor, Tensor | None] = self.encoder(*self._front(waves, lengths))
        return encoded

    def embed(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> embeddings (B, D).

        In evaluation without gradients clips of more than XLS-R's span go through in windows, each for itself.
        """
        if lengths is not None and self._in_windows(waves):
            return torch.cat([self.embed(wave) for wave in alone(waves, lengths)])
        return self._pool(*self.encode(waves, lengths))

    def _pool(self, x: Tensor, frames: Tensor | None) -> Tensor:
        """(B, T', D') -> (B, D'')."""
        pooled: Tensor = exact(self.pool, x, frames)
        return pooled

    def _project(self, features: Tensor, frames: Tensor | None) -> Tensor:
        """(B, T, C) -> (B, T, D)."""
        x = widened(self.project(features))
        return F.selu(self.norm(x[..., None], frame_mask(frames, x.shape[1]))[..., 0])

    def _front(self, waves: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, N) -> the encoder's input (B, T, D), frame counts.

        A clip of more than a piece goes through in windows, be it one: convolved at once, a minute takes gigabytes. Of
        each frame D numbers are kept, not C.
        """
        if lengths is not None or not self._in_windows(waves, PIECE):
            features, frames = self.frontend(waves, lengths)
            return self._project(features, frames), frames
        assert isinstance(self.frontend, XLSR)
        x, first = waves.new_empty(waves.shape[0], self.frontend.frames(waves.shape[1]), self.project.out_features), 0
        for features in over_windows(self.frontend, waves):
            x[:, first : first + features.shape[1]] = self._project(features, None)
            first += features.shape[1]
        return x, None

    def _in_windows(self, waves: Tensor, most: int = sys.maxsize) -> bool:
        """Whether these are more frames than XLS-R's span, or than `most`, and nothing forbids windows."""
        front = self.frontend
        return isinstance(front, XLSR) and inferring(self) and front.frames(waves.shape[1]) > min(front.span, most)

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) -> logits (B, 2): spoof, bona fide."""
        logits: Tensor = exact(self.head, self.embed(waves, lengths))
        return logits
