"""The statistics front-end of modulations: how the bands of a voice swell and fade, alone and together, as one vector.

The glottis closes some hundred times a second and excites all bands at once. Vocoders that draw a spectrum frame by
frame lose some of that: their upper bands beat less with the pitch, or less in step with the lower ones.

    wave -> levels of 25 bands, one each millisecond -> pieces of 128 ms, each band over its own mean
         -> power by modulation frequency (8-500 Hz, 14 groups): mean and spread over loud and over quiet pieces
         -> share of the strongest pitch in a band's modulation: mean and spread over loud pieces
         -> correlation between the bands' modulations, slow (below 45 Hz) and fast ones: mean over loud pieces
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from fakemamba.models.masking import within
from fakemamba.models.measures import groups, half_basis, levelled, means, rows, spreads, transformed

FFT, HOP = 128, 16  # samples of a frame and between two: 8 ms and 1 ms
NARROW, WIDE = 10, 16  # bands of one bin (125 Hz) from the lowest on, then bands that widen
PIECE, STEP = 128, 64  # frames of a piece of time and between two
KINDS = 17  # edges of the groups of modulation frequencies, before equal ones fall together
PITCH = (9, 49)  # modulation bins (7.8 Hz) among which the pitch is looked for: 70-375 Hz
FASTER = 6  # modulation bins from here on are what the pitch has its share of
SLOW, FAST = (1, 6), (7, 64)  # modulation bins of the two correlations
FLOOR = 1e-9  # of a band's power
LEAST = 1e-6


def band_edges() -> list[int]:
    """Bins of 125 Hz where bands begin and the last one ends, 0-8 kHz."""
    return [*range(NARROW), *_spaced(NARROW, FFT // 2, WIDE)]


def modulation_edges() -> list[int]:
    """Bins of 7.8 Hz where groups of modulation frequencies begin and the last one ends, 7.8-500 Hz."""
    return _spaced(1, PIECE // 2, KINDS)


def _spaced(first: int, last: int, count: int) -> list[int]:
    """Whole numbers at even distances on a logarithmic scale, equal ones once."""
    return sorted({round(first * (last / first) ** (k / (count - 1))) for k in range(count)})


def sums(edges: list[int], size: int) -> Tensor:
    """(size, groups) that adds up what lies between neighbouring edges."""
    table = torch.zeros(size, len(edges) - 1, device="cpu")
    for group, (first, last) in enumerate(pairwise(edges)):
        table[first:last, group] = 1
    return table


class Modulation(nn.Module):
    """Waveforms to statistics of modulations; nothing here is trained."""

    def __init__(self) -> None:
        super().__init__()
        # Constants, as of `Cepstra`.
        self.fourier, self.swings = half_basis(FFT, FFT // 2 + 1), half_basis(PIECE, PIECE // 2 + 1)
        self.bands = sums(band_edges(), FFT // 2 + 1)
        self.kinds = sums(modulation_edges(), PIECE // 2 + 1)
        count = self.bands.shape[1]
        first, second = torch.triu_indices(count, count, 1, device="cpu")
        self.pairs = first * count + second
        self.shortest = FFT + (PIECE - 1) * HOP
        self.out_width = count * (4 * self.kinds.shape[1] + 2) + 2 * len(self.pairs)

    def frames(self, samples: int) -> int:
        """How many pieces a clip of so many samples gives."""
        return ((samples - FFT) // HOP + 1 - PIECE) // STEP + 1

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) float32 16 kHz, each clip's own samples (B,) or None -> (B, out_width)."""
        waves, lengths = levelled(waves, lengths)
        pieces = self.frames(waves.shape[1])
        inside = within(((lengths - FFT) // HOP + 1 - PIECE) // STEP + 1, pieces).to(waves.dtype)
        levels = self._pieces(waves, pieces)  # (B, S, bands, PIECE)
        _, loud, quiet = groups(torch.log(levels.square().sum(dim=(2, 3))), inside)
        swing = levels / levels.mean(dim=3, keepdim=True) - 1
        real, imaginary = transformed(swing, self.swings)
        power = real.square() + imaginary.square()  # (B, S, bands, modulation bins)
        kinds = torch.log(power @ self.kinds.to(power) + LEAST).flatten(2)
        centre, spread = spreads(kinds, torch.stack([loud, quiet], dim=1))
        line, wander = spreads(self._pitch(power), loud[:, None])
        found = [centre[:, 0], spread[:, 0], centre[:, 1], spread[:, 1], line[:, 0], wander[:, 0]]
        for first, last in (SLOW, FAST):
            found.append(self._together(real[..., first:last], imaginary[..., first:last], loud))
        return torch.cat(found, dim=1)

    def _pieces(self, waves: Tensor, pieces: int) -> Tensor:
        """(B, N) -> the bands' levels (B, S, bands, PIECE)."""
        frames = (pieces + 1) * STEP
        real, imaginary = transformed(rows(waves, FFT, HOP, frames), self.fourier)
        # A lower bound, not a small term added: the exporter drops the addition of what is nearly nothing.
        levels = ((real.square() + imaginary.square()) @ self.bands.to(real)).clamp_min(FLOOR).sqrt()
        steps = levels.reshape(levels.shape[0], pieces + 1, STEP, levels.shape[2])
        return torch.cat([steps[:, :-1], steps[:, 1:]], dim=2).transpose(2, 3)

    def _pitch(self, power: Tensor) -> Tensor:
        """(B, S, bands, bins) -> the share (B, S, bands) of the piece's strongest pitch and its two neighbours."""
        first, last = PITCH
        strongest = power[..., first:last].sum(dim=2).argmax(dim=2, keepdim=True) + first  # (B, S, 1)
        near = (torch.arange(power.shape[3], device=power.device) - strongest).abs() <= 1
        return (power * near.to(power)[:, :, None]).sum(dim=3) / (power[..., FASTER:].sum(dim=3) + LEAST)

    def _together(self, real: Tensor, imaginary: Tensor, loud: Tensor) -> Tensor:
        """Two of (B, S, bands, bins) -> the mean correlation of every pair of bands (B, pairs)."""
        products = real @ real.transpose(2, 3) + imaginary @ imaginary.transpose(2, 3)
        size = (real.square() + imaginary.square()).sum(dim=3).clamp_min(LEAST).sqrt()
        alike = products / (size[..., :, None] * size[..., None, :])
        return means(alike.flatten(2), loud[:, None])[:, 0, self.pairs.to(real.device)]
