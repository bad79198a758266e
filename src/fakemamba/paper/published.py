"""Numbers of others, to compare with: those that are known, each with its source; a cell that is not here stays empty.

Equal error rates in per cent of systems trained on ASVspoof 2019 LA train only. Copied from nowhere but the
publications: whoever adds one adds its source.
"""

from dataclasses import dataclass

from fakemamba.metrics.records import Record

LA, DF, WILD = "asvspoof2021-la", "asvspoof2021-df", "in-the-wild"
SOURCES = {
    "reported": "in a publication",
    "recomputed": "by us from score files that were made public",
    "second-hand": "by others than its authors; the original was not seen",
}


@dataclass(frozen=True)
class Published(Record):
    """A number as it was published.

    Attributes:
        value: EER in per cent; up_to: the other end where a range was given.
        source: one of SOURCES. note: what is known of how it came about.
    """

    value: float
    source: str = "reported"
    note: str = ""
    up_to: float | None = None
    digits: int = 2

    @property
    def text(self) -> str:
        """As it is printed."""
        end = "" if self.up_to is None else f"–{self.up_to:.{self.digits}f}"
        return f"{self.value:.{self.digits}f}{end}"


_AUTHORS = "by its authors"

EERS: dict[tuple[str, str], tuple[Published, ...]] = {
    ("fake-mamba-l", LA): (Published(0.97),),
    ("fake-mamba-l", DF): (Published(1.74),),
    ("fake-mamba-l", WILD): (
        Published(5.85),
        Published(5.83, note="re-scored by others from the released weights"),
    ),
    ("xlsr-mamba", LA): (Published(0.93, note="min t-DCF 0.208"),),
    ("xlsr-mamba", DF): (Published(1.88),),
    ("xlsr-mamba", WILD): (Published(6.71), Published(6.709, "recomputed", digits=3)),
    ("xlsr-conformer", LA): (
        Published(1.40, note="in the paper of Fake-Mamba"),
        Published(1.38, note=f"fixed, {_AUTHORS}"),
        Published(0.87, note=f"variable length, {_AUTHORS}"),
    ),
    ("xlsr-conformer", DF): (Published(2.27),),
    ("xlsr-conformer", WILD): (Published(8.42),),
    ("xlsr-conformer-tcm", LA): (Published(1.03),),
    ("xlsr-conformer-tcm", DF): (Published(2.06),),
    ("xlsr-conformer-tcm", WILD): (Published(7.79),),
    ("xlsr-aasist", LA): (Published(0.82, note="min t-DCF 0.2066"),),
    ("xlsr-aasist", DF): (Published(2.85),),
    ("xlsr-aasist", WILD): (Published(10.46),),
    ("xlsr-sls", LA): (Published(2.87),),
    ("xlsr-sls", DF): (Published(1.92),),
    ("xlsr-sls", WILD): (Published(7.46), Published(7.464, "recomputed", digits=3)),
    ("nes2net-x", LA): (Published(1.61, up_to=1.88),),
    ("nes2net-x", DF): (Published(1.49),),
    ("nes2net-x", WILD): (Published(5.15),),
    ("mambo-3-hydra-n3", LA): (Published(0.81),),
    ("mambo-3-hydra-n3", DF): (Published(1.70),),
    ("mambo-3-hydra-n3", WILD): (Published(4.97),),
}

# Systems that are known by their numbers alone: this software does not hold them.
ELSEWHERE = {
    "xlsr-conformer-tcm": "XLSR-Conformer + TCM",
    "xlsr-aasist": "XLS-R + AASIST",
    "xlsr-sls": "XLS-R + SLS",
    "nes2net-x": "Nes2Net-X",
    "mambo-3-hydra-n3": "MamBo-3-Hydra-N3 (2026)",
}

# Table III: relative growth of the error in per cent; of which corpus is not known here.
GROWTH = {
    "ablation-unidirectional": Published(35, note="about", digits=0),
    "ablation-no-norm": Published(62.6, digits=1),
}

# Table IV: In-the-Wild, clips under 3 s.
SHORT_CLIPS = Published(9.44, "second-hand", note="size of the system not named")

# Real-time factor for clips of 1 to 6 s on a GPU.
RTF = Published(0.37, up_to=0.47, note="its unit is not stated; GPU, 1–6 s clips, 10 warm-ups, 100 repeats")
