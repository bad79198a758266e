"""An entry for public benchmarks whose runner calls `load`, `score_batch`, `unload` (speech-spoof-bench and its arena).

    from fakemamba.evaluation.board import BoardModel

    class Mine(BoardModel):          # what the runner imports; it makes it without arguments
        model = "my-model-folder"

The runner hands over float32 mono at 16 kHz and writes `<utt_id> <score>`, higher = bona fide. A clip that cannot be
judged raises, as the contract wants: the runner counts it as skipped.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from fakemamba.detect import Detector, load
from fakemamba.errors import ConfigError
from fakemamba.evaluation.protocols import ProtocolName, check_protocol, judge_waves

Wave = NDArray[Any]


class BoardModel:
    """A fakemamba model as a benchmark's entry; the contract is one of names, so no base class is needed.

    Attributes:
        name: on the board; the model's own where it is empty.
        model: what `fakemamba.load` takes; None for the built-in model.
        protocol: fixed (the published one), whole or detect.
        expected_sample_rate: Hz in which the runner shall deliver.
        batch_size: clips at once.
    """

    name: str = ""
    model: ClassVar[str | Path | None] = None
    protocol: ClassVar[ProtocolName] = "fixed"
    expected_sample_rate: ClassVar[int] = 16_000
    batch_size: ClassVar[int] = 16

    def __init__(self, model: str | Path | Detector | None = None, *, protocol: ProtocolName | None = None) -> None:
        self._source = self.model if model is None else model
        self._protocol = check_protocol(protocol or self.protocol)
        if self._protocol == "locate":
            raise ConfigError("a board wants one score a clip: choose the protocol fixed, whole or detect")
        self._detector: Detector | None = None
        called = self._source.card.name if isinstance(self._source, Detector) else str(self._source or "fakemamba")
        self.name = self.name or called

    def load(self, device: str | None = None) -> None:
        """Open the model, once for all data sets."""
        self._detector = self._source if isinstance(self._source, Detector) else load(self._source, device)

    def score_batch(self, audios: Sequence[Wave | tuple[Wave, int]], srs: Sequence[int] | None = None) -> list[float]:
        """One raw score a clip, higher = bona fide.

        Args:
            audios: (N,) waves with their rates in `srs`, or (wave, rate) pairs.
            srs: Hz of each; None for pairs, or 16 000 for all.

        Raises:
            ConfigError: `load` was not called, or the numbers of waves and rates differ.
            AudioError: a clip cannot be judged.
        """
        if self._detector is None:
            raise ConfigError("call load() before score_batch()")
        if srs is not None and len(srs) != len(audios):
            raise ConfigError(f"{len(audios)} clips but {len(srs)} sample rates")
        rates = srs or [self.expected_sample_rate] * len(audios)
        pairs = [
            audio if isinstance(audio, tuple) else (audio, rate) for audio, rate in zip(audios, rates, strict=True)
        ]
        return judge_waves(self._detector, pairs, self._protocol, self.batch_size)

    def unload(self) -> None:
        """Free the model."""
        self._detector = None
