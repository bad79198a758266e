"""How long a person waits: from dropping a clip onto the page until the verdict is painted, in headless Chromium.

    python benchmarks/page.py [--seconds 10] [--repeats 20] [--json FILE]

Needs the extra `dev` and Chromium. Measured inside the page, by its own clock: from the drop event to the second frame
after the verdict's heading is there. The first drop is left out: it meets cold caches.
"""

import argparse
import json
import os
import platform
import shutil
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import sync_playwright
from serving import clip, percentile, show, started

DROP = """async ([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type: "audio/wav" }));
    const begin = performance.now();
    document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { bubbles: true, dataTransfer }));
    const there = () => document.querySelector(".result .eyebrow")?.textContent.startsWith(name);
    await new Promise((resolve) => {
        const watch = new MutationObserver(() => there() && (watch.disconnect(), resolve()));
        watch.observe(document.body, { childList: true, subtree: true });
    });
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return performance.now() - begin;
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the clip")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the numbers there too")
    options = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    data = b64encode(clip(options.seconds)).decode()
    with started() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{server.url}/")
        page.locator("#about-body table.facts").wait_for()
        waits = [page.evaluate(DROP, [f"{k}.wav", data]) / 1000 for k in range(options.repeats + 1)]
        browser.close()
    found = {
        "seconds of audio": options.seconds,
        "drops": options.repeats,
        "first drop, s": waits[0],
        "median, s": percentile(waits[1:], 50),
        "95th percentile, s": percentile(waits[1:], 95),
        "worst, s": max(waits[1:]),
        "load average": os.getloadavg()[0],
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    show("from the drop to the verdict", found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
