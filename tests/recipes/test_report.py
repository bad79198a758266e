"""The report: what is done to clips, what is asked once, numbers by hand, the page in docs/."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT
from fakemamba.checkpoint.folder import Decision
from fakemamba.detect import Detector
from fakemamba.metrics import eer
from fakes import FakeScorer, speech, tiny_card
from recipes.builtin import keep
from recipes.builtin.bank import CODECS, Bank
from recipes.builtin.manifest import RATE, Clip
from recipes.builtin.report import docs, markdown, tables
from recipes.builtin.report.conditions import CLEAN, Condition, all_conditions, noisy
from recipes.builtin.report.judged import Bench, Judged


def row(label: str, source: str = "librispeech", system: str = "human", **more: object) -> Clip:
    return Clip(**{"path": f"audio/{source}/x.flac", "label": label, "split": "dev", "system": system,
                   "family": system, "speaker": "s", "language": "en", "source": source, "licence": "",
                   "seconds": 3.2, **more})  # fmt: skip


def judged(clip: Clip, llr: float | None, verdict: str = "unsure") -> Judged:
    probability = None if llr is None else float(1 / (1 + np.exp(llr)))
    return Judged(clip, llr, llr, probability, verdict)


GENUINE, FAKE = row("bonafide"), row("spoof", "larynx", "GlowTTS")


# --- conditions -------------------------------------------------------------------------------------------------------


def bank_of(waves: list[np.ndarray]) -> Bank:
    """Each wave as its only view."""
    ends = np.cumsum([0, *map(len, waves)])
    samples = np.concatenate(waves)
    return Bank(np.round(samples * 32767).astype(np.int16), np.stack([ends[:-1], ends[1:]], axis=1), "bank")


@pytest.mark.parametrize("snr", [20, 5])
@pytest.mark.parametrize("backgrounds", [[], [np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)]])
def test_noise_is_as_far_below_the_voice_as_asked(snr: int, backgrounds: list[np.ndarray]) -> None:
    wave = np.random.default_rng(1).normal(0, 0.05, 2 * RATE).astype(np.float32)
    for seed in range(4):
        added = noisy(snr, backgrounds)(wave, np.random.default_rng(seed)) - wave
        assert 10 * np.log10(np.mean(wave**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.6)


def test_a_clip_meets_one_noise_at_all_levels_and_another_clip_another() -> None:
    wave = np.random.default_rng(1).normal(0, 0.05, RATE).astype(np.float32)
    bank = bank_of([wave, wave])
    twenty, ten = (Condition("n", "noise", "", change=noisy(snr, [])) for snr in (20, 10))
    one, other = row("bonafide", path="a/1.flac"), row("bonafide", path="a/2.flac")
    quiet, loud = (c.wave(bank, 0, one, 7) - bank.wave(0, 0) for c in (twenty, ten))
    assert np.corrcoef(quiet, loud)[0, 1] > 0.999
    assert abs(np.corrcoef(quiet, twenty.wave(bank, 1, other, 7) - bank.wave(1, 0))[0, 1]) < 0.2
    np.testing.assert_array_equal(twenty.wave(bank, 0, one, 7), twenty.wave(bank, 0, one, 7))
    assert not np.array_equal(twenty.wave(bank, 0, one, 7), twenty.wave(bank, 0, one, 8))


def test_every_codec_of_the_core_install_stands_alone_and_lengths_are_cut() -> None:
    found = {c.name: c for c in all_conditions(3, [])}
    assert {f"codec-{name}" for name in CODECS} <= set(found)
    assert len(found) == len(all_conditions(3, []))
    wave = speech(3.5)
    bank = bank_of([wave])
    assert len(found["first-1"].wave(bank, 0, GENUINE, 0)) == RATE
    assert len(found["clean"].wave(bank, 0, GENUINE, 0)) == len(wave)
    for name in ("codec-gsm", "line"):
        made = found[name].wave(bank, 0, GENUINE, 0)
        assert len(made) == len(wave)
        assert 0.001 < float(np.abs(made - bank.wave(0, 0)).mean()) < 0.1


# --- asked once -------------------------------------------------------------------------------------------------------


def bench(folder: Path, scorer: FakeScorer, clips: list[Clip], **card: object) -> Bench:
    waves = [speech(1.0, seed=i, level=0.9 if c.label == "spoof" else 0.3) for i, c in enumerate(clips)]
    detector = Detector(scorer, tiny_card(**card), model_sha256="ab" * 32)
    return Bench(detector, clips, bank_of(waves), folder, 1)


def test_answers_are_kept_until_the_clips_or_the_model_change(tmp_path: Path) -> None:
    clips = []
    for number, label in enumerate(("bonafide", "spoof", "spoof")):
        path = tmp_path / f"{number}.flac"
        path.write_bytes(b"x")
        clips.append(row(label, path=str(path), split="dev" if number < 2 else "test"))
    scorer = FakeScorer(lambda wave: -6.0 if np.abs(wave).max() > 0.5 else 6.0)
    first = bench(tmp_path, scorer, clips).judge(CLEAN)
    assert [(j.verdict, j.score, j.llr) for j in first] == [("real", 6.0, 6.0), ("fake", -6.0, -6.0)]
    asked = len(scorer.shapes)
    assert bench(tmp_path, scorer, clips).judge(CLEAN) == first
    assert len(scorer.shapes) == asked
    wider = bench(tmp_path, scorer, clips, decision=Decision(unsure_below=9.0, unsure_above=1.0)).judge(CLEAN)
    assert [j.verdict for j in wider] == ["real", "unsure"]
    (tmp_path / "0.flac").write_bytes(b"xy")
    asked = len(scorer.shapes)
    bench(tmp_path, scorer, clips, decision=Decision(unsure_below=9.0, unsure_above=1.0)).judge(CLEAN)
    assert len(scorer.shapes) == asked + 2


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_ratios_that_say_nothing_cost_a_bit_and_are_honest() -> None:
    nothing = [judged(GENUINE, 0.0)] * 6 + [judged(FAKE, 0.0)] * 2
    found = tables.calibration(nothing)
    assert (found["cllr"], found["difference"], found["clips"]) == (pytest.approx(1.0), pytest.approx(0.0), (6, 2))
    assert found["ece"] == pytest.approx(0.0)  # stated at the set's own share: 75 % genuine
    sure = [judged(GENUINE, 20.0)] * 3 + [judged(FAKE, -20.0)] * 3
    assert tables.calibration(sure)["cllr"] == pytest.approx(0.0, abs=1e-6)
    swapped = [judged(GENUINE, -2.0), judged(FAKE, 2.0), judged(GENUINE, None)]
    found = tables.calibration(swapped)
    assert found["cllr"] == pytest.approx(np.log2(1 + np.exp(2)))
    assert found["ece"] == pytest.approx(100 / (1 + np.exp(-2)))
    assert found["clips"] == (1, 1)


def test_classes_weigh_alike_in_verdicts() -> None:
    made = [judged(GENUINE, 1, "real")] * 6 + [judged(GENUINE, -1, "fake")] * 2
    made += [judged(FAKE, -1, "fake"), judged(FAKE, 0, "unsure")]
    found = tables.verdicts(made)
    assert found == {"unsure": 25.0, "wrong_outside_unsure": pytest.approx(100 * 25 / 150),
                     "genuine_called_fake": 25.0, "fakes_called_real": 0.0, "fakes_called_fake": 50.0}  # fmt: skip
    assert tables.verdicts(made, lambda _: "real")["fakes_called_real"] == 100.0
    alone = tables.verdicts([judged(FAKE, -1, "fake"), judged(FAKE, 0, "unsure")])
    assert (alone["unsure"], alone["fakes_called_fake"], alone["genuine_called_fake"]) == (50.0, 50.0, None)


@pytest.mark.parametrize(
    ("told", "language"),
    [("en-us", "en"), ("en_US", "en"), ("en(zh L1)", "en"), ("", "not told"), ("jv_ID", "jv"), ("cmn", "cmn")],
)
def test_languages_are_told_in_one_way(told: str, language: str) -> None:
    assert tables.language(row("spoof", language=told)) == language


def test_a_source_is_set_against_its_own_kind() -> None:
    rng = np.random.default_rng(0)
    made = [judged(GENUINE, float(x)) for x in rng.normal(1, 1, 30)]
    made += [judged(FAKE, float(x)) for x in rng.normal(-1, 1, 20)]
    made += [judged(row("bonafide", "page-a"), float(x)) for x in rng.normal(5, 1, 9)]
    made += [judged(row("spoof", "page-a"), float(x)) for x in rng.normal(4, 1, 9)]
    made += [judged(row("spoof", "page-b"), 0.0)] * 3
    found = tables.by_source(made)
    llr = np.array([j.llr for j in made])
    expected = 100 * eer(llr[:50], [1] * 30 + [0] * 20).value
    assert found["larynx"]["eer"] == found["librispeech"]["eer"] == pytest.approx(expected)
    assert found["page-a"]["eer"] == pytest.approx(100 * eer(llr[50:68], [1] * 9 + [0] * 9).value)
    assert found["page-b"]["eer"] is None
    assert found["page-b"]["clips"] == (0, 3)


def test_an_interval_holds_its_value_and_is_narrow_where_all_is_clear() -> None:
    rng = np.random.default_rng(0)
    made = [judged(GENUINE, float(x)) for x in rng.normal(1, 1, 40)] + [
        judged(FAKE, float(x)) for x in rng.normal(-1, 1, 40)
    ]
    low, high = tables.macro_interval(made)
    assert low < tables.table(made).macro < high
    clear = [judged(GENUINE, 9.0)] * 5 + [judged(FAKE, -9.0)] * 5
    assert tables.macro_interval(clear) == (0.0, 0.0)


def test_what_was_not_judged_counts_in_no_rate() -> None:
    made = [judged(GENUINE, 9.0)] * 3 + [judged(FAKE, -9.0)] * 3 + [judged(FAKE, None)] * 2
    found = tables.condition(made)
    assert (found["macro"], found["not_judged"], found["clips"]) == (0.0, 25.0, {"larynx": (3, 3)})
    assert found["macro_of_3_s"] == 0.0
    short = [replace(j, clip=replace(j.clip, seconds=2.0)) for j in made]
    assert tables.condition(short)["macro_of_3_s"] is None


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_shows_its_own_report() -> None:
    """As `python -m recipes.builtin.report.docs docs/built-in-model.md` makes it."""
    page = ROOT / "docs" / "built-in-model.md"
    text = page.read_text(encoding="utf-8")
    found = keep.read_json(page.with_suffix(".json"))
    assert docs.filled(text, found) == text
    assert {name for _, name, _ in docs.MARK.findall(text)} >= {
        "dev",
        "noise",
        "codec",
        "duration",
        "language",
        "pages",
    }
    for name in ("noise", "duration", "codecs"):
        assert (page.parent / f"{page.stem}-{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_tables_are_replaced_and_unknown_ones_refused() -> None:
    report = {"worst": [{"clip": "a/b.flac", "label": "spoof", "system": "VITS", "p_fake": 0.25, "seconds": 2.5}]}
    made = docs.filled("a\n<!-- table worst -->\nold | cells\n<!-- end -->\nz", report)
    assert "| a/b.flac | spoof | VITS | 0.250 | 2.5 |" in made
    assert "old" not in made
    assert made.startswith("a\n<!-- table worst -->\n\n| surest mistakes |")
    assert made.endswith("\n\n<!-- end -->\nz")
    assert docs.filled(made, report) == made
    with pytest.raises(SystemExit, match=r"no table 'best'; there are targets, dev, .*worst"):
        docs.filled("<!-- table best -->\n<!-- end -->", report)


def test_what_was_not_measured_is_said() -> None:
    assert markdown.pages({"left_out": None}) == "Not measured in this run."
    left = {"pages": {"clean": {"page-a": 10.0, "page-b": 20.0}, "heavy": {"page-a": 30.0, "page-b": 50.0}},
            "families": {}, "clips": {"page-a": [5, 6], "page-b": [7, 8]}, "steps": 600, "units": 48,
            "training_clips": 99}  # fmt: skip
    lines = markdown.pages({"left_out": left}).splitlines()
    assert lines[0].startswith("Single trainings of 600 steps and 48 units, on the 99 training clips")
    assert lines[4:] == [
        "| mean |  | 15.0 | 40.0 |",
        "| page-b | 7 / 8 | 20.0 | 50.0 |",
        "| page-a | 5 / 6 | 10.0 | 30.0 |",
    ]
    assert markdown.families({"left_out": left}) == "Not measured in this run."
