"""Numbers of a report against hand counts, and the golden score files through the report's path."""

import json

import numpy as np
import pytest
from evaluation_makers import dataset, detector, judged, write_clips

from conftest import shared
from fakemamba.data.dataset import Dataset
from fakemamba.errors import ConfigError, DataError
from fakemamba.evaluation import evaluate, evaluate_scores, from_file, measure
from fakemamba.evaluation.breakdown import COLUMNS
from fakemamba.evaluation.judged import BUCKETS

# id, label, llr: at the threshold 0 one of three bona fide and two of five spoofs are on the wrong side.
ROWS = [
    ("b1", 1, 3.0, {"seconds": 2.0, "codec": "alaw", "verdict": "real"}),
    ("b2", 1, 1.0, {"seconds": 3.0, "codec": "pcm", "verdict": "unsure"}),
    ("b3", 1, -0.5, {"seconds": 7.0, "codec": "pcm", "verdict": "fake"}),
    ("s1", 0, -2.0, {"seconds": 2.9, "codec": "alaw", "attack": "A1", "verdict": "fake"}),
    ("s2", 0, 2.0, {"seconds": 1.0, "codec": "alaw", "attack": "A1", "verdict": "real"}),
    ("s3", 0, -1.0, {"seconds": 3.5, "codec": "pcm", "attack": "A2", "verdict": "fake"}),
    ("s4", 0, -3.0, {"seconds": 6.0, "codec": "pcm", "attack": "A2", "verdict": "fake"}),
    ("s5", 0, 0.0, {"seconds": 5.0, "codec": "pcm", "attack": "", "verdict": "unsure"}),
]


@pytest.fixture
def report():
    return measure(judged(ROWS), resamples=0, worst=2)


def test_counts_and_decisions(report):
    assert (report.expected, report.scored, report.n_bonafide, report.n_spoof) == (8, 8, 3, 5)
    found = report.confusion
    assert (found.bonafide_accepted, found.bonafide_rejected, found.spoof_accepted, found.spoof_rejected) == (
        2,
        1,
        2,
        3,
    )
    assert (report.threshold, report.threshold_from, report.scale) == (0.0, "the model", "log-likelihood ratio")
    assert report.verdicts["bonafide"] == {"real": 1, "unsure": 1, "fake": 1, "unscored": 0}
    assert report.verdicts["spoof"] == {"real": 1, "unsure": 1, "fake": 3, "unscored": 0}


def test_attacks_are_set_against_all_bona_fide_clips(report):
    unknown, a1, a2 = report.groups["attack"]
    assert [(row.name, row.n_bonafide, row.n_spoof) for row in (unknown, a1, a2)] == [
        ("(not given)", 3, 1),
        ("A1", 3, 2),
        ("A2", 3, 2),
    ]
    assert (a1.spoof_accepted, a2.spoof_accepted, a1.bonafide_rejected) == (1, 0, 1)
    assert (a2.eer, a2.auc) == (0.0, 1.0)
    assert a1.auc == pytest.approx(4 / 6)  # of 3 x 2 pairs s1 loses all, s2 loses one


def test_other_columns_split_both_classes(report):
    alaw, pcm = report.groups["codec"]
    assert (alaw.n_bonafide, alaw.n_spoof, pcm.n_bonafide, pcm.n_spoof) == (1, 2, 2, 3)
    assert (alaw.bonafide_rejected, alaw.spoof_accepted, pcm.bonafide_rejected, pcm.spoof_accepted) == (0, 1, 1, 1)


def test_durations_fall_into_the_papers_buckets_the_edge_into_the_longer(report):
    rows = {row.name: (row.n_bonafide, row.n_spoof) for row in report.groups["duration"]}
    assert list(rows) == list(BUCKETS[:2] + BUCKETS[3:])
    assert rows == {"< 3 s": (1, 2), "3–4 s": (1, 1), "5–6 s": (0, 1), "> 6 s": (1, 1)}
    assert next(row for row in report.groups["duration"] if row.name == "5–6 s").eer is None
    assert [(row.name, row.n_bonafide, row.n_spoof, row.spoof_accepted) for row in report.short] == [("A1", 1, 2, 1)]


