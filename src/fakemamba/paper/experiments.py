"""The tables and figures by name: which systems stand in which, and what each needs."""

from dataclasses import dataclass
from typing import Literal

from fakemamba.paper.published import DF, LA, WILD

Target = Literal["la", "df"]
Start = Literal["xls-r", "scratch", "scratch-fast"]

TRAINING_CORPUS = "asvspoof2019-la"
# Which training answers on which corpus: telephony by RawBoost 5, compressed speech by RawBoost 3. The lineage of these
# systems answers on In-the-Wild with the second.
TARGET_OF: dict[str, Target] = {LA: "la", DF: "df", WILD: "df"}
PROTOCOLS: tuple[Literal["fixed", "whole"], ...] = ("fixed", "whole")
# Every other corpus with both classes; asked for only where it has been given a place.
OTHERS = (
    "asvspoof2019-la", "asvspoof5", "mlaad", "wavefake", "for", "spoofceleb", "codecfake", "partialspoof",
)  # fmt: skip

Kind = Literal["eer", "duration", "others", "speed", "forms", "maps"]


@dataclass(frozen=True)
class Experiment:
    """One table or figure.

    Attributes:
        name: for the command line. title, about: for people.
        kind: what its cells are.
        systems: its rows. starts: what trainings start from.
        corpora: that it evaluates on; the corpus of training comes on top where anything is trained.
    """

    name: str
    title: str
    about: str
    kind: Kind
    systems: tuple[str, ...]
    corpora: tuple[str, ...] = ()
    starts: tuple[Start, ...] = ("xls-r",)

    @property
    def trains(self) -> bool:
        """Whether it needs trained systems, and so the training corpus and XLS-R."""
        return self.kind not in ("speed", "forms")

    @property
    def needs(self) -> tuple[str, ...]:
        """The corpora that must have a place."""
        return (TRAINING_CORPUS, *self.corpora) if self.trains else ()


_THREE = (LA, DF, WILD)
_TABLE1 = ("fake-mamba-l", "fake-mamba-s", "xlsr-mamba", "xlsr-conformer", "xlsr-transformer")
_ABLATIONS = (
    "fake-mamba-l", "ablation-unidirectional", "ablation-no-norm", "ablation-no-ffn", "ablation-mean-pooling",
    "xlsr-transformer", "xlsr-conformer-pool",
)  # fmt: skip

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "table1", "Table I: systems", "Equal error rates of the systems that the paper compares.", "eer",
            _TABLE1, _THREE,
        ),
        Experiment(
            "table2", "Table II: encoders", "Three ways to put a bidirectional Mamba in the place of self-attention.",
            "eer", ("fake-mamba-l", "con-bimamba", "trans-bimamba"), _THREE,
        ),
        Experiment(
            "table3", "Table III: ablation", "Fake-Mamba-L without one of its parts, and its self-attention twins.",
            "eer", _ABLATIONS, _THREE,
        ),
        Experiment(
            "table4", "Table IV: duration",
            "Equal error rates by duration of the clip, and who passes for whom under 3 s.",
            "duration", _TABLE1, _THREE,
        ),
        Experiment(
            "rtf", "Real-time factor over duration", "How long a clip takes, by its duration and the encoder.", "speed",
            ("fake-mamba-l", "fake-mamba-s", "con-bimamba", "trans-bimamba", "xlsr-mamba", "xlsr-transformer",
             "xlsr-conformer"),
        ),
        Experiment(
            "embeddings", "Maps of the embeddings",
            "What the head sees of each clip, laid out in the plane (t-SNE; UMAP where it is installed).", "maps",
            ("fake-mamba-l",), _THREE,
        ),
        Experiment(
            "scratch", "XLS-R against from scratch",
            "What the pre-trained front-end is worth: the same system from random weights, at the released learning "
            "rate and at a hundred times of it.",
            "eer", ("fake-mamba-l",), _THREE, ("xls-r", "scratch", "scratch-fast"),
        ),
        Experiment(
            "scan", "The scan with and without kernels", "The same selective scan in each of its forms.", "forms",
            ("fake-mamba-l",),
        ),
        Experiment(
            "elsewhere", "Beyond the paper: other corpora",
            "Fake-Mamba-L as trained for 2021 DF on every further corpus that was given a place.", "others",
            ("fake-mamba-l",),
        ),
    )
}  # fmt: skip
