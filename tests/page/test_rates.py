"""A reader's own rates beside Medicare's payment, in a browser: nothing leaves it."""

from collections.abc import Callable

import pytest

from pfsetl import Version
from tests.page.conftest import Visit

SERIOUS = {"serious", "critical"}
# G0101 is 1.19 RVUs outside a facility x 33.4009 = $39.75, and $43.72 in CA/18 (README's worked example)
RATES = """code,rate,modifiers,pos,payer,note
G0101,39.75,,11,Example,a
G0101,"$1,000.00",,11,Example,b
G0101,50.00,59,11,Other,c
G0101,half,,11,Other,d
G0100,10,,11,Other,e
G0101,10,,ship,Other,f
G0101,1,234.50,11,Other,g,cut
G0101,$0.00,,11,Fourth,j
G0101,39.75,,11,"Third,h
G0101,50.00,,11,Third",i
"""


@pytest.fixture(scope="module")
def page(visit: Callable[..., Visit], sample: Version, serve: Callable[[Version], str]) -> Visit:
    return visit(serve(sample), bypass_csp=True)


@pytest.fixture(scope="module")
def shown(page: Visit) -> str:
    page.go("?rates=1&date=2026-02-01").page.fill("#rates", RATES)
    page.page.click("text=Compare")
    page.page.wait_for_selector("main table")
    return page.text().replace("\xa0", " ")


@pytest.mark.parametrize(
    "said",
    [
        "2 of 9 rows have a percentage of Medicare; the others say why not.",
        "100.00 %",
        "2,515.72 %",  # 1,000.00 / 39.75 = 25.157233
        "more cells than columns: put what holds a comma in quotes",
        "the rate is zero",
        "payer goes over several lines: is a quote missing, or one too many?",
        "59 isn't priced on this page",
        "the rate isn't dollars",
        "ship is no setting, nor a place of service that tells one",
        "not a code of the physician schedule",
        "Not used: the columns note.",
        "1,307.86 %",  # the median of the two: 1,307.8600
    ],
)
def test_every_row_has_a_percentage_or_says_why_not(shown: str, said: str) -> None:
    assert said in shown


def test_another_locality_keeps_what_was_written(page: Visit, shown: str) -> None:
    page.page.select_option("#locality", "CA/18")
    page.page.wait_for_selector("main td:has-text('90.92')")  # 39.75 / 43.72 = 0.909195
    assert page.page.input_value("#rates") == RATES


def test_a_heading_without_a_rate_says_what_is_missing(page: Visit) -> None:
    page.go("?rates=1&date=2026-02-01").page.fill("#rates", "code;payer\nG0101;x\n")
    page.page.click("text=Compare")
    page.page.wait_for_selector("main .notice")
    assert "The heading has no rate." in page.text()


def test_a_comma_that_may_part_decimals_is_not_guessed(page: Visit) -> None:
    page.go("?rates=1&date=2026-02-01").page.fill("#rates", "code;rate\nG0101;1,234\nG0101;1,234.50\n")
    page.page.click("text=Compare")
    page.page.wait_for_selector("main table")
    assert "1 of 2 rows have a percentage" in page.text()
    assert "the comma may part thousands or decimals" in page.text()


def test_it_is_quiet_and_accessible_and_fits(page: Visit, shown: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS] == []
    assert (page.said, page.page.evaluate("document.documentElement.scrollWidth") <= 360) == ([], True)
