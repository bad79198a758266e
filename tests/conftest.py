"""What all tests share: where the material beside the checkout lies."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared(name: str) -> Path:
    """The path of `../shared/NAME`; skips the calling test with the reason where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs ../shared/{name} beside the checkout")
    return path
