"""How far chance alone moves a share of few clips."""

import math

from fakemamba.errors import DataError

_NORMAL_95 = 1.959963984540054  # 97.5 % quantile of the standard normal


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (JASA 1927), as fractions; never empty, even where `count` is 0.

    Args:
        count: of the trials, those that count, from 0 to `total`.
        total: independent trials, at least 1.

    Raises:
        DataError: the counts make no share.
    """
    if not 0 <= count <= total or total < 1:
        raise DataError(f"{count} of {total} is no share")
    share, z = count / total, _NORMAL_95
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)
