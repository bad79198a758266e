"""Every kind of report: complete, machine-readable where it claims so, and safe with hostile names."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from fakemamba.checkpoint.folder import Calibration, Near
from fakemamba.detect import Detector
from fakemamba.report import KINDS, Failure, Report, render
from fakemamba.report.document import LIMITS, certainty, make_report, printable, probability, summary
from fakemamba.report.repeat import repeat_command, software
from fakemamba.report.text_report import block
from fakemamba.result import JudgedWindow, NearScores, Result, Segment
from fakes import RATE, FakeScorer, speech, tiny_card

HOSTILE = 'a<script>alert(1)</script>"&\x1b[31m\n.wav'


def result(**changes) -> Result:
    values = {
        "source": "talks/clip.wav",
        "source_sha256": "c0" * 32,
        "duration": 12.0,
        "speech": 9.5,
        "verdict": "fake",
        "p_fake": 0.953,
        "score": -1.5,
        "llr": -3.0,
        "threshold": 0.0,
        "segments": (
            Segment(start=0.0, end=4.0, verdict="real", p_fake=0.1, score=1.1),
            Segment(start=4.0, end=9.0, verdict="fake", p_fake=0.99, score=-4.0),
        ),
        "model": "tiny",
        "model_sha256": "ab" * 32,
        "version": "0.1.0",
    }
    return Result(**{**values, **changes})


def report(*results: Result, failures=()) -> Report:
    detector = Detector(FakeScorer(), tiny_card(), model_sha256="ab" * 32)
    return make_report(detector, list(results), list(failures), now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


UNJUDGED = result(
    source="quiet.wav", verdict="unsure", p_fake=None, score=None, llr=None, reason="it is silent", segments=()
)


def test_json_is_one_strict_document_with_everything():
    text = render(report(result(), UNJUDGED, failures=[Failure(source="x.txt", error="not audio")]), "json")
    plain = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert list(plain) == [
        "fakemamba",
        "created",
        "model",
        "settings",
        "operating_point",
        "command",
        "software",
        "error_rates",
        "results",
        "errors",
    ]
    assert plain["created"] == "2026-01-02T03:04:05+00:00"
    assert plain["model"] == {
        "name": "tiny",
        "sha256": "ab" * 32,
        "precision": "fp32",
        "licence": "Apache-2.0",
        "origin": "made by the tests",
    }
    assert plain["settings"]["unsure_below"] == -1.0
    assert plain["settings"]["window"] == 2.0
    assert plain["results"][0]["segments"][1] == {
        "start": 4.0,
        "end": 9.0,
        "verdict": "fake",
        "p_fake": 0.99,
        "score": -4.0,
        "near": False,
    }
    assert plain["results"][1]["p_fake"] is None
    assert plain["errors"] == [{"source": "x.txt", "error": "not audio"}]


def test_csv_has_a_row_for_every_file_judged_or_not():
    text = render(
        report(result(source='a,"b".wav'), UNJUDGED, failures=[Failure(source="x.txt", error="not audio")]), "csv"
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["source"] for row in rows] == ['a,"b".wav', "quiet.wav", "x.txt"]
    assert rows[0]["segments"] == "0.00-4.00 real; 4.00-9.00 fake"
    assert float(rows[0]["p_fake"]) == 0.953
    assert (rows[1]["verdict"], rows[1]["p_fake"], rows[1]["reason"]) == ("unsure", "", "it is silent")
    assert rows[2]["error"] == "not audio"


def test_csv_never_holds_a_formula_but_keeps_negative_numbers():
    (row,) = csv.DictReader(io.StringIO(render(report(result(source="=HYPERLINK(0).wav")), "csv")))
    assert row["source"] == "'=HYPERLINK(0).wav"
    assert float(row["score"]) == -1.5


class Page(HTMLParser):
    """Collects tags and text, and fails where tags do not match."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_html_says_all_that_a_reader_needs():
    page = Page(render(report(result(reason="r.", warnings=("cut short",)), UNJUDGED), "html"))
    for said in ("clip.wav", "FAKE", "very likely", "0.953", "c0" * 32, "ab" * 32, "Cut short", "It is silent"):
        assert said in page.words
    for fact in ("tiny", "Apache-2.0", "made by the tests", "2.000 s, every 1.000 s", "-1.000 and +1.000", "0.1.0"):
        assert fact in page.words
    for limit in LIMITS:
        assert limit in page.words


@pytest.mark.parametrize("kind", KINDS)
def test_scores_without_calibration_claim_no_probability(kind):
    detector = Detector(FakeScorer(), tiny_card(calibration=None))
    raw = detector.detect((speech(3.0), RATE), name="raw.wav")
    text = render(make_report(detector, [raw], []), kind)
    assert "not calibrated and gives scores only" in text
    assert "5.0" in text
    if kind == "json":
        assert json.loads(text)["settings"]["threshold"] is None
    if kind == "html":
        assert "UNSURE" in Page(text).words
        assert "p_fake –" not in text


