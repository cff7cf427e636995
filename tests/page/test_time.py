"""What work a first view of a code is, measured in the browser, and that paper has all of it."""

from collections.abc import Callable

import pytest

from pfsetl import Version
from tests.page.conftest import Visit

MOST = 300  # milliseconds


@pytest.fixture(scope="module")
def site(sample: Version, serve: Callable[[Version], str]) -> str:
    return serve(sample)


def test_a_first_view_can_be_used_after_300_ms_of_work(visit: Callable[..., Visit], site: str) -> None:
    # Processor time of the page's own thread: other work on the machine isn't the page's.
    page = visit(site)
    metrics = page.page.context.new_cdp_session(page.page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.go("?code=G0101&date=2026-02-01")
    found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    assert 0 < found["TaskDuration"] * 1000 < MOST


def test_a_printed_page_has_all_of_its_parts_and_no_controls(visit: Callable[..., Visit], site: str) -> None:
    page = visit(site).go("?code=G0101&date=2026-02-01")
    page.page.emulate_media(media="print")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.page.wait_for_selector("main:not(:has(.waiting))")
    assert "sha256" in page.text()
    assert page.page.locator(".controls").first.is_hidden()


def test_printing_from_the_keyboard_waits_for_parts_that_are_not_there_yet(
    visit: Callable[..., Visit], site: str
) -> None:
    page = visit(site).go("?code=G0101&date=2026-02-01")
    page.page.evaluate(
        "window.print = () => { document.body.title = document.querySelectorAll('main .waiting').length }"
    )
    page.page.keyboard.press("Control+p")
    page.page.wait_for_selector("body[title='0']")
