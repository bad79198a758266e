"""The numbers of ../shared/scores, to the last digit given there."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from conftest import shared
from fakemamba.metrics import (
    ASVSPOOF5_ASV,
    act_dcf,
    asv_rates,
    by_group,
    cllr,
    eer,
    eer_official,
    min_adcf,
    min_dcf,
    min_tdcf,
    min_tdcf_2019,
    teer,
)


def rows(name: str, separator: str | None = None) -> list[list[str]]:
    path: Path = shared("scores") / name
    with gzip.open(path, "rt") as lines:
        return [line.rstrip("\n").split(separator) for line in lines]


@pytest.fixture(scope="module")
def wild():
    key = {row[1]: row[5] != "spoof" for row in rows("itw_key.txt.gz")}
    scores = {row[0]: float(row[1]) for row in rows("itw_xlsr_mamba.txt.gz")}
    return np.array([scores[name] for name in key]), np.array(list(key.values()))


@pytest.fixture(scope="module")
def five():
    table = np.array(rows("asvspoof5_dev_fusion.csv.gz", ",")[1:], dtype=float)
    return table[:, 0], table[:, 1], table[:, 2].astype(int)


@pytest.fixture(scope="module")
def la19():
    table = rows("la19_cm_synthetic.txt.gz")
    scores = np.array([float(row[3]) for row in table])
    return scores, np.array([row[2] == "bonafide" for row in table]), np.array([row[1] for row in table])


@pytest.fixture(scope="module")
def verifier():
    table = rows("la19_asv_eval.txt.gz")
    codes = {"target": 1, "nontarget": 2, "spoof": 0}
    return np.array([float(row[2]) for row in table]), np.array([codes[row[1]] for row in table])


@pytest.mark.parametrize("measure", [eer, eer_official])
def test_in_the_wild_equal_error_rate(wild, measure):
    result = measure(*wild)
    assert (result.n_bonafide, result.n_spoof) == (19_963, 11_816)
    assert round(100 * result.value, 6) == 6.709324


def test_in_the_wild_threshold_and_costs(wild):
    assert round(eer(*wild).threshold, 3) == -3.334
    assert round(min_dcf(*wild).value, 6) == 0.172855
    assert round(cllr(*wild), 6) == 1.021017


def test_asvspoof5_countermeasure(five):
    _, cm, codes = five
    labels = codes > 0
    assert round(100 * eer(cm, labels).value, 6) == 0.619732
    assert round(100 * eer_official(cm, labels).value, 6) == 0.619732
    assert round(min_dcf(cm, labels).value, 6) == 0.016320
    assert round(act_dcf(cm, labels).value, 6) == 0.018024
    assert round(cllr(cm, labels), 6) == 0.028191


def test_asvspoof5_tandem(five):
    asv, cm, codes = five
    assert round(min_adcf(asv + 0.05 * cm, codes).value, 9) == 0.035818887
    assert round(min_tdcf(cm, codes, ASVSPOOF5_ASV).value, 9) == 0.102424330
    assert round(100 * teer(cm, asv, codes).value, 9) == 1.989698829


def test_verifier_of_2019(verifier):
    scores, codes = verifier
    genuine = codes != 0
    official = eer_official(scores[genuine], codes[genuine] == 1)
    assert round(100 * official.value, 6) == 2.457784
    assert round(official.threshold, 6) == -5.680051
    assert asv_rates(scores, codes).threshold == official.threshold


def test_tandem_cost_of_2019_trials(la19, verifier):
    scores, labels, _ = la19
    asv = asv_rates(*verifier)
    assert round(min_tdcf_2019(scores, labels, asv).value, 9) == 0.592158667
    assert round(min_tdcf(scores, labels, asv).value, 9) == 0.617743728


@pytest.mark.parametrize("measure", [eer, eer_official])
def test_pooled_rate_of_2019_trials(la19, measure):
    scores, labels, _ = la19
    assert round(100 * measure(scores, labels).value, 6) == 22.661909


def test_rates_by_attack(la19):
    expected = {
        "A07": 19.920546, "A08": 29.342657, "A09": 20.776177, "A10": 19.064916, "A11": 30.710990, "A12": 17.394399,
        "A13": 5.452939, "A14": 25.560234, "A15": 8.916206, "A16": 39.189184, "A17": 11.826025, "A18": 11.948258,
        "A19": 35.267555,
    }  # fmt: skip
    groups = by_group(*la19)
    assert {group.name: round(100 * group.eer, 6) for group in groups if group.eer is not None} == expected
    assert {group.n_bonafide for group in groups} == {7355}  # each attack against all bona fide trials