WINDOWS = tuple(
    JudgedWindow(start=k, end=k + 2, speech=1.5, p_fake=p, llr=-1.0, score=-1.0)
    for k, p in ((0, 0.25), (1, 0.75), (8, 1.0))
)


def test_html_draws_p_fake_over_time_and_breaks_where_nothing_was_judged():
    tags = Page(render(report(result(timeline=WINDOWS)), "html")).tags
    (curve,) = [at["d"] for name, at in tags if name == "path" and at.get("class") == "curve"]
    # of 12 s: middles at 1, 2 and 9 s; the third window does not touch the second
    assert curve == "M83.33 75.00h.1L166.67 25.00M750.00 0.00h.1"
    (reach,) = [at["d"] for name, at in tags if name == "path" and at.get("class") == "reach"]
    assert reach.startswith("M0.00 75.00H166.67M83.33 25.00H250.00")
    (shade,) = [at for name, at in tags if name == "rect" and at.get("class") == "shade"]
    assert (shade["x"], shade["width"]) == ("333.33", "416.67")
    long = tuple(replace(WINDOWS[0], start=k, end=k + 2) for k in range(600))
    page = render(report(result(timeline=long, duration=602.0)), "html")
    assert 'class="curve"' in page
    assert 'class="dots"' not in page
    bare = tuple(replace(window, p_fake=None, llr=None) for window in WINDOWS)
    assert 'class="curve"' not in render(report(result(timeline=bare)), "html")


def test_html_tells_how_to_repeat_it():
    page = Page(render(report(result(source="a b'c.wav")), "html"))
    assert "fakemamba detect --model tiny --output report.html 'a b'\"'\"'c.wav'" in page.words
    assert "analysed 2026-01-02 03:04:05 UTC" in page.words
    for name, value in software().items():
        assert f"{name} {value}" in page.words
    assert {"fakemamba", "python", "numpy", "libsndfile", "machine"} <= set(software())


def test_the_command_states_what_differs_from_the_models_own():
    moved = Detector(FakeScorer(), tiny_card(), threshold=-0.5)
    assert (
        repeat_command(moved, ["x.wav"]) == "fakemamba detect --model tiny --threshold=-0.5 --output report.html x.wav"
    )
    raw = Detector(FakeScorer(), tiny_card(calibration=None), threshold=0.0)
    assert "--threshold=0.0" in repeat_command(raw, ["x.wav"])
    own = Detector(FakeScorer(), tiny_card())
    assert repeat_command(own, ["-"]).endswith("report.html - < recording")
    assert repeat_command(own, ["-x.wav"]).endswith("-- -x.wav")
    given = repeat_command(own, ["d"], model="./m", device="cpu", recursive=True)
    assert given == "fakemamba detect --model ./m --device cpu --recursive --output report.html d"


def test_known_error_rates_are_told_and_unknown_ones_are_not_invented():
    assert "states no error rates" in Page(render(report(result()), "html")).words
    rates = {"source": "docs", "sets": [{"name": "held <out>", "genuine": 10, "fake": 20, "eer": 12.34, "wrong": None}]}
    card = tiny_card(training={"error_rates": rates})
    known = make_report(Detector(FakeScorer(), card), [result()], [])
    words = Page(render(known, "html")).words
    for said in ("held <out>", "10 / 20", "12.3 %", "–", "Details: docs"):
        assert said in words
    assert json.loads(render(known, "json"))["error_rates"] == rates
    odd = Detector(FakeScorer(), tiny_card(training={"error_rates": {"sets": "none"}}))
    assert "states no error rates" in render(make_report(odd, [result()], []), "html")


def test_html_is_laid_out_for_paper():
    text = render(report(result()), "html")
    assert "@page { size: A4" in text
    assert "table-header-group" in text


