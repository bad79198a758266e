"""The page with a microphone, which plays a file here: record, listen live, be refused; and with an API key."""

import json

import pytest
from live_server import running
from page_driver import PHONE, Tab, axe, barriers, ten_seconds, until, wav

from fakemamba.server.keys import read_keys

pytest_plugins = ["page_fixtures"]  # browser, url, open_tab
KEY = "a-key-that-is-long-enough"
REFUSED = """
Object.defineProperty(navigator, "mediaDevices", { value: {
    getUserMedia: () => Promise.reject(new DOMException("no", "%s")),
} });
"""


def test_what_is_recorded_is_judged(open_tab):
    tab = open_tab()
    page = tab.page
    page.get_by_role("button", name="Record", exact=True).click()
    stop = page.get_by_role("button", name="Stop and judge")
    until(stop.is_enabled, "the microphone is open")
    until(lambda: page.locator(".recorder .clock").inner_text() >= "0:02.5", "enough to judge")
    assert float(page.locator(".recorder meter").get_attribute("value") or 0) >= 0
    stop.click()
    assert "fake" in tab.verdict("recording 20")
    tab.drawn()
    _, text = tab.saved("Report as JSON")
    (result,) = json.loads(text)["results"]
    assert 2.0 < result["duration"] < 60
    assert page.locator("#drop").is_visible()


def test_what_is_discarded_is_not_sent(open_tab):
    tab = open_tab(reduced_motion="reduce")
    page = tab.page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Record", exact=True).click()
    until(page.get_by_role("button", name="Stop and judge").is_enabled, "the microphone is open")
    assert page.locator(".recorder .dot").evaluate("(dot) => getComputedStyle(dot).animationName") == "none"
    page.get_by_role("button", name="Discard").click()
    page.locator("#drop").wait_for()
    assert page.locator("#result *").count() == 0
    assert not any("detect" in one for one in asked)
    assert page.evaluate("() => document.activeElement.id") == "record"


def test_a_recording_ends_where_the_server_would_take_no_more(browser):
    with running(max_duration=1.5) as server:
        tab = Tab(browser, server.url + "/")
        tab.page.get_by_role("button", name="Record", exact=True).click()
        assert "real" in tab.verdict("recording 20")  # as the fake scorer says
        assert "The longest recording" in tab.page.get_by_role("alert").inner_text()
        tab.close()


def test_live_tells_of_a_fake_while_it_is_heard_and_keeps_the_recording(open_tab):
    tab = open_tab(init=axe_or_nothing())
    page = tab.page
    page.get_by_role("button", name="Listen live").click()
    page.locator(".live-word", has_text="Sounds fake").wait_for()
    page.locator(".events li", has_text="Fake speech since 0:0").wait_for()
    assert page.locator("#latency").inner_text().endswith(" ms")
    assert tab.colours(".live-plot") > 3
    until(lambda: page.locator("#status").inner_text() == "Sounds fake", "said aloud")
    if tab.page.evaluate("() => typeof axe") == "object":
        assert barriers(tab) == []
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".live-word", has_text="On the whole: fake").wait_for()
    page.locator(".events li", has_text="Fake speech ended").wait_for()
    page.get_by_role("button", name="Judge the recording").click()
    assert "fake" in tab.verdict("recording 20")
    assert page.locator(".live").count() == 0


def axe_or_nothing():
    try:
        return axe()
    except pytest.skip.Exception:
        return ""


def test_live_fits_a_phone(open_tab):
    tab = open_tab(viewport=PHONE)
    page = tab.page
    page.get_by_role("button", name="Listen live").click()
    page.locator(".live-word", has_text="Sounds").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Close").click()
    page.locator("#drop").wait_for()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The microphone was refused."),
        ("NotFoundError", "No microphone was found."),
        ("NotReadableError", "used by another program"),
    ],
)
@pytest.mark.parametrize("button", ["Record", "Listen live"])
def test_a_refused_microphone_is_told_with_what_to_do(open_tab, button, name, words):
    tab = open_tab(init=REFUSED % name)
    tab.page.get_by_role("button", name=button, exact=True).click()
    assert words in until(lambda: tab.page.get_by_role("alert").inner_text(), "a notice")
    assert tab.page.locator("#drop").is_visible()


def test_a_lost_live_connection_is_told(browser):
    with running() as server:
        tab = Tab(browser, server.url + "/")
        page = tab.page
        page.get_by_role("button", name="Listen live").click()
        page.locator(".live-word", has_text="Sounds real").wait_for()
        server.service.drain()
        page.locator(".live .note", has_text="The server is restarting.").wait_for()
        page.get_by_role("button", name="Close").wait_for()
        tab.close()


def test_a_server_with_keys_is_asked_with_one(browser, monkeypatch):
    keys = read_keys(None, {"FAKEMAMBA_API_KEYS": f"desk:{KEY}"})
    with running(keys=keys) as server:
        tab = Tab(browser, server.url + "/", ready="#api-key")
        page = tab.page
        field = page.get_by_label("API key")
        field.fill("a-wrong-key-that-is-long")
        page.keyboard.press("Enter")
        page.get_by_role("alert").get_by_text("does not know this key").wait_for()
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use this key").click()
        page.locator("#about-body table.facts").wait_for()
        tab.drop("a.wav", wav(ten_seconds()))
        assert "real" in tab.verdict("a.wav")  # as the fake scorer says
        page.get_by_role("button", name="Listen live").click()
        page.locator(".live-word", has_text="Sounds real").wait_for()
        assert KEY not in page.content()
        tab.close()
