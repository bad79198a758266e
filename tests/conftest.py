"""What all tests share: where the material beside the checkout lies."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from fakemamba.machine.gpus import nvidia_gpus

# Without a GPU Triton's kernels run in its interpreter, which must be said before Triton is first imported.
if not nvidia_gpus():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# Shared machines are too noisy for deadlines; CI draws the same examples each time, a developer's run new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared(name: str) -> Path:
    """The path of `../shared/NAME`; skips the calling test with the reason where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs ../shared/{name} beside the checkout")
    return path
