"""What the small vocoders share: log-mels in torch, ConvNeXt blocks, a spectrum turned into a wave."""

import torch
from torch import Tensor, nn

from recipes.builtin.manifest import RATE
from recipes.builtin.mel import filters


class LogMel(nn.Module):
    """Waves (B, N) at 16 kHz -> (B, bands, N // hop + 1), natural logarithm."""

    window: Tensor
    bank: Tensor

    def __init__(self, fft: int, hop: int, bands: int, high: float = 8_000.0) -> None:
        super().__init__()
        self.fft, self.hop = fft, hop
        self.register_buffer("window", torch.hann_window(fft), persistent=False)
        bank = torch.from_numpy(filters(RATE, fft, bands, 0.0, high)).float()
        self.register_buffer("bank", bank, persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        power = spectrum(wave.float(), self.fft, self.hop, self.window).abs()
        return (self.bank @ power).clamp_min(1e-5).log()


def spectrum(wave: Tensor, fft: int, hop: int, window: Tensor) -> Tensor:
    """(B, N) -> complex (B, fft // 2 + 1, N // hop + 1)."""
    return torch.stft(wave, fft, hop, window=window, return_complex=True)


class Block(nn.Module):
    """ConvNeXt in one dimension: a wide look per channel, then a mix of channels. (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, kernel: int = 7) -> None:
        super().__init__()
        self.look = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 0.2))

    def forward(self, x: Tensor) -> Tensor:
        seen: Tensor = self.look(x.transpose(1, 2)).transpose(1, 2)
        return x + self.scale * self.mix(self.norm(seen))


class Backbone(nn.Module):
    """(B, inputs, T) -> (B, T, width)."""

    def __init__(self, inputs: int, width: int, depth: int, kernel: int = 7) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, 7, padding=3)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width, kernel) for _ in range(depth)))
        self.leave = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.blocks(self.norm(self.enter(x).transpose(1, 2))))  # type: ignore[no-any-return]


class Head(nn.Module):
    """Frames (B, T, width) -> wave (B, length) by an inverse short-time Fourier transform."""

    window: Tensor

    def __init__(self, width: int, fft: int, hop: int, *, polar: bool) -> None:
        super().__init__()
        self.fft, self.hop, self.polar = fft, hop, polar
        self.out = nn.Linear(width, fft + 2)
        self.register_buffer("window", torch.hann_window(fft), persistent=False)

    def forward(self, frames: Tensor, length: int) -> Tensor:
        first, second = self.out(frames).float().transpose(1, 2).chunk(2, dim=1)
        made = torch.polar(first.clamp(max=6.0).exp(), second) if self.polar else torch.complex(first, second)
        return torch.istft(made, self.fft, self.hop, window=self.window, length=length)