def test_html_stands_alone():
    text = render(report(result()), "html")
    names = {name for name, _ in Page(text).tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"}
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|url\(|@import|\bon\w+=|src=", text)


def test_html_draws_the_segments_to_scale():
    tags = Page(render(report(result()), "html")).tags
    blocks = [at for name, at in tags if name == "rect" and at.get("height") == "34" and "span" in (at["class"] or "")]
    assert [(at["class"], at["x"], at["width"]) for at in blocks] == [
        ("span real", "0.000%", "33.333%"),
        ("span fake", "33.333%", "41.667%"),
    ]


NEAR = NearScores(window=0.5, hop=0.125, threshold=1.0, llr=(None, -2.0, None, 2.0, *[1.0] * 5000))
LONG = (JudgedWindow(start=0, end=4, speech=4, p_fake=0.1, llr=2.2, score=2.2),)


def test_html_draws_the_near_curve_behind_the_windows_and_no_finer_than_can_be_seen():
    found = result(timeline=LONG, near=NEAR, duration=626.0)
    text = render(report(found), "html")
    (path,) = [at["d"] for name, at in Page(text).tags if name == "path" and at.get("class") == "near"]
    assert path.startswith("M0.9 11.9L")  # 6 windows a point, the most suspicious counts: p_fake(-2) = 0.881
    assert path.count("L") == 833
    assert "Thin and grey" in text
    without = render(report(result(timeline=LONG)), "html")
    assert 'class="near"' not in without
    assert "Thin and grey" not in without


def test_reports_tell_what_short_windows_found():
    card = tiny_card(near=Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=1.0, length=3.0))
    detector = Detector(FakeScorer(), card, model_sha256="ab" * 32)
    close = Segment(start=4.0, end=4.7, verdict="fake", p_fake=0.99, score=-4.0, near=True)
    made = make_report(detector, [result(near=NEAR, segments=(close,))], [])
    assert (made.settings["near_window"], made.settings["near_hop"]) == (0.5, 0.125)
    text = render(made, "html")
    assert "<b>fake</b> (short windows)" in text
    assert "near pass 0.500 s, every 0.125 s" in text
    assert make_report(detector, [result()], []).settings["near_window"] is None


def test_the_command_repeats_that_no_near_look_was_taken():
    card = tiny_card(near=Near(seconds=0.5, hop=0.125, calibration=Calibration(), threshold=1.0, length=3.0))
    assert "--no-near" in repeat_command(Detector(FakeScorer(), card), ["a.wav"], near=False)
    assert "--no-near" not in repeat_command(Detector(FakeScorer(), card), ["a.wav"])
    assert "--no-near" not in repeat_command(Detector(FakeScorer(), tiny_card()), ["a.wav"], near=False)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_harmless_everywhere(kind):
    failed = Failure(source=HOSTILE, error=HOSTILE)
    text = render(report(result(source=HOSTILE, reason=HOSTILE, warnings=(HOSTILE,)), failures=[failed]), kind)
    if kind in ("html", "text"):
        assert "\x1b" not in text
    if kind == "html":
        assert "<script" not in text
        assert "&lt;script&gt;" in text
    if kind == "json":
        assert json.loads(text)["results"][0]["source"] == HOSTILE


def test_names_that_are_no_text_can_be_written():
    assert printable("caf\udce9.wav") == "caf\\udce9.wav"
    for kind in ("text", "html"):
        render(report(result(source="caf\udce9.wav")), kind).encode("utf-8")


def test_text_says_where_only_if_the_spans_differ_from_the_whole():
    assert "0:00.0–0:04.0 real, 0:04.0–0:09.0 fake" in block(result()).plain
    plain = result(segments=(Segment(start=0, end=9, verdict="fake", p_fake=0.9, score=-1),))
    assert "where" not in block(plain).plain


def test_text_names_few_spans_and_counts_the_rest():
    many = tuple(
        Segment(start=k, end=k + 1, verdict="fake" if k % 2 else "real", p_fake=0.5, score=0.0) for k in range(20)
    )
    assert "and 14 more" in block(result(segments=many)).plain


def test_verbose_text_shows_numbers_and_hashes():
    shown = block(result(), verbose=True).plain
    for said in ("-1.5000", "-3.0000", "9.5 s of 12.0 s", "tiny", "c0" * 32):
        assert said in shown


@pytest.mark.parametrize(
    ("verdict", "p_fake", "words"),
    [
        ("fake", 0.995, "almost certainly"),
        ("real", 0.005, "almost certainly"),
        ("fake", 0.95, "very likely"),
        ("real", 0.2, "likely"),
        ("fake", 0.6, "slightly more likely than not"),
        ("fake", 0.3, "by the threshold chosen"),
        ("unsure", 0.5, ""),
        ("real", None, ""),
    ],
)
def test_certainty_in_words(verdict, p_fake, words):
    assert certainty(result(verdict=verdict, p_fake=p_fake)) == words


def test_probability_claims_no_certainty():
    assert [probability(p) for p in (0.0, 0.0005, 0.5, 0.9999, 1.0, None)] == [
        "< 0.001",
        "< 0.001",
        "0.500",
        "> 0.999",
        "> 0.999",
        "–",
    ]


def test_summary_counts():
    assert summary(report(result(), UNJUDGED)) == "2 files: 1 fake, 1 unsure, 0 real"
    failed = [Failure(source="x", error="y")]
    assert summary(report(failures=failed)) == "1 file: 0 fake, 0 unsure, 0 real, 1 could not be judged"