def test_the_worst_mistakes_come_first(report):
    assert [(m.id, m.label, m.distance) for m in report.mistakes] == [("s2", 0, 2.0), ("s5", 0, 0.0), ("b3", 1, 0.5)]
    assert report.mistakes[0].known == {
        "corpus": "mine", "attack": "A1", "codec": "alaw", "duration": "< 3 s",
    }  # fmt: skip
    assert measure(judged(ROWS), resamples=0, worst=0).mistakes == ()


def test_a_threshold_of_the_callers_own(report):
    found = measure(judged(ROWS), threshold=1.5, resamples=0)
    assert (found.confusion.bonafide_rejected, found.confusion.spoof_accepted) == (2, 1)
    assert found.threshold_from == "the caller"
    bare = measure(judged(ROWS, calibrated=False, threshold=None), resamples=0)
    assert (bare.threshold_from, bare.threshold, bare.scale) == (
        "equal error rate",
        bare.summary.eer_threshold,
        "raw score",
    )
    assert bare.calibration is None
    with pytest.raises(ConfigError, match="a finite number"):
        measure(judged(ROWS), threshold=float("nan"))


def test_one_class_alone_is_counted_and_has_no_rates():
    found = measure(judged([row for row in ROWS if row[1] == 0]), resamples=10)
    assert found.summary is None
    assert found.intervals == {}
    assert (found.confusion.spoof_accepted, found.confusion.spoof_rejected) == (2, 3)
    assert any("only spoofed clips" in text for text in found.warnings)
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_probabilities_are_shifted_to_the_shares_of_the_data():
    # Well calibrated for equal classes: with three spoofs to each bona fide clip the shares shift by log 1/3.
    rng = np.random.default_rng(0)
    rows = [(f"b{k}", 1, llr) for k, llr in enumerate(rng.normal(2, 2, 500))]
    rows += [(f"s{k}", 0, llr) for k, llr in enumerate(rng.normal(-2, 2, 1500))]
    assert measure(judged(rows), resamples=0).calibration.ece < 0.03


def test_speakers_are_drawn_whole_when_all_are_known():
    rows = [(f"x{k}", k % 2, k % 2 + 0.1 * (k % 7), {"speaker": f"s{k % 6}"}) for k in range(60)]
    found = measure(judged(rows), resamples=20)
    assert found.intervals["eer"].clusters == 6
    assert found.interval_unit == "95% intervals from 20 resamples of 6 speakers"
    assert found.groups["speaker"][0].eer_low is None
    some = measure(judged([*rows, ("y", 1, 1.0, {"speaker": "-"})]), resamples=20)
    assert some.intervals["eer"].clusters is None
    assert any("not all speakers are known" in text for text in some.notes)
    few = measure(judged([(*row[:3], {"speaker": "ab"[k % 2]}) for k, row in enumerate(rows)]), resamples=20)
    assert any("fewer than 5 speakers" in text for text in few.notes)


def test_negated_scores_are_noticed():
    rows = [(name, label, -llr) for name, label, llr, _ in ROWS[:2] + ROWS[3:4]]
    assert any("worse than chance" in text for text in measure(judged(rows), resamples=0).warnings)


def test_the_document_is_strict_json_without_the_trials(report):
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert "judged" not in document
    assert document["summary"]["eer"] == report.summary.eer
    assert document["groups"]["attack"][1]["name"] == "A1"
    assert document["origin"]["protocol"] == "fixed"


