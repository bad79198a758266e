"""Frame labels of PartialSpoof: a pickled dict in a .npy file, read without running what a pickle could carry."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.errors import DataError

# All that a dict of text arrays needs, by the names that numpy 1 and 2 give it.
_NEEDED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.numeric", "_frombuffer"),
    ("_codecs", "encode"),  # how protocol 2 writes bytes
}
_DAMAGED = (ValueError, EOFError, LookupError, TypeError, AttributeError, ImportError, pickle.UnpicklingError)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NEEDED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which labels do not need")
        return super().find_class(module, name)


def read_frame_labels(path: str | Path) -> dict[str, NDArray[np.int64]]:
    """Read a `*_seglab_0.02.npy` file.

    Returns:
        utterance -> (frames,) 1 = bona fide, 0 = spoof, one label for each 20 ms; ceil(duration / 0.02) of them, which
        is one or two more than a front-end of 20 ms gives.

    Raises:
        DataError: missing, damaged, or something else than labels.
    """
    path = Path(path)
    try:
        content = io.BytesIO(path.read_bytes())
        np.lib.format.read_magic(content)
        shape, _, dtype = np.lib.format.read_array_header_1_0(content)
        if not dtype.hasobject or shape not in ((), (1,)):
            raise DataError(f"{path} holds an array of {dtype}, not a dict of frame labels")
        held = _Unpickler(content).load()
        labels = held.item() if isinstance(held, np.ndarray) else held
        found = {str(name): np.asarray(cells).astype(np.int64) for name, cells in labels.items()}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as frame labels: {error}") from error
    odd = [name for name, cells in found.items() if cells.ndim != 1 or not np.isin(cells, (0, 1)).all()]
    if odd:
        raise DataError(f"{path}: {odd[0]} has labels other than 0 and 1")
    return found
