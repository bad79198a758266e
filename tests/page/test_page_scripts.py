"""The page's own modules: numbers as the report writes them, the sums behind the pictures, all text in one file."""

import json
import re
from pathlib import Path

import pytest
import soundfile
from live_server import running
from page_driver import Tab, browsing, ten_seconds, wav

from conftest import ROOT
from fakemamba.report.document import probability
from fakemamba.server.pages import TYPES
from fakemamba.timeline import clock

PAGE = ROOT / "src" / "fakemamba" / "server" / "page"
INDEX = PAGE / "index.html"
NAMED = re.compile(r'data-t(?:-label)?="([\w.]+)"')
SCRIPTS = sorted(PAGE.glob("*.js"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    microphone = tmp_path_factory.mktemp("microphone") / "voice.wav"
    microphone.write_bytes(wav(ten_seconds()))
    with browsing(microphone) as browser, running() as server:
        tab = Tab(browser, server.url + "/")
        yield tab.page
        tab.close()


def call(page, module, body, argument=None):
    """Run a function body with a module of the page as `m`."""
    return page.evaluate(f"async (x) => {{ const m = await import('/page/{module}'); {body} }}", argument)


def test_times_and_probabilities_read_as_in_the_report(page):
    times = [0, 0.04, 4.18, 59.96, 61, 599.99, 3725, 86_399.9]
    chances = [0, 0.0005, 0.001, 0.134, 0.5, 0.999, 0.9999, 1, None]
    assert call(page, "format.js", "return x.map(m.clock)", times) == [clock(one) for one in times]
    assert call(page, "format.js", "return x.map(m.probability)", chances) == [probability(one) for one in chances]


def test_the_odds_claim_no_certainty(page):
    said = call(page, "format.js", "return x.map(m.odds)", [0.0, 0.5, 0.999])
    assert "fewer than one" in said[0]
    assert "about 50 " in said[1]
    assert "more than 99" in said[2]


def test_the_spectrum_is_where_the_tone_is(page):
    tone = "Float32Array.from({ length: 16000 }, (_, k) => Math.sin(2 * Math.PI * 1000 * k / 16000))"
    levels = call(page, "spectrogram.js", f"return [...m.spectrogram({tone}, 8)]")
    column = levels[3 * 256 : 4 * 256]
    assert column.index(max(column)) == 1000 * 512 // 16_000
    assert max(column) == 255
    assert column[200] == 0  # more than 70 dB below


def test_the_transform_is_a_fourier_transform(page):
    real, imaginary = call(
        page,
        "spectrogram.js",
        "const [a, b] = [Float64Array.of(1, 2, 3, 4), new Float64Array(4)]; m.transform(a, b); return [[...a], [...b]]",
    )
    assert real == pytest.approx([10, -2, -2, -2])
    assert imaginary == pytest.approx([0, 2, 0, -2])


def test_the_recorders_wav_is_a_wav(page, tmp_path):
    data = call(
        page,
        "wav.js",
        "const pcm = m.toPcm(Float32Array.of(0, 0.5, -1, 2));"
        "return [...new Uint8Array(await m.wavFile([pcm, pcm], 48000, 'a.wav').arrayBuffer())]",
    )
    (tmp_path / "a.wav").write_bytes(bytes(data))
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert rate == 48_000
    assert samples.tolist() == [0, 16384, -32767, 32767] * 2


def test_a_table_never_holds_a_formula(page):
    body = """
        let text = "";
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { text = blob.text(); return "blob:x"; };
        HTMLAnchorElement.prototype.click = () => {};
        m.saveCsv([{ state: "failed", name: "=HYPERLINK(0),\\"x\\"", problem: { message: "", code: "not_audio" } }]);
        URL.createObjectURL = make;
        return text;
    """
    assert call(page, "save.js", body).splitlines()[1].startswith('"\'=HYPERLINK(0),""x"""')


RESULT = {
    "source": "a.wav", "source_sha256": "c0" * 32, "duration": 8.0, "speech": 7.0, "verdict": "unsure", "p_fake": None,
    "score": 1.5, "llr": None, "threshold": None, "reason": "the model x gives scores only", "segments": [],
    "timeline": [{"start": 0, "end": 4, "speech": 3, "p_fake": None, "llr": None, "score": 1.5}],
    "warnings": ["the file is cut short"], "model": "x", "model_sha256": "ab" * 32, "version": "1",
}  # fmt: skip
FAKE = {"start": 2, "end": 6, "verdict": "fake", "p_fake": 0.9, "score": -2}


def shown(page, result, decision=None):
    """What the page says of a result, and how many gauges it draws."""
    body = """
        const item = { name: "a.wav", file: new File([], "a.wav"), result: x[0], report: { json: { created: "" } } };
        const view = m.resultView(item, { decision: x[1] });
        document.body.append(view.node);
        const said = [view.node.innerText, view.node.querySelectorAll(".gauge").length];
        view.close();
        view.node.remove();
        return said;
    """
    return call(page, "result.js", body, [result, decision])


def test_a_model_without_probabilities_is_shown_without_them(page):
    said, gauges = shown(page, RESULT)
    for words in ("UNSURE", "Raw score +1.500", "The model x gives scores only.", "The file is cut short."):
        assert words in said
    assert gauges == 0
    assert "p_fake here" not in said
    assert "This voice is called fake." in shown(page, {**RESULT, "verdict": "fake", "reason": None})[0]


def test_words_never_contradict_a_moved_threshold(page):
    moved = {**RESULT, "verdict": "real", "p_fake": 0.7, "llr": -0.85, "threshold": -2.0, "reason": None}
    said, gauges = shown(page, moved, {"threshold": 0.0, "unsure_below": -1.0, "unsure_above": 1.0})
    assert "Called real at the threshold" in said
    assert "likely" not in said.split("Of 100")[0]
    assert gauges == 1


def test_a_spliced_recording_is_told_as_one(page):
    said, _ = shown(page, {**RESULT, "p_fake": 0.4, "llr": 0.4, "threshold": 0.0, "segments": [FAKE]})
    assert "Parts of this recording disagree." in said
    assert "0:02.0–0:06.0" in said


def test_every_text_that_is_asked_for_exists(page):
    asked = set()
    for path in SCRIPTS:
        asked |= set(re.findall(r"(?<![\w.])t((?:\.[A-Za-z_]+)+)", path.read_text(encoding="utf-8")))
    asked |= {f".{name}" for name in NAMED.findall(INDEX.read_text())}
    assert len(asked) > 100
    missing = call(
        page,
        "strings.js",
        "return x.filter((path) => path.split('.').slice(1).reduce((at, name) => at?.[name], m.default) === undefined)",
        sorted(asked),
    )
    assert missing == []


def test_every_text_is_used(page):
    code = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS if path.name != "strings.en.js")
    known = call(page, "strings.js", "return Object.entries(m.default).filter(([, v]) => v && typeof v == 'object')")
    computed = {"errors", "verdict", "theme", "about"}  # asked for by the names of codes, verdicts, themes and rates
    unused = [
        f"{room}.{name}"
        for room, texts in known
        if room not in computed
        for name in texts
        if not re.search(rf"\.{name}\b", code) and f'"{room}.{name}"' not in INDEX.read_text()
    ]
    assert set(unused) <= {"batch.where"}  # a column of the table


def test_there_is_no_english_outside_the_one_file():
    sentences = re.compile(r"""["'`][A-Z][a-z]+ [a-z]+[^"'`]*["'`]""")
    for path in SCRIPTS:
        if path.name == "strings.en.js":
            continue
        code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        assert sentences.findall(code) == [], path.name


def test_files_are_small_and_all_modules_load_at_once():
    for path in PAGE.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name
    preloaded = set(re.findall(r'modulepreload" href="page/([\w.-]+)"', INDEX.read_text()))
    alone = {"theme.js", "capture.worklet.js", "main.js"}  # no module, loaded by the audio thread, loaded by the page
    assert preloaded == {path.name for path in SCRIPTS} - alone


def test_nothing_is_written_inline_or_asked_elsewhere():
    html = INDEX.read_text()
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script>|https?://|//\w", html)
    for path in PAGE.iterdir():
        found = re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8"))
        assert [one for one in found if one != "http://www.w3.org/2000/svg"] == [], path.name
        assert "innerHTML" not in path.read_text(encoding="utf-8")


def test_the_pages_files_are_in_the_package():
    kinds = {path.suffix for path in PAGE.iterdir()}
    assert kinds <= set(TYPES)
    assert json.loads((Path(__file__).parent / "package.json").read_text())["devDependencies"] == {"axe-core": "4.14.1"}
