"""The page with recordings: drop, choose, hear, sort, take the report away; and what goes wrong, in plain words."""

import csv
import io
import json
import re
from hashlib import sha256

import httpx
import numpy as np
import pytest
import soundfile
from page_driver import (
    EXAMPLES,
    PHONE,
    RATE,
    axe,
    barriers,
    example,
    spliced,
    ten_seconds,
    until,
    upload,
    wav,
)

pytest_plugins = ["page_fixtures"]  # browser, url, open_tab
SILENCE = np.zeros(3 * RATE, np.float32)


def test_a_dropped_clip_is_judged_drawn_and_explained(open_tab):
    tab = open_tab()
    tab.drop("call.wav", wav(ten_seconds()))
    assert "almost certainly fake" in tab.verdict("call.wav")
    page = tab.page
    assert page.locator(".result .badge").inner_text() == "FAKE"
    explained = page.locator(".explain").inner_text()
    assert "Of 100 recordings with this evidence, more than 99 would be fake" in explained
    assert "statistical evidence, not proof" in page.locator(".answer").inner_text()
    tab.drawn()
    assert tab.colours(".wave") > 2
    assert tab.colours(".spectrogram") > 20
    assert tab.colours(".evidence") > 3
    assert page.title().startswith("Fake")
    until(
        lambda: "call.wav: This voice is almost certainly fake." in page.locator("#status").inner_text(), "said aloud"
    )
    assert page.locator("#batch").is_hidden()  # one recording needs no table


def test_an_unsure_answer_says_why_and_what_was_not_heard(open_tab):
    tab = open_tab()
    tab.choose(upload("quiet.wav", wav(SILENCE)))
    assert "nothing in it that could be judged" in tab.verdict("quiet.wav")
    assert "It is silent." in tab.page.locator(".answer .note").inner_text()
    assert tab.page.locator(".gauge").count() == 0
    assert tab.page.locator(".badge").inner_text() == "UNSURE"


def test_the_limits_and_the_known_error_rates_are_on_the_page(open_tab, url):
    told = open_tab().page.locator("#about").inner_text()
    model = httpx.get(f"{url}v1/model", trust_env=False).json()
    for limit in model["limits"]:
        assert limit in told
    for one in model["error_rates"]["sets"]:
        assert one["name"] in told
        assert f"{one['eer']:.1f} %" in told
    assert model["sha256"] in told


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(url):
    policy = httpx.get(url, trust_env=False).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_what_a_proxy_says_is_understood_too(open_tab):
    tab = open_tab()
    answers = [(502, "cannot be reached"), (413, "larger than 2 MB"), (418, "refused this recording"), (500, "broke")]
    tab.page.route("**/v1/detect*", lambda route: route.fulfill(status=answers[0][0], body="<html>"))
    while answers:
        tab.choose(upload(f"{answers[0][0]}.wav", wav(SILENCE)))
        assert answers[0][1] in tab.verdict(f"{answers[0][0]}.wav")
        answers.pop(0)


def test_a_fake_part_can_be_selected_and_the_cursor_moves(open_tab):
    tab = open_tab()
    tab.choose(upload("interview.wav", wav(spliced())))
    tab.verdict("interview.wav")
    tab.drawn()
    page = tab.page
    part = page.locator(".spans .span").first
    box, plot = part.bounding_box(), page.locator(".plot").bounding_box()
    start = 31.1 * (box["x"] - plot["x"]) / plot["width"]
    assert start == pytest.approx(9, abs=2.1)  # half a window
    assert "Fake, 0:" in part.get_attribute("aria-label")
    slider = page.get_by_role("slider", name="Position in the recording")
    part.click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    until(lambda: float(slider.input_value()) > start + 0.2, "it plays from the part's start")
    assert float(slider.input_value()) < start + 10
    cursor = page.locator(".cursor")
    before = cursor.bounding_box()["x"]
    until(lambda: cursor.bounding_box()["x"] > before, "the cursor moves")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Play", exact=True).wait_for()
    plot = page.locator(".plot").bounding_box()  # the page may have scrolled
    page.mouse.click(plot["x"] + plot["width"] * 0.95, plot["y"] + 20)
    assert float(slider.input_value()) == pytest.approx(0.95 * 31.1, abs=0.3)
    assert "0:29" in slider.get_attribute("aria-valuetext")
    assert "p_fake here 0." in page.locator(".reading").inner_text()
    page.get_by_role("button", name="Play 0:0").first.click()
    until(lambda: float(slider.input_value()) < 20, "a part in the list plays too")


