"""The statistics front-end: what a clip's cepstra do over time, as one vector.

A vocoder draws the fine structure of a spectrum (its harmonics, its noise) with other fluctuations than a voice and a
room do. No single frame shows it; means, spreads, skewness, kurtosis and the memory from frame to frame of every
cepstral coefficient do, and they carry over to synthesizers, speakers and texts that were never heard.

    wave -> log spectra of several resolutions -> cepstra of the whole band and of its quarters
         -> over loud and over quiet frames: mean, log spread · over all active ones: skewness, log kurtosis, memory
         -> steadiness of the phase over time and over frequency, and of the level
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fakemamba.models.masking import within
from fakemamba.models.measures import enough, groups, half_basis, levelled, means, rows, spreads, transformed

FLOOR = 1e-7  # of the power of a bin: digital silence looks like a very quiet room
SPREAD = 1e-4  # below it a spread is nothing
BAND = 15 / 16  # of the spectrum: the last 500 Hz tell of a resampler, not of a voice
PARTS = 4  # of the band, each with cepstra of its own
TABLED = 1024  # up to this size a table of the Fourier basis is as fast as a fast transform, and not yet large


def cosine_basis(size: int) -> Tensor:
    """(size, size) rows of the orthogonal cosine transform (DCT-II; the first row a factor sqrt(2) too large)."""
    place = (torch.arange(size, dtype=torch.float64, device="cpu") + 0.5) / size
    order = torch.arange(size, dtype=torch.float64, device="cpu")[:, None]
    return (torch.cos(math.pi * order * place) * math.sqrt(2 / size)).float()


def multiply(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """a times the conjugate of b, as real and imaginary parts."""
    return a[0] * b[0] + a[1] * b[1], a[1] * b[0] - a[0] * b[1]


class Cepstra(nn.Module):
    """Waveforms to statistics; nothing here is trained.

    Args:
        ffts: samples in a frame, by resolution, two or more; the second one also gives loudness and phase.
        hop: samples between frames.
    """

    def __init__(self, ffts: tuple[int, ...] = (256, 512, 1024), hop: int = 160) -> None:
        super().__init__()
        self.ffts, self.hop = ffts, hop
        self.main = ffts[1]
        self.bins = {n: int(n // 2 * BAND) // PARTS * PARTS for n in ffts}
        # Constants, neither trained nor saved; no buffers, so that meta builds keep them.
        self.fourier = {n: half_basis(n, self.bins[n]) for n in ffts if n <= TABLED}
        self.cosine = {k: cosine_basis(k) for n in self.bins.values() for k in (n, n // PARTS)}
        self.shortest = self.main + 25 * hop  # a quarter of a second
        bins = self.bins[self.main]
        self.out_width = 7 * 2 * sum(self.bins.values()) + 2 * (bins + bins - 2 + bins)

    def frames(self, samples: int) -> int:
        """How many frames a clip of so many samples gives."""
        return (samples - self.main) // self.hop

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> (B, out_width)."""
        waves, lengths = levelled(waves, lengths)
        inside = within((lengths - self.main) // self.hop, self.frames(waves.shape[1])).to(waves.dtype)
        spectra = {n: self._spectrum(waves, n) for n in self.ffts}
        logs = {n: torch.log((re.square() + im.square()) * (self.main / n) + FLOOR) for n, (re, im) in spectra.items()}
        active, loud, quiet = groups(torch.logsumexp(logs[self.main], dim=2), inside)
        found: list[Tensor] = []
        for log in logs.values():
            for cepstra in self._cepstra(log):
                found += self._moments(cepstra, active, loud, quiet)
        found += self._steadiness(*spectra[self.main], logs[self.main], loud, quiet, inside)
        return torch.cat(found, dim=1)

    def _spectrum(self, waves: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary parts (B, T, bins); frames of all resolutions have the same middles."""
        before = (n - self.main) // 2
        frames = self.frames(waves.shape[1])
        padded = F.pad(waves, (before, before)) if before >= 0 else waves[:, -before:]
        padded = padded[:, : (frames - 1) * self.hop + n]
        if n > TABLED:
            return self._transform(padded, n, frames)
        return transformed(rows(padded, n, self.hop, frames), self.fourier[n])

    def _transform(self, padded: Tensor, n: int, frames: int) -> tuple[Tensor, Tensor]:
        """The same by a fast transform (the sign of the imaginary part apart)."""
        place = torch.arange(n, device=padded.device)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * place / n)
        begin = self.hop * torch.arange(frames, device=padded.device)
        found = torch.fft.rfft(padded[:, begin[:, None] + place] * window)[..., : self.bins[n]]
        return found.real, found.imag

    def _cepstra(self, log: Tensor) -> Iterator[Tensor]:
        bins = log.shape[2]
        yield log @ self.cosine[bins].to(log).T
        parts = log.reshape(*log.shape[:2], PARTS, bins // PARTS) @ self.cosine[bins // PARTS].to(log).T
        yield parts.flatten(2)

    @staticmethod
    def _moments(x: Tensor, active: Tensor, loud: Tensor, quiet: Tensor) -> list[Tensor]:
        centre, spread = spreads(x, torch.stack([loud, quiet, active], dim=1))
        y, alone = x - centre[:, 2:], active[:, None]
        square = y * y
        found = []
        for group in (0, 1):
            found += [centre[:, group], torch.log(spread[:, group] + SPREAD)]
        unit = spread[:, 2] + SPREAD
        skewness = means(square * y, alone)[:, 0] / unit**3
        kurtosis = torch.log(means(square * square, alone)[:, 0] / unit**4 + 0.1)
        memory = means(y[:, 1:] * y[:, :-1], (active[:, 1:] * active[:, :-1])[:, None])[:, 0] / unit**2
        return [*found, skewness, kurtosis, memory]

    @staticmethod
    def _steadiness(
        real: Tensor, imaginary: Tensor, log: Tensor, loud: Tensor, quiet: Tensor, inside: Tensor
    ) -> list[Tensor]:
        # A lower bound, not a small term added: the exporter drops the addition of what is nearly nothing.
        size = (real.square() + imaginary.square()).clamp_min(1e-20).sqrt()
        phase = real / size, imaginary / size
        turn = multiply((phase[0][:, 1:], phase[1][:, 1:]), (phase[0][:, :-1], phase[1][:, :-1]))
        change = multiply((turn[0][:, 1:], turn[1][:, 1:]), (turn[0][:, :-1], turn[1][:, :-1]))
        between = inside[:, 2:]  # the frame before and the one after are the clip's own
        inner = torch.stack([enough(group[:, 1:-1] * between, between) for group in (loud, quiet)], dim=1)
        both = torch.stack([loud, quiet], dim=1)
        time = (means(change[0], inner).square() + means(change[1], inner).square()).sqrt()
        delay = multiply((phase[0][..., 1:], phase[1][..., 1:]), (phase[0][..., :-1], phase[1][..., :-1]))
        bend = multiply((delay[0][..., 1:], delay[1][..., 1:]), (delay[0][..., :-1], delay[1][..., :-1]))
        frequency = (means(bend[0], both).square() + means(bend[1], both).square()).sqrt()
        level = torch.log(means((log[:, 1:] - log[:, :-1]).abs(), both[:, :, 1:]) + 1e-3)
        return [kind[:, group] for group in (0, 1) for kind in (time, frequency, level)]
