"""What every metric answers with: a frozen record that turns into plain JSON values."""

import dataclasses
import math
from typing import Any

import numpy as np


class Record:
    """Base of the frozen dataclasses of this package."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values: arrays become lists, NaN and infinities become None."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


def plain(value: Any) -> Any:
    """A value as JSON knows it, nested records included."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has neither NaN nor infinity
    return value