def test_a_batch_can_be_sorted_and_saved(open_tab):
    tab = open_tab()
    names = ("genuine.flac", "synthetic-espeak.wav", "synthetic-flite.ogg")
    tab.choose(*(str(EXAMPLES / name) for name in names))
    page = tab.page
    rows = page.locator("#table tbody tr")
    page.locator("#table tbody tr.fake").wait_for()
    page.locator("#table tbody tr.unsure").wait_for()
    page.locator("#table tbody tr.real").wait_for()

    def order():
        return [row.locator("th").inner_text() for row in rows.all()]

    assert order() == list(names)
    head = page.locator("#table th[data-column=p]")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert order() == [names[0], names[2], names[1]]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert order() == [names[1], names[2], names[0]]
    name, text = tab.saved("All as CSV")
    table = {row["source"]: row for row in csv.DictReader(io.StringIO(text))}
    assert name.endswith(".csv")
    assert [table[name]["verdict"] for name in names] == ["real", "fake", "unsure"]
    assert table[names[0]]["source_sha256"] == sha256((EXAMPLES / names[0]).read_bytes()).hexdigest()
    _, text = tab.saved("All as JSON")
    assert [one["results"][0]["source"] for one in json.loads(text)["recordings"]] == list(names)
    page.get_by_role("button", name=f"Show {names[2]}").click()
    assert "too weak for a verdict" in tab.verdict(names[2])
    assert page.evaluate("() => document.activeElement.id") == "verdict"
    page.get_by_role("button", name=f"Remove {names[2]}").click()
    until(lambda: rows.count() == 2, "the row is gone")
    page.get_by_role("button", name="Remove all").click()
    until(lambda: page.locator(".result").count() == 0, "all is gone")
    assert page.locator("#batch").is_hidden()


def test_the_reports_are_those_of_this_analysis_and_stand_alone(open_tab):
    tab = open_tab()
    data = wav(ten_seconds())
    tab.choose(upload("call 1.wav", data))
    tab.verdict("call 1.wav")
    name, text = tab.saved("Report as JSON")
    case = json.loads(text)
    assert name == "call 1.fakemamba-report.json"
    assert case["results"][0]["source_sha256"] == sha256(data).hexdigest()
    assert len(case["results"][0]["timeline"]) == 4
    name, text = tab.saved("Report as HTML")
    assert name == "call 1.fakemamba-report.html"
    for said in (sha256(data).hexdigest(), case["model"]["sha256"], case["created"][:10], "--model compact-3"):
        assert said in text
    report = tab.context.new_page()
    asked = []
    report.on("request", lambda request: asked.append(request.url))
    report.set_content(text)
    assert report.locator("svg .curve").count() == 1
    assert asked == []
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", report.pdf(prefer_css_page_size=True))
    assert [float(side) for side in box.groups()] == pytest.approx([595, 842], abs=1)  # A4 in points


def test_long_recordings_tell_how_far_the_work_is(open_tab):
    watch = """addEventListener("DOMContentLoaded", () => {
        window.told = [];
        new MutationObserver(() => {
            const line = document.querySelector(".busy-line");
            if (line) window.told.push(line.textContent);
        }).observe(document.body, { childList: true, subtree: true, characterData: true });
    })"""
    tab = open_tab(init=watch)
    tab.choose(upload("long.wav", wav(np.resize(spliced(), 60 * RATE))))
    tab.verdict("long.wav")
    told = tab.page.evaluate("() => window.told")
    assert any(line.startswith("Sending: ") for line in told)
    assert any(line.startswith("Judged ") and line.endswith(" of 1:00.0") for line in told)


def test_what_cannot_be_judged_is_told_in_plain_words(open_tab):
    tab = open_tab()
    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(RATE * 200, np.int16), RATE, format="FLAC")
    for name, data, words in (
        ("letter.pdf", b"%PDF-1.4 no sound", "not audio"),
        ("empty.wav", b"", "The file is empty."),
        ("big.wav", bytes(2_100_000), "larger than 2 MB"),
        ("long.flac", flac.getvalue(), "longer than 2.5 minutes"),
        ("cut.wav", b"RIFF\x24\0\0\0WAVEfmt ", "damaged"),
    ):
        tab.choose(upload(name, data))
        assert words in tab.verdict(name), name
    page = tab.page
    assert page.get_by_role("button", name="Try again").count() == 0  # that would not mend a file
    assert "cut.wav: The file is damaged" in until(lambda: page.locator("#status").inner_text(), "said aloud")


def test_a_busy_server_is_asked_again(open_tab):
    tab = open_tab()
    asked = []

    def busy_once(route):
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()
            return
        body = json.dumps({"error": {"code": "busy", "message": "the server is full"}})
        route.fulfill(status=503, headers={"Retry-After": "1", "Content-Type": "application/json"}, body=body)

    tab.page.route("**/v1/detect*", busy_once)
    tab.choose(str(EXAMPLES / "genuine.flac"))
    tab.page.locator(".busy-line", has_text="The server is busy. Trying again in").wait_for()
    assert "likely real" in tab.verdict("genuine.flac")
    assert len(asked) == 2


