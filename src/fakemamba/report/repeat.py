"""What somebody else needs to get the same answer again: the command, and the versions that decide the last digits."""

import platform
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version

from fakemamba import __version__
from fakemamba.detect import Detector
from fakemamba.judge import judge_of

# What reads, resamples and scores; of each only what is loaded took part.
_PARTS = ("numpy", "onnxruntime", "torch", "soundfile", "soxr", "av")


def software() -> dict[str, str]:
    """Name -> version of all that took part, and the kind of machine; nothing that names its owner."""
    found = {"fakemamba": __version__, "python": platform.python_version()}
    found |= {name: version(name) for name in _PARTS if name in sys.modules}
    if "soundfile" in found:
        found["libsndfile"] = sys.modules["soundfile"].__libsndfile_version__
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}


def repeat_command(
    detector: Detector,
    sources: Sequence[str],
    *,
    model: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    recursive: bool = False,
    near: bool = True,
) -> str:
    """The `fakemamba detect` that gives this report again, quoted for a POSIX shell.

    Args:
        detector: that judged; its threshold or operating point is stated where it is not the model's own.
        sources: as the user wrote them; `-` becomes a redirection.
        model: as the user wrote it; None for the name on the card, so that a later default changes nothing.
        device, precision, recursive, near: as of `fakemamba detect`.
    """
    words = ["fakemamba", "detect", "--model", model or detector.card.name]
    own, used = judge_of(detector.card), detector.judge
    if used.operating_point and used.operating_point != own.operating_point:
        words += ["--operating-point", used.operating_point]
    elif detector.decides and (not own.decides or own.decision.threshold != detector.decision.threshold):
        words.append(f"--threshold={detector.decision.threshold!r}")
    words += ["--no-near"] if detector.card.near and not near else []
    words += ["--device", device] if device else []
    words += ["--precision", precision] if precision else []
    words += ["--recursive"] if recursive else []
    words += ["--output", "report.html"]
    if any(source.startswith("-") and source != "-" for source in sources):
        words.append("--")
    command = shlex.join([*words, *sources])
    return f"{command} < recording" if "-" in sources else command
