"""Metrics of spoofing detection, numpy only.

One convention everywhere: `scores` (n,) higher = more genuine; `labels` (n,) 1 = bona fide, 0 = spoof (tandem
metrics add 2 = non-target); accept when score >= threshold; rates are fractions.
"""

from fakemamba.metrics.bootstrap import Comparison, Interval, compare, compare_all, holm, interval, intervals
from fakemamba.metrics.confusion import Confusion, confusion
from fakemamba.metrics.costs import Cost, Prior, act_dcf, cllr, min_cllr, min_dcf
from fakemamba.metrics.curves import Curve, curve, hull, probit
from fakemamba.metrics.frames import FrameEer, frame_eer, repool
from fakemamba.metrics.proportion import wilson
from fakemamba.metrics.rates import Eer, auc, eer, eer_hull, eer_official
from fakemamba.metrics.reliability import Reliability, reliability
from fakemamba.metrics.summary import Group, Summary, by_group, members, summarise
from fakemamba.metrics.tally import Tally, tally
from fakemamba.metrics.tandem import (
    ASVSPOOF5_ASV,
    AsvRates,
    TandemCost,
    TandemCosts,
    TandemEer,
    asv_rates,
    min_adcf,
    min_tdcf,
    min_tdcf_2019,
    teer,
)

__all__ = [
    "ASVSPOOF5_ASV",
    "AsvRates",
    "Comparison",
    "Confusion",
    "Cost",
    "Curve",
    "Eer",
    "FrameEer",
    "Group",
    "Interval",
    "Prior",
    "Reliability",
    "Summary",
    "Tally",
    "TandemCost",
    "TandemCosts",
    "TandemEer",
    "act_dcf",
    "asv_rates",
    "auc",
    "by_group",
    "cllr",
    "compare",
    "compare_all",
    "confusion",
    "curve",
    "eer",
    "eer_hull",
    "eer_official",
    "frame_eer",
    "holm",
    "hull",
    "interval",
    "intervals",
    "members",
    "min_adcf",
    "min_cllr",
    "min_dcf",
    "min_tdcf",
    "min_tdcf_2019",
    "probit",
    "reliability",
    "repool",
    "summarise",
    "tally",
    "teer",
    "wilson",
]
