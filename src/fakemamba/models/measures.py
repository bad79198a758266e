"""What the front-ends of the statistics system share: frames, their spectra, groups of frames and moments over these.

All of it is products, sums and comparisons over (B, T, C), as cheap in ONNX Runtime as in torch: a mean over
frames is a product with their weights, and powers are multiplied out.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.models.masking import blank, frame_mask

LEVEL = 0.1  # root mean square that every clip is brought to
ACTIVE = math.log(1e4)  # frames more than 40 dB below the loudest one don't count
FEWEST = 3  # frames; a smaller group is replaced by a larger one


def half_basis(size: int, bins: int) -> tuple[Tensor, Tensor]:
    """Two of (size / 2, bins): what frames folded around their middle give the real and the imaginary part by.

    Under a Hann window; row k - 1 is for the samples k and size - k, which have the same cosine and opposite sines, and
    the last one for the sample in the middle, which meets itself. Sample 0 weighs nothing.
    """
    place = torch.arange(1, size // 2 + 1, dtype=torch.float64, device="cpu")[:, None]
    phase = 2 * math.pi * place * torch.arange(bins, dtype=torch.float64, device="cpu") / size
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * place / size)
    window[-1] /= 2
    return (phase.cos() * window).float(), (phase.sin() * window).float()


def means(x: Tensor, weights: Tensor) -> Tensor:
    """(B, T, C) over the frames that weigh 1, by the groups of (B, G, T) -> (B, G, C); 0 over none.

    One product, the same in torch and in ONNX: x is read once for all groups.
    """
    return weights @ x / weights.sum(dim=2, keepdim=True).clamp_min(1)


def spreads(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T, C), groups (B, G, T) as of `means` -> mean and standard deviation over each group, (B, G, C) both.

    Each spread is around its group's own mean: the difference of mean squares, which needs fewer passes, loses all
    digits in a group of a few frames that are alike.
    """
    centres = means(x, weights)
    found = []
    for group in range(weights.shape[1]):
        away = x - centres[:, group : group + 1]
        found.append(means(away * away, weights[:, group : group + 1]))
    return centres, torch.cat(found, dim=1).sqrt()


def levelled(waves: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """(B, N) at one level, with silence after each clip's end; and the samples of each (B,)."""
    samples = waves.shape[1]
    waves = blank(waves[..., None], frame_mask(lengths, samples))[..., 0]
    if lengths is None:
        lengths = torch.full_like(waves[:, 0], samples, dtype=torch.long)
    level = (waves.square().sum(dim=1, keepdim=True) / lengths[:, None]).sqrt()
    return waves / (level + 1e-5) * LEVEL, lengths


def rows(padded: Tensor, size: int, hop: int, frames: int) -> Tensor:
    """(B, samples) -> overlapping frames (B, T, size), put together from pieces of one hop.

    `padded` has at least (frames - 1) hop + size samples.
    """
    pieces = -(-size // hop)
    grid = F.pad(padded, (0, hop))[:, : (frames - 1 + pieces) * hop]
    grid = grid.reshape(grid.shape[0], frames - 1 + pieces, hop)
    return torch.cat([grid[:, k : k + frames] for k in range(pieces)], dim=2)[..., :size]


def transformed(frames: Tensor, basis: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(..., n) -> real and imaginary parts (..., bins) by a `half_basis`; the imaginary one with the other sign."""
    half = frames.shape[-1] // 2
    first, second = frames[..., 1 : half + 1], frames[..., half:].flip(-1)
    cosines, sines = basis
    return (first + second) @ cosines.to(frames), (first - second) @ sines.to(frames)


def groups(energy: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Active, loud and quiet frames, 1 or 0 each (B, T), from their log energies and which frames a clip has.

    Loud and quiet ones lie above and below the mean of the active ones.
    """
    energy = torch.where(inside > 0, energy, torch.full_like(energy, -1e4))
    active = (energy > energy.amax(dim=1, keepdim=True) - ACTIVE).to(energy.dtype)
    middle = (energy * active).sum(dim=1, keepdim=True) / active.sum(dim=1, keepdim=True)
    loud = active * (energy >= middle)
    quiet = active * (energy < middle)
    return active, enough(loud, active), enough(quiet, active)


def enough(group: Tensor, otherwise: Tensor) -> Tensor:
    """The group, or the larger one where it has too few frames."""
    return torch.where(group.sum(dim=1, keepdim=True) < FEWEST, otherwise, group)
