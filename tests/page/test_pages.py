"""The other pages, in a browser: search, a section, a locality, a release, two codes, a list with volumes."""

from collections.abc import Callable

import polars as pl
import pytest

from pfsetl import Version
from pfsetl.story.explain import explain as explained
from tests.page.conftest import Visit

SERIOUS = {"serious", "critical"}
PAGES = (
    "?", "?q=G010", "?section=HCPCS%20Level%20II%20G", "?place=CA/18&date=2026-02-01", "?release=RVU26A",
    "?code=G0101&with=G0102&date=2026-02-01", "?list=1&date=2026-02-01",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(sample: Version, serve: Callable[[Version], str]) -> str:
    return serve(sample)


@pytest.fixture(scope="module")
def page(visit: Callable[..., Visit], site: str) -> Visit:
    """One window for all tests here; each opens the address it's about."""
    return visit(site, bypass_csp=True)


@pytest.mark.parametrize("query", PAGES)
def test_a_page_is_quiet_and_accessible_and_fits(page: Visit, query: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.said.clear()
    page.go(query)
    assert page.said == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert len(page.text()) > 100
    found = axe.run(page.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS] == []


def test_the_first_page_leads_to_every_section_of_the_newest_release(page: Visit, sample: Version) -> None:
    known = sample.scan("section_stats", "RVU26A").filter(pl.col("n") > 0).collect()["section"].unique().sort()
    page.go("?")
    assert page.page.locator(".in-columns a").all_inner_texts() == known.to_list()
    page.page.click("text=HCPCS Level II P")
    page.page.wait_for_selector("h1:has-text('HCPCS Level II P')")


def test_search_finds_every_code_with_a_beginning(page: Visit, sample: Version) -> None:
    known = sample.scan("rvu").filter(pl.col("hcpcs").str.starts_with("G01")).collect()["hcpcs"].unique().sort()
    page.go("?q=g01")
    assert page.page.locator("tbody th").all_inner_texts() == known.to_list()


def test_search_finds_words_of_level_ii_codes(page: Visit) -> None:
    page.go("?q=pelvic%20exam")
    assert "G0101" in page.page.locator("tbody th").all_inner_texts()


def test_search_finds_a_section_by_a_word(page: Visit) -> None:
    page.go("?q=level%20g")
    assert "HCPCS Level II G" in page.page.locator("main li").all_inner_texts()


def test_a_code_typed_into_the_search_opens_its_page(page: Visit) -> None:
    page.go("?").page.fill("#find", " g0101 ")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("#payment")
    assert "code=G0101" in page.page.url


def test_a_section_says_its_median_and_lists_its_codes(page: Visit) -> None:
    text = page.go("?section=hcpcs%20level%20ii%20g&date=2026-02-01").text()
    assert "Half of its 194 codes with a value have a work RVU of 0.97 or more; the highest is 20.41" in text


def test_a_locality_shows_cms_indices(page: Visit) -> None:
    text = page.go("?place=ca/18&date=2026-02-01").text()
    assert [name for name in ("Work 1.041", "Practice expense 1.183", "Malpractice 0.664") if name not in text] == []


def test_a_release_accounts_for_every_line(page: Visit, sample: Version) -> None:
    lines = sum(member.lines for member in sample.releases["RVU26A"].members)
    assert f"All {lines:,} lines of CMS's files are accounted for" in page.go("?release=rvu26a").text()


def test_a_release_counts_what_explain_counts(page: Visit, sample: Version) -> None:
    """Neither counts what CMS marks NA in one of the two: such an amount is nominal."""
    told = explained(sample, "RVU25D", "RVU26A")
    up, down = sum(one.up for one in told.sections), sum(one.down for one in told.sections)
    assert f"Against RVU25D, {up} of {told.counted} codes rose and {down} fell" in page.go("?release=RVU26A").text()


def test_two_codes_say_which_pays_more(page: Visit) -> None:
    # G0101 39.75; G0102 0.73 RVU x 33.4009 = 24.38
    assert "G0101 pays $15.37 more than G0102." in page.go("?code=G0101&with=G0102&date=2026-02-01").text()


def test_a_list_counts_no_modifier_that_may_change_what_is_paid(page: Visit) -> None:
    page.go("?list=1&date=2026-02-01").page.fill("#lines", "G0101-59 10\nG0101-80 10\nG0101-AJ 10\nG0101-ZZ 10")
    page.page.click("text=Add up")
    page.page.wait_for_selector("#sum")
    assert page.page.get_attribute("#sum", "value") == "397.50"  # 10 x $39.75
    assert [f"G0101-{one} isn't counted" in page.text() for one in ("59", "80", "AJ", "ZZ")] == [
        False,
        True,
        True,
        True,
    ]


def test_a_list_adds_up_and_stays_in_the_browser(page: Visit) -> None:
    page.go("?list=1&date=2026-02-01").page.fill("#lines", "g0101 1,000\nG0102; 10\nnonsense\nG0100 2")
    page.page.click("text=Add up")
    page.page.wait_for_selector("#sum")
    assert page.text("#sum") == "$39,993.80"  # 1,000 x 39.75 + 10 x 24.38
    assert "441.80 work RVUs" in page.text()  # 1,000 x 0.44 + 10 x 0.18
    assert "Line 3, nonsense, isn't counted: write a code" in page.text()
    assert "No release of this site has a code G0100" in page.text()
    assert "G0101" not in page.page.url


@pytest.mark.parametrize("line", ["G0101 26 12", "G0101 12 x", "G0101 99999999999", "G0101-261 2"])
def test_a_line_that_can_be_read_in_two_ways_is_not_guessed_at(page: Visit, line: str) -> None:
    page.go("?list=1&date=2026-02-01").page.fill("#lines", line)
    page.page.click("text=Add up")
    page.page.wait_for_selector("main .notice")
    assert f"Line 1, {line}, isn't counted" in page.text()


def test_a_list_that_is_typed_stays_when_something_else_is_chosen(page: Visit) -> None:
    page.go("?list=1&date=2026-02-01").page.fill("#lines", "G0101 10")
    page.page.select_option("#locality", "CA/18")
    page.page.wait_for_selector("#sum")
    assert page.page.input_value("#lines") == "G0101 10"


@pytest.mark.parametrize("typed", ["11152025", "12312025"])
def test_a_day_can_be_typed(page: Visit, typed: str) -> None:
    page.go("?code=G0101&date=2026-02-01").page.focus("#day")
    page.page.keyboard.type(typed, delay=40)
    page.page.keyboard.press("Enter")
    day = f"{typed[4:]}-{typed[:2]}-{typed[2:4]}"
    page.page.wait_for_selector(f"main:has-text('prices {day}')")
    assert f"date={day}" in page.page.url


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("los angeles", "CA/18 Los Angeles"),
        ("RVU26A", "RVU26A"),
        ("ca/18", "CA/18 Los Angeles"),
        ("level g", "HCPCS Level II G"),
        ("california", "CA/18 Los Angeles"),
        ("ca", "CA/18 Los Angeles"),
    ],
)
def test_search_finds_localities_releases_and_sections(page: Visit, text: str, found: str) -> None:
    page.go(f"?q={text}")
    assert any(one.startswith(found) for one in page.page.locator("main li").all_inner_texts())


