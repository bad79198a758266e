"""Which of the two scorers runs a model folder."""

from fakemamba.checkpoint.folder import ONNX_FILE, TENSOR_FILE, ModelFolder
from fakemamba.errors import ConfigError
from fakemamba.scorer import Scorer


def open_scorer(
    folder: ModelFolder, device: str | None, threads: int | None, precision: str | None
) -> tuple[Scorer, str]:
    """What runs a model, and which of its files: ONNX Runtime where it may, else torch.

    Args:
        folder: the model's. device: where torch runs it, "cpu", "cuda", ...; None for the best.
        threads: of the CPU; None for all cores. precision: fp32 or bf16, of torch alone.

    Raises:
        ConfigError: an unknown device or precision, or one that does not fit what runs the model.
    """
    if folder.weights == ONNX_FILE and device in (None, "cpu"):
        from fakemamba.onnx_scorer import OnnxScorer

        own = folder.card.onnx_precision
        if precision not in (None, own):
            raise ConfigError(
                f"precision {precision}: {folder.card.name} runs on ONNX Runtime in the precision of its file ({own}): "
                "leave it out; fakemamba export makes int8 and fp16 files"
            )
        file, model = folder.file(ONNX_FILE), folder.card.model
        return OnnxScorer.of(file, model, threads=threads, precision=own), ONNX_FILE
    from fakemamba.torch_scorer import TorchScorer, checked_precision

    wanted = checked_precision(precision or "fp32")
    return TorchScorer(folder, device=device, threads=threads, precision=wanted), TENSOR_FILE
