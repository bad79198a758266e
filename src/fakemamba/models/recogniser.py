"""The statistics front-end of a speech recogniser: what the first layers of Whisper's encoder hear, as one vector.

Whisper (Radford et al., 2022, arXiv 2212.04356; weights under the MIT licence) was trained on speech from everywhere,
through telephones and in noise, to tell words. Its first layers keep much of how a voice sounds. They are used as they
are: nothing here is trained.

    wave -> log-mel spectrum -> two convolutions -> Transformer layers
         -> over loud and over quiet frames: mean, log spread · over all active ones: log spread of the change
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import blank, within
from fakemamba.models.measures import groups, half_basis, levelled, rows, spreads, transformed

FFT, HOP = 400, 160  # samples
MELS = 80
RANGE = 8.0  # of the log10 of the mel powers, below the clip's loudest
FLOOR = 1e-10  # of a mel power
SPREAD = 1e-4
FEWEST = 12  # frames of 20 ms


def mel_table() -> Tensor:
    """(201, 80) Slaney's mel bands at 0-8 kHz, each of one area."""
    break_hz, break_mel, octave = 1000.0, 15.0, math.log(6.4) / 27  # linear below, logarithmic above

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < break_mel else break_hz * math.exp((mel - break_mel) * octave)

    top = break_mel + math.log(8000 / break_hz) / octave
    corners = [hertz(top * k / (MELS + 1)) for k in range(MELS + 2)]
    table = torch.zeros(FFT // 2 + 1, MELS, dtype=torch.float64, device="cpu")
    places = torch.arange(FFT // 2 + 1, dtype=torch.float64, device="cpu") * 16_000 / FFT
    for band, (low, middle, high) in enumerate(zip(corners, corners[1:], corners[2:], strict=False)):
        rise, fall = (places - low) / (middle - low), (high - places) / (high - middle)
        table[:, band] = torch.minimum(rise, fall).clamp_min(0) * 2 / (high - low)
    return table.float()


class Layer(nn.Module):
    """A Transformer layer with its norms in front, as in Whisper: the keys have no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D), which frames may be heard (B, 1, 1, T) or None -> (B, T, D)."""
        shape = (*x.shape[:2], self.heads, -1)
        q, k, v = (part.reshape(shape).transpose(1, 2) for part in self.into(self.attention_norm(x)).chunk(3, dim=2))
        heard = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(heard.transpose(1, 2).flatten(2))
        further: Tensor = self.narrow(F.gelu(self.wide(self.norm(x))))
        return x + further


class Recogniser(nn.Module):
    """Waveforms to statistics of a recogniser's hidden frames.

    Args:
        layers: of the Transformer, from the first on.
        width: of these.
        heads: of their attention.
    """

    def __init__(self, layers: int = 1, width: int = 384, heads: int = 6) -> None:
        super().__init__()
        self.first = nn.Conv1d(MELS, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.requires_grad_(False)
        self.fourier, self.mels = half_basis(FFT, FFT // 2 + 1), mel_table()
        self.shortest = 2 * FEWEST * HOP
        self.out_width = 5 * width

    def frames(self, samples: int) -> int:
        """How many frames of 20 ms a clip of so many samples gives."""
        return (samples // HOP + 1) // 2

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> (B, out_width)."""
        padded = lengths is not None
        waves, lengths = levelled(waves, lengths)
        count = waves.shape[1] // HOP
        mask = within(lengths // HOP, count)
        mel, energy = self._mel(waves, count, mask)
        kept = mask if padded else None  # what lies outside must not leak in through the convolutions
        x = F.gelu(self.first(blank(mel, kept).transpose(1, 2)))
        x = F.gelu(self.second(blank(x.transpose(1, 2), kept).transpose(1, 2))).transpose(1, 2)
        x = x + self._places(x)
        inside = within((lengths // HOP + 1) // 2, x.shape[1])
        for layer in self.layers:
            x = layer(x, inside[:, None, None] if padded else None)
        return self._statistics(x, energy, inside.to(x.dtype))

    def _mel(self, waves: Tensor, count: int, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Whisper's log-mel frames (B, T, 80), and the log energy of every second one (B, T / 2)."""
        around = F.pad(waves, (FFT // 2, FFT // 2))
        real, imaginary = transformed(rows(around, FFT, HOP, count), self.fourier)
        mel = (real.square() + imaginary.square()) @ self.mels.to(real)
        log = torch.log(mel.clamp_min(FLOOR)) / math.log(10)
        loudest = torch.where(mask[..., None], log, torch.full_like(log, -20.0)).amax(dim=(1, 2), keepdim=True)
        log = (torch.maximum(log, loudest - RANGE) + 4) / 4
        return log, torch.log(mel.sum(dim=2).clamp_min(FLOOR))[:, ::2]

    def _places(self, x: Tensor) -> Tensor:
        """(T, D) sines and cosines of a frame's number."""
        half = x.shape[2] // 2
        rate = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half, device=x.device, dtype=x.dtype))
        angle = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)[:, None] * rate
        return torch.cat([angle.sin(), angle.cos()], dim=1)

    def _statistics(self, x: Tensor, energy: Tensor, inside: Tensor) -> Tensor:
        active, loud, quiet = groups(energy, inside)
        centre, spread = spreads(x, torch.stack([loud, quiet], dim=1))
        both = active[:, 1:] * active[:, :-1]
        _, change = spreads(x[:, 1:] - x[:, :-1], both[:, None])
        spread, change = torch.log(spread + SPREAD), torch.log(change + SPREAD)
        return torch.cat([centre[:, 0], spread[:, 0], centre[:, 1], spread[:, 1], change[:, 0]], dim=1)
