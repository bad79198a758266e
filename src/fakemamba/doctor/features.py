"""What the packages are for, in words for people, by the extra that brings them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """Something that a user may want.

    Attributes:
        name: of it. extra: that `pip install 'fakemamba[EXTRA]'` brings it with; None for what is always there.
        packages: to import, all of them needed.
        optional: an extra gear, no loss to mention where it is missing.
    """

    name: str
    extra: str | None
    packages: tuple[str, ...]
    optional: bool = False


FEATURES = (
    Feature(
        "checking recordings", None,
        ("numpy", "onnxruntime", "soundfile", "soxr", "pydantic", "typer", "rich", "safetensors"),
    ),
    Feature("XLS-R models", "torch", ("torch",)),
    Feature("fast scan on the processor", "torch", ("numba",)),
    Feature("fast scan on an NVIDIA GPU", None, ("triton",), optional=True),
    Feature("mamba_ssm's CUDA kernel", None, ("mamba_ssm",), optional=True),
    Feature("m4a, webm and video", "media", ("av",)),
    Feature("the microphone", "live", ("sounddevice",)),
    Feature("web page and service", "server", ("fastapi", "uvicorn", "websockets", "python_multipart")),
    Feature("models from the Hugging Face Hub", "hub", ("huggingface_hub",)),
    Feature("plots", "plot", ("matplotlib",)),
    Feature("training", "train", ("accelerate",)),
    Feature("export to ONNX", "export", ("onnx", "onnxscript")),
    Feature("the paper's maps", "paper", ("sklearn",)),
)  # fmt: skip
PACKAGES = tuple(name for feature in FEATURES for name in feature.packages)
# Where the package to install is called other than the module to import.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "huggingface_hub": "huggingface-hub",
    "python_multipart": "python-multipart",
    "mamba_ssm": "mamba-ssm",
}


def install_line(extra: str) -> str:
    """What brings an extra."""
    return f"pip install 'fakemamba[{extra}]'"