def test_without_a_connection_the_recording_waits_for_the_user(open_tab):
    tab = open_tab()
    tab.context.set_offline(True)
    tab.choose(str(EXAMPLES / "genuine.flac"))
    assert "cannot be reached" in tab.verdict("genuine.flac")
    tab.context.set_offline(False)
    tab.page.get_by_role("button", name="Try again").click()
    tab.page.locator(".result.real").wait_for()


def test_what_is_under_way_can_be_cancelled(open_tab):
    tab = open_tab()
    held = []
    tab.page.route("**/v1/detect*", lambda route: held.append(route))  # not answered
    tab.choose(str(EXAMPLES / "genuine.flac"))
    tab.page.get_by_role("button", name="Cancel").click()
    assert "Cancelled. Nothing was judged." in tab.verdict("genuine.flac")
    tab.page.unroute("**/v1/detect*")
    tab.page.get_by_role("button", name="Try again").click()
    tab.page.locator(".result.real").wait_for()


def test_everything_can_be_done_with_keys(open_tab):
    tab = open_tab()
    page = tab.page
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # now: it takes effect some time after

    def here():
        return page.evaluate(
            """() => {
                const at = document.activeElement;
                const styled = at.id === "files" ? at.parentElement : at;
                const style = getComputedStyle(styled);
                const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
                return [name.trim(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
            }"""
        )

    def reach(name):
        passed = []
        for _ in range(40):
            page.keyboard.press("Tab")
            label, visible = here()
            assert visible, f"no visible focus on {label}"
            passed.append(label)
            if label.startswith(name):
                return passed
        raise AssertionError(f"{name} is not reached by Tab: {passed}")

    page.keyboard.press("Tab")
    assert here()[0] == "Skip to the content"
    assert reach("Choose files")[-2].startswith("Theme")
    page.keyboard.press("Enter")
    until(lambda: page.title() and choosers, "the system's dialogue opens")  # asking anything lets events in
    choosers[0].set_files(upload("interview.wav", wav(spliced())))
    tab.verdict("interview.wav")
    reach("Fake, 0:")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    reach("Pause")
    page.keyboard.press("Space")
    reach("Position")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert float(page.get_by_role("slider").input_value()) == pytest.approx(0.1, abs=0.01)
    reach("Report as HTML")
    with page.expect_download():
        page.keyboard.press("Enter")


def test_a_phone_needs_no_sideways_scrolling(open_tab):
    tab = open_tab(viewport=PHONE)
    page = tab.page

    def fits():
        return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")

    assert fits()
    tab.choose(upload("a rather long name of an interview without an end.wav", wav(spliced())))
    tab.verdict("a rather long name")
    tab.drawn()
    assert fits()
    tab.choose(upload("g.wav", wav(example("genuine.flac"))), upload("letter.pdf", b"%PDF-1.4"))
    page.locator("#table tr.failed").wait_for()
    page.locator("#table tr.real").wait_for()
    assert fits()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, summary, .button")]
            .map((node) => [node.textContent, node.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([text]) => text)"""
    )
    assert small == []  # WCAG 2.2, 2.5.8


def test_the_theme_follows_the_system_until_one_is_chosen(open_tab):
    tab = open_tab(color_scheme="dark")
    page = tab.page

    def paper():
        return page.evaluate("() => getComputedStyle(document.body).backgroundColor")

    dark = paper()
    page.emulate_media(color_scheme="light")
    light = paper()
    assert dark != light
    button = page.locator("#theme")
    for name, colour in (("light", light), ("dark", dark)):
        button.click()
        assert button.inner_text() == f"Theme: {name}"
        assert paper() == colour
    page.reload()
    assert paper() == dark
    button.click()
    assert button.inner_text() == "Theme: automatic"
    assert paper() == light


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(open_tab, theme):
    tab = open_tab(color_scheme=theme, init=axe())
    assert barriers(tab) == []
    tab.choose(upload("interview.wav", wav(spliced())))
    tab.verdict("interview.wav")
    tab.drawn()
    assert barriers(tab) == []
    tab.choose(
        upload("quiet.wav", wav(SILENCE)),
        upload("letter.pdf", b"%PDF-1.4"),
        upload("g.wav", wav(example("genuine.flac"))),
    )
    tab.page.locator("#table tr.failed").wait_for()
    tab.page.locator("#table tr.real").wait_for()
    tab.verdict("quiet.wav")
    assert barriers(tab) == []
    tab.page.get_by_role("button", name="Show letter.pdf").click()
    tab.verdict("letter.pdf")
    assert barriers(tab) == []
