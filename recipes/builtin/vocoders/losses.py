"""What the small vocoders learn from: spectra at several resolutions, and networks that judge their copies."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipes.builtin.vocoders.blocks import LogMel, spectrum

RESOLUTIONS = ((256, 64), (512, 128), (1024, 256))


class SpectralLoss(nn.Module):
    """Log-mel and log-magnitude distances (Parallel WaveGAN's, and HiFi-GAN's mel term)."""

    def __init__(self) -> None:
        super().__init__()
        self.mels = nn.ModuleList(LogMel(fft, hop, 40 if fft < 1024 else 80) for fft, hop in RESOLUTIONS)

    def forward(self, made: Tensor, wave: Tensor) -> Tensor:
        total = made.new_zeros(())
        for mel, (fft, hop) in zip(self.mels, RESOLUTIONS, strict=True):
            a, b = (spectrum(x, fft, hop, mel.window).abs().clamp_min(1e-5) for x in (made, wave))
            converge = (a - b).norm() / b.norm().clamp_min(1e-3)
            total = total + F.l1_loss(mel(made), mel(wave)) + 0.3 * F.l1_loss(a.log(), b.log()) + 0.5 * converge
        return total / len(RESOLUTIONS)


class Judge(nn.Module):
    """A small 2-D network over one complex spectrum; returns its maps, the last of which is the verdict."""

    window: Tensor

    def __init__(self, fft: int, hop: int, width: int = 12) -> None:
        super().__init__()
        self.fft, self.hop = fft, hop
        self.register_buffer("window", torch.hann_window(fft), persistent=False)
        sizes = ((2, width, (1, 2)), (width, 2 * width, (2, 2)), (2 * width, 2 * width, (2, 2)))
        self.layers = nn.ModuleList(nn.Conv2d(a, b, (3, 7), stride, (1, 3)) for a, b, stride in sizes)
        self.verdict = nn.Conv2d(2 * width, 1, 3, padding=1)

    def forward(self, wave: Tensor) -> list[Tensor]:
        parts = spectrum(wave, self.fft, self.hop, self.window)
        parts = parts / (parts.abs() + 1e-3) ** 0.5
        x = torch.stack([parts.real, parts.imag], dim=1).transpose(2, 3)  # (B, 2, T, F)
        maps = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            maps.append(x)
        return [*maps, self.verdict(x)]


class Judges(nn.Module):
    """One judge a resolution; least squares, as in LSGAN."""

    def __init__(self) -> None:
        super().__init__()
        self.judges = nn.ModuleList(Judge(fft, hop) for fft, hop in RESOLUTIONS)

    def learn(self, made: Tensor, wave: Tensor) -> Tensor:
        """The loss of the judges themselves."""
        losses = [(j(wave)[-1].float() - 1).square().mean() + j(made)[-1].float().square().mean() for j in self.judges]
        return torch.stack(losses).mean()

    def please(self, made: Tensor, wave: Tensor) -> Tensor:
        """The loss of a vocoder that wants to pass: verdicts, and maps like those of the recording."""
        total = made.new_zeros(())
        for judge in self.judges:
            with torch.no_grad():
                aims = judge(wave)[:-1]
            *maps, verdict = judge(made)
            match = sum(F.l1_loss(m.float(), a.float()) for m, a in zip(maps, aims, strict=True))
            total = total + (verdict.float() - 1).square().mean() + 2.0 * match
        return total / len(self.judges)
