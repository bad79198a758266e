"""The page: it stands alone, trusts nothing from outside, and comes without plots or sounds where they cannot be."""

import base64
import io
import re
from dataclasses import replace

import pytest
from evaluation_makers import dataset, detector, judged, write_clips, write_wave

from fakemamba import plots
from fakemamba.data.dataset import Dataset
from fakemamba.evaluation import evaluate, measure
from fakemamba.evaluation.html_report import render
from fakemamba.evaluation.pictures import CAPTIONS, pictures
from fakemamba.evaluation.players import players
from fakemamba.evaluation.text_report import blocks
from fakes import speech

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
)


@pytest.fixture
def found(tmp_path):
    """Two mistakes of either kind: a loud real clip and a quiet fake one."""
    root = write_clips(tmp_path / "data", real=4, fake=4)
    write_wave(root / "real" / "rx.wav", speech(2.5, level=0.9))
    write_wave(root / "fake" / "a" / "fx.wav", speech(3.5, level=0.1))
    return evaluate(detector(), dataset(root), protocol="detect", resamples=10)


def test_it_asks_nobody_and_runs_nothing(found):
    page = render(found)
    assert f'content="{POLICY}"' in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert not re.search(r"https?:", re.sub(r'src="data:[^"]*"', "", page))
    assert re.findall(r'<audio[^>]*src="data:(audio/[a-z]+)', page) == ["audio/mpeg"] * 2
    assert page.count('src="data:image/svg+xml') == len(pictures(found)) >= 4


def test_names_from_outside_are_escaped_everywhere():
    evil = "<script>alert(1)</script>\x1b[31m"
    rows = [(f"{evil}{k}", k % 2, 2.0 * (k % 3) - 1, {"attack": f"{evil}{k % 4}" * (k % 2 == 0)}) for k in range(12)]
    report = measure(judged(rows, model=evil), resamples=0)
    report = replace(report, warnings=(evil,), notes=(evil,))
    page = render(report)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert all("\x1b" not in str(getattr(block, "plain", "")) for block in blocks(report))


def test_sounds_can_stay_at_home(found):
    page = render(found, sounds=False)
    assert "<audio" not in page
    assert "fx" in page


def test_without_matplotlib_the_report_still_comes(found, monkeypatch):
    monkeypatch.setattr(plots, "available", lambda: False)
    page = render(found)
    assert "pip install &#x27;fakemamba[plot]&#x27;" in page
    assert "<img" not in page
    assert "Equal error rate" in page


def test_sounds_are_capped_and_missing_files_left_out(tmp_path):
    paths = [write_wave(tmp_path / f"{k}.wav", speech(30.0, seed=k)) for k in range(3)]
    uris = players([paths[0], tmp_path / "gone.wav", *paths[1:]], most_bytes=90_000)
    assert [bool(uri) for uri in uris] == [True, False, True, False]
    data = base64.b64decode(uris[0].partition("base64,")[2])
    assert len(data) < 60_000  # eight seconds, not thirty
    assert sum(map(len, uris)) <= 90_000


def test_every_plot_has_a_caption_and_one_class_still_gives_its_histogram(found):
    assert set(pictures(found)) <= set(CAPTIONS)
    alone = measure(judged([("a", 0, 1.0), ("b", 0, -1.0)]), resamples=0)
    assert list(pictures(alone)) == ["scores"]
    assert "Only spoofed clips" in render(alone)


def test_the_text_says_what_the_page_says(found):
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    for block in blocks(found):
        console.print(block)
    text = console.export_text()
    for words in (
        "tiny on mine",
        "10 of 10 clips scored",
        "EER %",
        "Verdicts as people read them",
        "By attack",
        "By duration",
    ):
        assert words in text


def test_a_run_over_nothing_readable_is_told(tmp_path):
    from fakemamba.errors import DataError

    root = write_clips(tmp_path, real=1, fake=1)
    for path in root.rglob("*.wav"):
        path.write_bytes(b"no sound")
    with pytest.raises(DataError, match=r"mine: none of 2 clips has a score; the first, \w0: not audio"):
        evaluate(detector(), Dataset("mine", dataset(root).utterances))
