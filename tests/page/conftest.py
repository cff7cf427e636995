"""A real browser, and sites of the bundled sample and of real releases, served on the loopback address."""

import os
import shutil
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pfsetl import Version
from pfsetl.site import serving

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # the lightest first
NAVIGATION_MS = 120_000  # a page of a real release, on a machine whose cores all have other work


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Version], str]]:
    """Serve a version's site; returns its address."""
    servers: dict[tuple[str, str], ThreadingHTTPServer] = {}

    def address(version: Version) -> str:
        of = (str(version.store), version.sha256)
        if of not in servers:
            servers[of] = serving.server(version, 0)
            Thread(target=servers[of].serve_forever, daemon=True).start()
        return f"http://{serving.LOOPBACK}:{servers[of].server_port}/"

    yield address
    for server in servers.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system's packages; without it the test is skipped and says so."""
    found = os.environ.get("PFSETL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not Path(found).exists():
        pytest.skip(
            "SKIPPED, NOT PASSED: no Chromium. Install it (apt-get install chromium-headless-shell)"
            " or name it in $PFSETL_CHROMIUM"
        )
    api = pytest.importorskip("playwright.sync_api", reason="SKIPPED, NOT PASSED: playwright isn't installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """A page that is open: what it asked for, and what it said on the console."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.requests: list[str] = []
        self.first: list[str] = []
        self.bodies: dict[str, int] = {}
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("response", self._count)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def _count(self, response: Any) -> None:
        self.bodies[response.url] = int(response.headers.get("content-length", 0))

    def go(self, query: str) -> "Visit":
        """Open an address of the site and wait until it's shown."""
        self.page.goto(self.address + query)
        self.page.wait_for_selector("html[data-ready]")
        return self

    def through(self) -> "Visit":
        """Scroll to each part of the page that isn't made yet, until all are: on a busy machine one may take long."""
        self.page.evaluate(
            """async () => {
              for (let times = 0, next; times < 900 && (next = document.querySelector("main .waiting")); times++) {
                next.scrollIntoView();
                await new Promise((done) => setTimeout(done, 30));
              }
              scrollTo(0, 0);
            }"""
        )
        self.page.wait_for_selector("main:not(:has(.waiting))")
        return self

    def text(self, selector: str = "main") -> str:
        """What a reader sees of a part of the page."""
        return str(self.page.inner_text(selector))


@pytest.fixture(scope="module")
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Open pages of a site, each in a window of its own that is closed after the tests of the file."""
    opened = []

    def open_page(address: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 360, "height": 800}, **options})
        context.set_default_navigation_timeout(NAVIGATION_MS)
        opened.append(context)
        return Visit(context.new_page(), address)

    yield open_page
    for context in opened:
        context.close()
