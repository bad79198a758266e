"""Compiles the loops of the CPU scan: by Numba at their first call, kept on disk for the next process.

What is kept may save time and must do no harm: where it is damaged or of other sources, or where there is no place for
it, the loops are compiled anew.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
logger = logging.getLogger(__name__)


def compiled(function: FunctionT) -> FunctionT:
    """Compile at first call, without the interpreter's lock; kept on disk where some folder is writable.

    Contraction into FMA is allowed; sums keep their order (`exp2` relies on it), NaN and infinity their meaning.
    """
    # The NumPy error model: no check for division by zero.
    made: Any = njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function)
    with suppress(RuntimeError):  # Numba found no place
        made._cache = Kept(function)
    return cast(FunctionT, made)


class Kept(FunctionCache):
    """Numba's cache of a function, which passes over what it cannot read or write instead of raising."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        # Numba watches the function's own file alone, but puts what it calls from other files into its code.
        self._cache_file._source_stamp = self._cache_file._source_stamp, sources()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - damaged pickles raise whatever they like
            logger.info("%s: kept code cannot be read and is compiled anew: %s", self._name, error)
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - a full disk, a folder that is gone, another process's rubbish
            logger.info("%s: compiled code cannot be kept: %s", self._name, error)


@cache
def sources() -> str:
    """A hash of the files with compiled loops: what is compiled of any of them is of no use after a change."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    own = [file.read_bytes() for file in files if file.stem.startswith(("compiling", "cpu_", "lanes"))]
    return hashlib.sha256(b"".join(own)).hexdigest()
