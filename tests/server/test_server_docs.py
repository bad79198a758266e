"""docs/server.md works as printed: its clients in Python and JavaScript, its curl lines, its settings."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from typing import Any

import numpy as np
import pytest
import soundfile
from live_server import Running, running

from conftest import ROOT
from fakemamba.server.config import ServerConfig
from fakes import FakeScorer

TEXT = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
CLIP = ROOT / "examples" / "synthetic-espeak.wav"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)


@pytest.fixture(scope="module")
def live():
    with running(FakeScorer(lambda wave: 4.0 - 200 * float(np.abs(wave).mean()))) as server:
        yield server


def here(text: str, server: Running) -> str:
    """The same with this server's address."""
    assert "127.0.0.1:8000" in text
    return text.replace("127.0.0.1:8000", server.url.removeprefix("http://"))


def expected(server: Running) -> list[dict[str, Any]]:
    samples, rate = soundfile.read(CLIP, dtype="int16")
    stream = server.service.detector.stream()
    return json.loads(json.dumps([event.to_dict() for event in stream.feed(samples, rate) + stream.end()]))


def test_the_python_client_works_as_printed(live: Running):
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", here(code, live)], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said = [eval(line, {"__builtins__": {}}) for line in done.stdout.splitlines()]  # dicts as Python prints them
    assert said[0]["event"] == "ready"
    assert said[1:] == expected(live)


@pytest.fixture(scope="module")
def page(live: Running):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium on the PATH")
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=arguments)
        tab = browser.new_page()
        tab.goto(f"{live.url}/healthz")  # any page of the server: its policy allows its own WebSocket and no other
        yield tab
        browser.close()


def test_the_javascript_client_works_as_printed(live: Running, page: Any):
    code = next(block for block in blocks("js") if "function judge(" in block)
    samples, rate = soundfile.read(CLIP, dtype="int16")
    said = page.evaluate(
        f"""async ([address, samples, rate]) => {{
            {code}
            const said = [];
            await judge(address, Int16Array.from(samples), rate, (event) => said.push(event));
            return said;
        }}""",
        [live.url.replace("http", "ws") + "/v1/stream", samples.tolist(), rate],
    )
    assert said[0]["event"] == "ready"
    assert said[1:] == expected(live)
    with pytest.raises(Exception, match="rate"):
        page.evaluate(
            f"([a]) => {{ {code} return judge(a, [], 1, () => 0); }}", [live.url.replace("http", "ws") + "/v1/stream"]
        )


def test_the_microphone_client_works_as_printed(live: Running, page: Any):
    pytest.importorskip("av", reason="needs the extra `media`")
    code = next(block for block in blocks("js") if "function listen(" in block)
    said = page.evaluate(
        f"""async (address) => {{
            {code}
            const said = [];
            return new Promise(async (resolve) => {{
                const stop = await listen(address, (event) => {{
                    said.push(event);
                    if (event.event === "end" || event.event === "error") resolve(said);
                }});
                setTimeout(stop, 2500);
            }});
        }}""",
        live.url.replace("http", "ws") + "/v1/stream",
    )
    assert said[0]["format"] == "webm"
    assert said[-1]["event"] == "end"
    assert 1.5 < said[-1]["time"] < 10.0


def test_the_curl_lines_work_as_printed(live: Running, tmp_path: Any):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    (lines,) = blocks("bash")
    outputs = []
    for line in here(lines, live).splitlines():
        command = line.replace("> report.html", f"> {tmp_path / 'report.html'}").replace("curl ", "curl -sf ", 1)
        outputs.append(
            subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        )
    first, second, _, lines_of_progress, model = outputs
    assert json.loads(first)["source"] == "synthetic-espeak.wav"
    assert (json.loads(second)["source"], json.loads(second)["threshold"]) == ("genuine.flac", 0.5)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert json.loads(lines_of_progress.splitlines()[-1])["type"] == "result"
    assert json.loads(model)["name"] == "tiny"


def test_the_settings_printed_are_the_defaults():
    (text,) = blocks("toml")
    given = tomllib.loads(text)
    defaults = ServerConfig().model_dump()
    named = {"api_keys_file", "trusted_proxies", "threads"}
    assert {name: value for name, value in given.items() if name not in named} == {
        name: defaults[name] for name in given if name not in named
    }
    ServerConfig.model_validate(given)


def test_every_status_and_field_is_told(live: Running):
    with live.client() as client:
        described = client.get("/openapi.json").json()["paths"]["/v1/detect"]["post"]
    for status in set(described["responses"]) - {"200"}:
        assert re.search(rf"^\| [0-9, ]*{status}[0-9, ]* \|", TEXT, re.M), status
    for parameter in described["parameters"]:
        assert f"| `{parameter['name']}` |" in TEXT
