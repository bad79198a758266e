"""The compact front-end: a log-linear spectrum and a few 2-D convolutions.

A linear frequency axis keeps the upper half of the band, where vocoders leave most of their traces and
where a mel axis has few bins. The spectrum is computed by a strided convolution with the windowed Fourier
basis, so that torch and ONNX compute the same thing in the same order.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import MapNorm, blank, frame_mask
from fakemamba.models.precision import exact

FLOOR = 1e-6  # of the clip's mean power: what lies 60 dB below tells of the recorder, not of the voice
PRE_EMPHASIS = 0.97


def fourier_basis(size: int) -> Tensor:
    """(2 * (size // 2), 1, size) cosine and sine rows under a Hann window; without the Nyquist bin."""
    n = torch.arange(size, dtype=torch.float64, device="cpu")
    k = torch.arange(size // 2, dtype=torch.float64, device="cpu")[:, None]
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * n / size)
    phase = 2 * math.pi * k * n / size
    return torch.cat([phase.cos() * window, phase.sin() * window])[:, None].float()


class Stage(nn.Module):
    """Convolution 3 x 3, BatchNorm, SiLU; halves frequency, and time where `stride` says so."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=(stride, 2), padding=1, bias=False)
        self.norm = MapNorm(outputs)
        self.stride = stride

    def forward(self, x: Tensor, frames: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, C, T, F) -> (B, C', ceil(T / stride), F / 2); padded frames are zero before every convolution."""
        x = self.conv(x)
        if frames is None:
            return F.silu(self.norm(x)), None
        frames = (frames + self.stride - 1) // self.stride
        mask = frame_mask(frames, x.shape[2])
        return blank(F.silu(self.norm(x, mask)).transpose(1, 2), mask).transpose(1, 2), frames


class Spectrum(nn.Module):
    """Waveforms to features, one frame per `hop * prod(time_strides)` samples.

    Args:
        fft: samples in a frame of the spectrum.
        hop: samples between frames.
        channels: outputs of each convolution stage.
        time_strides: the factor by which each stage shortens time.
        dropout: on the features, in training.
        hide: in training, a band of up to so many bins is blanked in each clip (SpecAugment, arXiv 1904.08779).
    """

    def __init__(
        self,
        fft: int,
        hop: int,
        channels: tuple[int, ...],
        time_strides: tuple[int, ...],
        dropout: float = 0.0,
        hide: int = 0,
    ) -> None:
        super().__init__()
        self.fft, self.hop, self.time_strides, self.hide = fft, hop, time_strides, hide
        self.shortest = fft + hop * (math.prod(time_strides) * 4 - 1)
        self.basis = fourier_basis(fft)  # a constant, neither trained nor saved; no buffer, so that meta builds keep it
        widths = (2, *channels)
        self.stages = nn.ModuleList(Stage(a, b, s) for a, b, s in zip(widths, channels, time_strides, strict=False))
        self.dropout = nn.Dropout(dropout)
        self.out_width = channels[-1] * math.ceil(fft // 2 / 2 ** len(channels))

    def frames(self, samples: int) -> int:
        """How many feature frames a clip of so many samples gives."""
        count = (samples - self.fft) // self.hop + 1
        for stride in self.time_strides:
            count = -(-count // stride)
        return count

    def spectrum(self, waves: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, N) -> (B, 2, T, F): log power relative to the clip's mean, with and without each bin's own mean."""
        waves = F.pad(waves[:, 1:] - PRE_EMPHASIS * waves[:, :-1], (1, 0))
        cosine, sine = F.conv1d(waves[:, None], self.basis.to(waves), stride=self.hop).chunk(2, dim=1)
        power = (cosine.square() + sine.square()).transpose(1, 2)  # (B, T, F)
        if lengths is None:
            mean = power.mean(dim=(1, 2), keepdim=True)
            log = torch.log(power / (mean + 1e-10) + FLOOR)
            return torch.stack([log, log - log.mean(dim=1, keepdim=True)], dim=1) / 4, None
        frames = (lengths - self.fft) // self.hop + 1
        mask, count = frame_mask(frames, power.shape[1]), frames[:, None, None]
        mean = blank(power, mask).mean(dim=2, keepdim=True).sum(dim=1, keepdim=True) / count
        log = blank(torch.log(power / (mean + 1e-10) + FLOOR), mask)
        centred = blank(log - log.sum(dim=1, keepdim=True) / count, mask)
        return torch.stack([log, centred], dim=1) / 4, frames

    def _hidden(self, x: Tensor) -> Tensor:
        bins = torch.arange(x.shape[3], device=x.device)
        width = torch.randint(0, self.hide + 1, (len(x), 1), device=x.device)
        start = (torch.rand(len(x), 1, device=x.device) * (x.shape[3] - width)).long()
        shown = (bins < start) | (bins >= start + width)
        return x * shown[:, None, None]

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, N) float32 16 kHz -> features (B, T, out_width) and each clip's frame count (B,) or None."""
        x, frames = exact(self.spectrum, waves, lengths)
        if self.training and self.hide:
            x = self._hidden(x)
        for stage in self.stages:
            x, frames = stage(x, frames)
        return self.dropout(x.transpose(1, 2).flatten(2)), frames