def test_a_run_and_its_folder_give_the_same_report(tmp_path):
    root = write_clips(tmp_path / "data", real=6, fake=6)
    (root / "fake" / "a" / "zz9.wav").write_bytes(b"no sound")
    run = evaluate(detector(), dataset(root), folder=tmp_path / "out", resamples=10)
    again = evaluate_scores(tmp_path / "out", resamples=10)
    assert (run.expected, run.scored, again.expected, again.scored) == (13, 12, 13, 12)
    assert again.unscored == run.unscored
    assert again.summary == run.summary
    assert again.groups == run.groups
    assert again.intervals == run.intervals
    assert again.origin == run.origin
    assert again.warnings == run.warnings
    assert again.mistakes == run.mistakes
    assert any("no score for 1 of 13" in text for text in run.warnings)
    assert run.speed.audio == pytest.approx(30.0)
    key = tmp_path / "key.csv"
    key.write_text(
        "file,label\n" + "".join(f"{u.id},{'real' if u.label else 'fake'}\n" for u in dataset(root).utterances)
    )
    foreign = evaluate_scores(tmp_path / "out" / "scores.tsv", key, resamples=0)
    assert foreign.summary.eer == run.summary.eer
    assert any("1 of 13 trials have no score" in text for text in foreign.warnings)


def test_an_unfinished_run_is_not_taken_for_a_whole_one(tmp_path):
    whole = dataset(write_clips(tmp_path / "data"))

    def stop(done, total, seconds):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(detector(), whole, folder=tmp_path / "out", batch=2, resamples=0, on_progress=stop)
    rows = (tmp_path / "out" / "scores.tsv").read_text().splitlines(keepends=True)
    (tmp_path / "out" / "scores.tsv").write_text("".join(rows[:5]))
    found = evaluate_scores(tmp_path / "out", resamples=0)
    assert "the evaluation is not finished: 2 clips are still to be scored" in found.warnings
    evaluate(detector(), whole, folder=tmp_path / "out", resamples=0)
    assert evaluate_scores(tmp_path / "out", resamples=0).warnings == ()


def test_what_is_evaluated_by_default(tmp_path):
    root = write_clips(tmp_path / "my data")
    assert evaluate(detector(), root, resamples=0).origin.protocol == "detect"
    assert evaluate(detector(), root, resamples=0).origin.dataset == "my data"
    assert evaluate(detector(), Dataset("x", dataset(root).utterances), resamples=0).origin.protocol == "fixed"


def test_subsets_of_a_folder_of_scores(tmp_path):
    root = write_clips(tmp_path / "data")
    evaluate(detector(), dataset(root), folder=tmp_path / "out", resamples=0)
    with pytest.raises(DataError, match="no trial of the subset 'progress'"):
        from_file(tmp_path / "out", subset="progress")
    with pytest.raises(DataError, match=r"cannot be read"):
        from_file(tmp_path / "nowhere")


def test_in_the_wild_through_the_report():
    folder = shared("scores")
    found = evaluate_scores(folder / "itw_xlsr_mamba.txt.gz", folder / "itw_key.txt.gz", resamples=5)
    assert (found.n_bonafide, found.n_spoof) == (19_963, 11_816)
    assert round(100 * found.summary.eer, 6) == 6.709324
    assert round(100 * found.summary.eer_official, 6) == 6.709324
    assert round(found.threshold, 3) == -3.334
    assert round(found.summary.min_dcf, 6) == 0.172855
    assert round(found.summary.cllr, 6) == 1.021017
    assert found.intervals["eer"].low < found.summary.eer < found.intervals["eer"].high


def test_2019_by_attack_through_the_report():
    folder = shared("scores")
    found = evaluate_scores(folder / "la19_cm_synthetic.txt.gz", folder / "la19_cm_eval_protocol.txt.gz", resamples=0)
    assert round(100 * found.summary.eer, 6) == 22.661909
    rates = {row.name: round(100 * row.eer, 6) for row in found.groups["attack"]}
    assert (rates["A07"], rates["A13"], rates["A19"]) == (19.920546, 5.452939, 35.267555)
    assert len(rates) == 13


def test_every_column_of_an_utterance_can_be_a_group():
    from fakemamba.data.dataset import COLUMNS as KNOWN

    assert set(KNOWN) <= set(COLUMNS)
