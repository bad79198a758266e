"""waveform -> logits: pure modules without I/O.

The letters: B clips in a batch, N samples, T frames, D the encoder's width, E = expand * D a mixer's inner
width, S states a channel, G groups. Lengths (B,) count what is a clip's own; `mask` (B, T) is True there.
Padding stands at the end of a row and never changes a clip's score.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakemamba.config import ModelConfig
    from fakemamba.models.system import System

__all__ = ["build"]


def build(config: "ModelConfig") -> "System":
    """The system that a configuration describes, with random weights."""
    from fakemamba.models.assemble import build as assemble

    return assemble(config)
