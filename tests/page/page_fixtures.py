"""One browser and one server for a file of tests, and tabs that must have made no error when a test ends."""

import pytest
from page_driver import Tab, browsing, served, ten_seconds, wav


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    microphone = tmp_path_factory.mktemp("microphone") / "voice.wav"
    microphone.write_bytes(wav(ten_seconds()))
    with browsing(microphone) as found:
        yield found


@pytest.fixture(scope="module")
def url(browser):
    with served() as address:
        yield address


@pytest.fixture
def open_tab(browser, url):
    tabs = []

    def make(address=url, **options):
        tabs.append(Tab(browser, address, **options))
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.close()
