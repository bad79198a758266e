"""What `detect` said of clips under a condition: asked once, kept, read again."""

from dataclasses import asdict, dataclass
from pathlib import Path

from fakemamba import Detector, __version__
from fakemamba.audio import domain
from fakemamba.audio.condition import FEWEST, PAUSES, TREBLE
from fakemamba.judge import ENOUGH_SPEECH
from recipes.builtin import keep
from recipes.builtin.bank import Bank
from recipes.builtin.manifest import RATE, Clip, identity
from recipes.builtin.report.conditions import Condition


@dataclass(frozen=True)
class Judged:
    """A clip and what `detect` said of it; the numbers are None where nothing was judged."""

    clip: Clip
    score: float | None
    llr: float | None
    p_fake: float | None
    verdict: str


@dataclass(frozen=True)
class Bench:
    """Who judges what, and where the answers are kept: `folder`/NAME.json for each condition."""

    detector: Detector
    clips: list[Clip]
    bank: Bank
    folder: Path
    seed: int

    def rows(self, split: str) -> list[int]:
        """The whole clips of a split."""
        return [i for i, clip in enumerate(self.clips) if clip.split == split and clip.whole]

    def judge(self, condition: Condition, split: str = "dev") -> list[Judged]:
        """All whole clips of the split under a condition, by `detect`."""
        rows = self.rows(split)
        path = self.folder / f"{split}-{condition.name}.json"
        key = self._key(condition, rows)
        kept = keep.read_json(path) if path.exists() else None
        if not kept or kept["key"] != key:
            kept = {"key": key, "answers": [self._ask(condition, row) for row in rows]}
            keep.put_json(path, kept)
        return [Judged(self.clips[row], *answer) for row, answer in zip(rows, kept["answers"], strict=True)]

    def _ask(self, condition: Condition, row: int) -> tuple[float | None, float | None, float | None, str]:
        wave = condition.wave(self.bank, row, self.clips[row], self.seed)
        result = self.detector.detect((wave, RATE), near=False)
        return result.score, result.llr, result.p_fake, result.verdict

    def _key(self, condition: Condition, rows: list[int]) -> str:
        """Of all that the answers depend on."""
        judge = self.detector.judge
        decided = {name: getattr(value, "model_dump", lambda v=value: v)() for name, value in asdict(judge).items()}
        decided["conditions"] = {name: one.model_dump() for name, one in judge.conditions.items()}
        # By which `detect` abstains, and by which it chooses a calibration.
        rules = [ENOUGH_SPEECH, domain.BIAS, domain.CLIPPED, TREBLE, PAUSES, FEWEST]
        told = [
            rules,
            condition.name,
            condition.view,
            condition.seconds,
            self.seed,
            __version__,
            self.detector.model_sha256,
        ]
        return keep.mark([told, decided, self.bank.key, identity(self.clips[row] for row in rows)])