@pytest.mark.parametrize("written", ["G0101-26", "g0101 26"])
def test_a_modifier_written_behind_its_code_is_understood(page: Visit, written: str) -> None:
    assert "Modifier 26 has no row of its own for G0101" in page.go(f"?code={written}&date=2026-02-01").text()


# CMS's GPCI2026 names 01182 18 of California LOS ANGELES-LONG BEACH-ANAHEIM (LOS ANGELES/ORANGE CNTY)
@pytest.mark.parametrize(
    ("written", "locality"), [("CA/Orange", "CA/18"), ("ca/orange ", "CA/18"), ("0118218", "CA/18")]
)
def test_a_locality_is_known_by_its_county_and_by_cms_number(page: Visit, written: str, locality: str) -> None:
    page.go(f"?code=G0101&date=2026-02-01&locality={written}")
    assert page.page.input_value("#locality") == locality


def test_amounts_of_two_codes_are_seen_on_a_telephone(page: Visit) -> None:
    page.go("?code=G0101&with=G0102&date=2026-02-01")
    boxes = [cell.bounding_box() for cell in page.page.locator("tbody tr").first.locator("td").all()]
    assert [box["x"] + box["width"] <= 360 for box in boxes if box] == [True, True]


def test_no_word_of_two_codes_is_cut_on_a_telephone(page: Visit) -> None:
    page.go("?code=G0341&with=G0415&date=2026-02-01")
    shown, there = page.page.evaluate(
        "[...document.querySelectorAll('.whole')].map((e) => [e.clientWidth, e.scrollWidth])[0]"
    )
    assert shown == there


def test_what_isnt_there_is_said(page: Visit) -> None:
    assert "This site has no release RVU99A. It has RVU25D, RVU26A." in page.go("?release=RVU99A").text()
    assert "RVU26A has no locality CA/99" in page.go("?place=CA/99&date=2026-02-01").text()
    assert "has no section Nonsense with values" in page.go("?section=Nonsense&date=2026-02-01").text()
    assert "Nothing found for zzz" in page.go("?q=zzz").text()


def test_a_copied_table_is_csv_that_no_spreadsheet_runs(page: Visit) -> None:
    page.go("?release=RVU26A")
    made = page.page.evaluate(
        "pfs.table.csv([['a,b', '=1+1', '-5', '\"x\"', '\u2212$1.00'], ['+cmd', '@x', '', '1', '$2,000.00']])"
    )
    assert made == '"a,b",\'=1+1,-5,"""x""",\u2212$1.00\r\n\'+cmd,\'@x,,1,"$2,000.00"\r\n'
