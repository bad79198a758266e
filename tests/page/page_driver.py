"""A real server with the built-in model and a real Chromium that opens its page: what the tests of the page share."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from conftest import ROOT
from fakemamba.audio import load_audio

EXAMPLES = ROOT / "examples"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
# At this operating point the three examples get the three verdicts; at its own the model is unsure of none.
THRESHOLD = -4.0
RATE = 16_000
PATIENCE = 30_000  # milliseconds: shared machines are slow, and a test that passes never waits this long
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}

Wave = NDArray[np.float32]


def example(name: str) -> Wave:
    """An example clip at 16 kHz."""
    return np.asarray(load_audio(EXAMPLES / name), np.float32)


def ten_seconds() -> Wave:
    """Ten seconds of a synthetic voice."""
    return np.resize(example("synthetic-espeak.wav"), 10 * RATE).astype(np.float32)


def spliced() -> Wave:
    """Real, fake, real: 9 s, 13.1 s and 9 s."""
    real, fake = np.tile(example("genuine.flac"), 3), np.tile(example("synthetic-espeak.wav"), 3)
    return np.concatenate([real, fake, real])


def wav(wave: Wave) -> bytes:
    """As a WAV file of 16 bits."""
    file = BytesIO()
    soundfile.write(file, wave, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def upload(name: str, data: bytes) -> Any:
    """A file for `set_input_files`."""
    return {"name": name, "mimeType": "audio/wav", "buffer": data}


@contextmanager
def served() -> Iterator[str]:
    """`fakemamba serve` as users start it, on any free port; the page's address."""
    command = [sys.executable, "-m", "fakemamba", "serve", "--port", "0", "--max-upload", "2", "--max-duration", "150"]
    command += ["--threshold", str(THRESHOLD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.wait(30)


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    line = process.stdout.readline() if ready else ""
    assert " at http" in line, f"the server did not start: {line!r}"
    return line.split(" at ")[1].split()[0]


def chromium() -> str:
    """Its path; skips the calling test where there is none."""
    found = os.environ.get("FAKEMAMBA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium, or FAKEMAMBA_CHROMIUM=PATH")
    return found


@contextmanager
def browsing(microphone: Path) -> Iterator[Any]:
    """A headless browser whose microphone plays a WAV file in a loop and is allowed without a question."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    ]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """One open page, and what it did wrong.

    Attributes:
        page: Playwright's.
        strangers: requests to anywhere but the server.
        complaints: errors of scripts and what the browser's console says of them, policy violations among them.
    """

    def __init__(
        self, browser: Any, url: str, *, init: str = "", ready: str = "#about-body table.facts", **options: Any
    ) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": DESK, "accept_downloads": True, **options})
        self.context.set_default_timeout(PATIENCE)
        if init:
            self.context.add_init_script(init)
        self.page = self.context.new_page()
        self.strangers: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("websocket", lambda socket: self._check(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._said)
        self.page.goto(url)
        self.page.locator(ready).first.wait_for()

    def choose(self, *files: Any) -> None:
        """As if chosen in the system's dialogue: paths, or `upload`s."""
        self.page.locator("#files").set_input_files(list(files))

    def drop(self, name: str, data: bytes) -> None:
        """As if dragged from the desktop onto the page."""
        transfer = self.page.evaluate_handle(
            """([name, data]) => {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type: "audio/wav" }));
                return transfer;
            }""",
            [name, b64encode(data).decode()],
        )
        for kind in ("dragenter", "dragover", "drop"):
            self.page.locator("#drop").dispatch_event(kind, {"dataTransfer": transfer})

    def verdict(self, name: str) -> str:
        """Wait for the answer on a recording; its heading."""
        self.page.locator(".result .eyebrow", has_text=name).wait_for()
        return str(self.page.locator("#verdict").inner_text())

    def drawn(self) -> None:
        """Wait until waveform and spectrogram are there."""
        self.page.locator(".plot[data-drawn]").wait_for()

    def saved(self, label: str) -> tuple[str, str]:
        """Press a button that saves a file: its name and its text."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=label, exact=True).click()
        return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")

    def colours(self, selector: str) -> int:
        """How many different colours a canvas shows, of a sample of its pixels."""
        return int(
            self.page.locator(selector).evaluate(
                """(canvas) => {
                    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                    const seen = new Set();
                    for (let k = 0; k < data.length; k += 52) seen.add(data.slice(k, k + 3).join());
                    return seen.size;
                }"""
            )
        )

    def close(self) -> None:
        """Every page must have kept to its server and made no error."""
        self.context.close()
        assert self.strangers == []
        assert self.complaints == []

    def _asked(self, request: Any) -> None:
        self._check(request.url)

    def _check(self, url: str) -> None:
        own, other = urlsplit(self.url), urlsplit(url)
        if other.scheme not in ("blob", "data") and other.netloc != own.netloc:
            self.strangers.append(url)

    def _said(self, message: Any) -> None:
        # A refused request is logged by the browser itself; whether the page takes it well is what tests look at.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for a condition outside the page's own language: its policy forbids to evaluate strings."""
    end = time.monotonic() + PATIENCE / 1000
    while not (found := true()):
        assert time.monotonic() < end, f"did not happen: {what}"
        time.sleep(0.02)
    return found


def barriers(tab: Tab) -> list[str]:
    """What axe-core calls serious or critical; the tab must have been opened with `init=axe()`."""
    found = tab.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {json.dumps([node['html'][:120] for node in one['nodes'][:3]])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def axe() -> str:
    """The script of axe-core; skips the calling test where it is not installed."""
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tests/page")
    return AXE.read_text(encoding="utf-8")
