"""Make README's picture: the page of a code of the bundled sample, which has no licensed text, in a browser.

Usage: python -m tools.picture [FILE]      default docs/page.png; needs Chromium, as tests/page do
"""

import shutil
import sys
import tempfile
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

import pfsetl
from pfsetl.cli import samples
from pfsetl.site import serving

FILE = Path(__file__).parents[1] / "docs" / "page.png"
ADDRESS = "?code=G0101&date=2026-02-01&locality=CA/18"
WIDTH, HEIGHT = 820, 1010


def main(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in samples.archives():
            pfsetl.build(path.stem, store=pfsetl.open_store(folder), archive=path, sample=True)
        server = serving.server(pfsetl.open(folder), 0)
        Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(f"http://{serving.LOOPBACK}:{server.server_port}/{ADDRESS}")
            page.wait_for_selector("html[data-ready]")
            page.screenshot(path=file)
            browser.close()
        server.shutdown()
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
