"""Four kinds of small vocoder at 16 kHz, all wave -> wave: what they lose on the way is their trace."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.builtin.manifest import RATE
from recipes.builtin.vocoders.blocks import Backbone, Head, LogMel, spectrum


class Istft(nn.Module):
    """Mel -> ConvNeXt at frame rate -> spectrum -> wave (the idea of Vocos, arXiv 2306.00814)."""

    def __init__(self, *, fft: int, hop: int, bands: int, width: int, depth: int, polar: bool) -> None:
        super().__init__()
        self.mel = LogMel(fft, hop, bands)
        self.body = Backbone(bands, width, depth)
        self.head = Head(width, fft, hop, polar=polar)

    def forward(self, wave: Tensor) -> Tensor:
        return self.head(self.body(self.mel(wave)), wave.shape[1])  # type: ignore[no-any-return]


class Residual(nn.Module):
    """Dilated convolutions at one time scale, with a leaky or a periodic activation."""

    def __init__(self, width: int, *, snake: bool) -> None:
        super().__init__()
        self.snake = snake
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in (1, 3, 9))
        self.pitch = nn.Parameter(torch.ones(3, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer, pitch in zip(self.layers, self.pitch, strict=True):
            inner = x + torch.sin(pitch * x) ** 2 / (pitch.abs() + 1e-3) if self.snake else F.leaky_relu(x, 0.1)
            x = x + layer(inner)
        return x


class Upsampler(nn.Module):
    """Mel -> wave by steps of upsampling (MelGAN, HiFi-GAN; with `snake` BigVGAN's activation)."""

    def __init__(self, *, fft: int, strides: tuple[int, ...], bands: int, width: int,
                 grow: Literal["transpose", "nearest", "linear"], snake: bool) -> None:  # fmt: skip
        super().__init__()
        hop = int(torch.tensor(strides).prod())
        self.hop, self.grow = hop, grow
        self.mel = LogMel(fft, hop, bands)
        self.enter = nn.Conv1d(bands, width, 7, padding=3)
        self.ups, self.rests, self.strides = nn.ModuleList(), nn.ModuleList(), strides
        for stride in strides:
            if grow == "transpose":
                pad = (stride + 1) // 2
                up: nn.Module = nn.ConvTranspose1d(
                    width, width // 2, 2 * stride, stride, pad, output_padding=stride % 2
                )
            else:
                up = nn.Conv1d(width, width // 2, 2 * stride + 1, padding=stride)
            width //= 2
            self.ups.append(up)
            self.rests.append(Residual(width, snake=snake))
        self.leave = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, wave: Tensor) -> Tensor:
        x = self.enter(self.mel(wave))
        for up, rest, stride in zip(self.ups, self.rests, self.strides, strict=True):
            x = F.leaky_relu(x, 0.1)
            if self.grow != "transpose":
                x = F.interpolate(x, scale_factor=stride, mode=self.grow)
            x = rest(up(x))
        made = torch.tanh(self.leave(F.leaky_relu(x, 0.1))).squeeze(1).float()
        return made[:, : wave.shape[1]]


class Codec(nn.Module):
    """Mel -> frames -> a few numbers of a few levels -> spectrum: a codec with finite scalar quantisation.

    (arXiv 2309.15505.) A book is four numbers of seven levels, 11 bits a frame; later books refine, so that any number
    of them can be kept.
    """

    inner, levels = 4, 7

    def __init__(self, *, fft: int, hop: int, bands: int, width: int, depth: int, books: int) -> None:
        super().__init__()
        self.count = books
        self.mel = LogMel(fft, hop, bands)
        self.enter = Backbone(bands, width, depth // 2)
        self.down = nn.Linear(width, self.inner * books)
        self.leave = Backbone(self.inner * books, width, depth)
        self.head = Head(width, fft, hop, polar=True)

    def forward(self, wave: Tensor, books: int | None = None) -> Tensor:
        fine = torch.tanh(self.down(self.enter(self.mel(wave))).float())
        half = (self.levels - 1) / 2
        coarse = fine + (torch.round(fine * half) / half - fine).detach()  # gradients go straight through
        kept = torch.arange(coarse.shape[-1]) < self.inner * (books or self.count)
        return self.head(self.leave((coarse * kept).transpose(1, 2)), wave.shape[1])  # type: ignore[no-any-return]


class SourceFilter(nn.Module):
    """A pulse train and noise, both shaped by filters that a network reads off the mel (as in NSF and DDSP)."""

    window: Tensor

    def __init__(self, *, fft: int, hop: int, bands: int, width: int, depth: int) -> None:
        super().__init__()
        self.fft, self.hop = fft, hop
        self.mel = LogMel(fft, hop, bands)
        self.body = Backbone(bands + 2, width, depth)
        self.out = nn.Linear(width, 3 * (fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(fft), persistent=False)

    def forward(self, wave: Tensor, pitch: Tensor) -> Tensor:
        """Pitch (B, N // hop + 1) in Hz, 0 where unvoiced."""
        length = wave.shape[1]
        tone = pitch.clamp_min(1.0).log().unsqueeze(1) - 5.0
        frames = self.body(
            torch.cat([self.mel(wave), tone * (pitch > 0).unsqueeze(1), (pitch > 0).unsqueeze(1)], dim=1)
        )
        voiced, turn, breath = self.out(frames).float().transpose(1, 2).chunk(3, dim=1)
        pulses = spectrum(pulse_train(pitch, length), self.fft, self.hop, self.window)
        noise = spectrum(torch.randn_like(wave), self.fft, self.hop, self.window)
        made = pulses * torch.polar(voiced.clamp(max=5).exp(), turn) + noise * (breath - 4).clamp(max=5).exp()
        return torch.istft(made, self.fft, self.hop, window=self.window, length=length)


def pulse_train(pitch: Tensor, length: int) -> Tensor:
    """All harmonics below 7.6 kHz at equal strength, by the closed form of a sum of cosines. (B, T) -> (B, length)."""
    hz = F.interpolate(pitch.clamp_min(60.0).unsqueeze(1), size=length, mode="linear").squeeze(1)
    voiced = F.interpolate((pitch > 0).float().unsqueeze(1), size=length, mode="nearest").squeeze(1)
    phase = 2 * torch.pi * (torch.cumsum(hz.double() / RATE, dim=1) % 1.0)
    count = (7_600 / hz).floor()
    half = torch.sin(phase / 2)
    at_pulse = half.abs() < 1e-6
    total = torch.sin((count + 0.5) * phase) / (2 * torch.where(at_pulse, 1.0, half)) - 0.5
    total = torch.where(at_pulse, count, total)  # where every cosine is 1
    return (total / count.sqrt() * voiced).float()
