"""The ways to run a model, by name: `ENGINE` or `ENGINE+SCAN`, such as `torch-bf16` or `torch+chunked`.

ENGINE says what computes in which numbers, SCAN is a word of FAKEMAMBA_SCAN: `torch+chunked` is torch without a
compiled scan. The reference is `torch+reference`: eager float32, the scan step by step. Without torch it is ONNX
Runtime on one thread.
"""

from dataclasses import dataclass
from importlib.util import find_spec

from fakemamba.errors import ConfigError
from fakemamba.machine.processor import features
from fakemamba.scan import CHOICES


@dataclass(frozen=True)
class Engine:
    """What computes.

    Attributes:
        title: for people.
        runs: "torch" or "onnx". precision: of weights and products.
    """

    title: str
    runs: str
    precision: str


ENGINES = {
    "torch": Engine("PyTorch, float32", "torch", "fp32"),
    "torch-bf16": Engine("PyTorch, bfloat16", "torch", "bf16"),
    "onnx": Engine("ONNX Runtime, float32", "onnx", "fp32"),
    "onnx-int8": Engine("ONNX Runtime, int8", "onnx", "int8"),
    "onnx-fp16": Engine("ONNX Runtime, weights in half", "onnx", "fp16"),  # where the model is such an export
}
REFERENCE = "torch+reference"
USUAL = ("torch+chunked", "torch", "torch-bf16", "onnx", "onnx-int8")


@dataclass(frozen=True)
class Backend:
    """One way to run a model.

    Attributes:
        name: as on the command line.
        engine: what computes. scan: word of FAKEMAMBA_SCAN.
    """

    name: str
    engine: Engine
    scan: str

    @property
    def title(self) -> str:
        """For tables and plots."""
        words = {"auto": "", "reference": ", scan step by step", "chunked": ", no kernels"}
        return self.engine.title + words.get(self.scan, f", scan {self.scan}")


def backend(name: str) -> Backend:
    """The back-end of a name; ConfigError with the choices where there is none."""
    engine, sign, scan = name.strip().partition("+")
    if engine not in ENGINES:
        raise ConfigError(f"back-end {name!r} is unknown: choose from {', '.join(ENGINES)}, or torch+SCAN")
    if not sign:
        return Backend(engine, ENGINES[engine], "auto")
    if ENGINES[engine].runs != "torch" or scan not in CHOICES:
        raise ConfigError(
            f"back-end {name!r} is unknown: after torch+ or torch-bf16+ comes one of {', '.join(CHOICES)}"
        )
    return Backend(f"{engine}+{scan}", ENGINES[engine], scan)


def lacking(one: Backend, *, scans: bool, device: str) -> str | None:
    """Why a back-end cannot run here, as far as that shows without loading anything; None if it may.

    Args:
        one: the back-end.
        scans: whether the model has a selective scan.
        device: "cpu", "cuda", ...
    """
    if one.engine.runs == "onnx":
        return None if device == "cpu" else "ONNX Runtime is used on the CPU alone"
    if find_spec("torch") is None:
        return "torch is not installed: pip install 'fakemamba[torch]'"
    if one.engine.precision == "bf16" and device == "cpu" and not (features() or {}).get("bf16", True):
        return "this processor has no bf16: it would only be slower"
    if not scans and one.scan not in ("auto", "reference"):
        return "the model has no scan"
    if one.scan == "cpu" and find_spec("numba") is None:
        return "Numba is not installed: pip install 'fakemamba[torch]'"
    return _lacking_on_gpu(one.scan, device) if one.scan in ("triton", "mamba_ssm") else None


def _lacking_on_gpu(scan: str, device: str) -> str | None:
    if not device.startswith("cuda"):
        return f"the scan of {scan} needs a GPU: --device cuda"
    return None if find_spec(scan) else f"{scan} is not installed: pip install {scan.replace('_', '-')}"
