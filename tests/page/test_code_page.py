"""The page of a code, in a browser: what it shows of the bundled sample, what it loads, and who can use it."""

from collections.abc import Callable
from typing import Any

import pytest

import pfsetl
from pfsetl import Version
from tests import synthetic
from tests.page.conftest import Visit

G0101 = "?code=G0101&date=2026-02-01"  # a pelvic examination: 1.19 RVU in an office
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def site(sample: Version, serve: Callable[[Version], str]) -> str:
    return serve(sample)


@pytest.fixture(scope="module")
def page(visit: Callable[..., Visit], site: str) -> Visit:
    """One window for the tests that open an address and look at what it shows."""
    return visit(site)


@pytest.fixture(scope="module")
def opened(visit: Callable[..., Visit], site: str) -> Visit:
    """One visit for the tests that only look at it; `first` is what the first view asked for."""
    page = visit(site).go(G0101)
    page.first = list(page.requests)
    return page.through()


def test_the_national_amount_is_that_of_the_formula(opened: Visit) -> None:
    assert opened.text("#payment") == "$39.75"  # (0.44 + 0.68 + 0.07) x 33.4009 = 39.747071


def test_a_locality_in_the_address_is_that_of_the_price(page: Visit) -> None:
    # README's worked example: 1.30896 indexed RVUs x 33.4009 = 43.720442
    assert page.go(f"{G0101}&locality=CA/18").text("#payment") == "$43.72"


def test_a_preventive_service_leaves_nothing_to_the_patient(opened: Visit) -> None:
    assert "Patient's part\n$0.00" in opened.text()


def test_a_modifier_that_no_indicator_decides_goes_by_the_code(visit: Callable[..., Visit], site: str) -> None:
    opened = visit(site).go("?code=G0130&date=2026-02-01").through()  # an X-ray, which FX lowers by its code alone
    row = opened.page.locator("tr", has=opened.page.locator("th:text-is('FX')"))
    assert row.locator("td").last.inner_text() == "the code itself, no indicator"


def test_what_is_chosen_goes_into_the_address_and_back_returns(visit: Callable[..., Visit], site: str) -> None:
    opened = visit(site).go(G0101)
    opened.page.select_option("#locality", "CA/18")
    opened.page.wait_for_selector("#payment:text('$43.72')")
    assert "locality=CA/18" in opened.page.url
    opened.page.go_back()
    opened.page.wait_for_selector("#payment:text('$39.75')")


def test_the_source_is_the_line_of_cms_file(opened: Visit, sample: Version) -> None:
    row = sample.scan("source_lines", "RVU26A").filter(table="rvu", participant="non_qp", hcpcs="G0101").collect()
    assert f"{row['file'][0]}, line {row['line'][0]}" in opened.text()


def test_a_setting_that_is_na_is_hatched_and_says_why(page: Visit, sample: Version) -> None:
    code = sample.scan("rvu", "RVU26A").filter(status="A", nonfacility_na=True).collect()["hcpcs"][0]
    page.go(f"?code={code}&date=2026-02-01")
    assert page.page.locator("svg .na").count() > 0
    assert "rarely or never done in an office" in page.text()


def test_a_service_without_a_price_says_why(page: Visit, sample: Version) -> None:
    rows = sample.scan("payment_national", "RVU26A").filter(reason="carrier_priced").collect()
    shown = page.go(f"?code={rows['hcpcs'][0]}&date=2026-02-01").text()
    assert "No price" in shown
    assert "contractor sets the price" in shown


def test_nothing_is_asked_of_another_host_and_nothing_is_said_on_the_console(opened: Visit, site: str) -> None:
    assert [url for url in opened.requests if not url.startswith(site)] == []
    assert opened.said == []


def test_a_first_view_takes_three_requests_after_the_first(opened: Visit) -> None:
    assert len(opened.first) == 4, opened.first


def test_a_first_view_is_under_100_kb_without_its_data_file(opened: Visit) -> None:
    assert sum(opened.bodies[url] for url in opened.first if "/data/codes/" not in url) < 100_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_check_finds_nothing_serious(visit: Callable[..., Visit], site: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = visit(site, color_scheme=scheme, bypass_csp=True).go(G0101).through()
    page.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = axe.run(page.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in SERIOUS] == []


def test_the_keyboard_alone_reaches_every_control(opened: Visit) -> None:
    reached = set()
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        reached.add(
            opened.page.evaluate(
                "document.activeElement.id || document.activeElement.name || document.activeElement.textContent"
            )
        )
    assert {"find", "day", "locality", "setting", "participant"} <= reached
    assert {"States, darker where their highest locality pays more", "All 109 localities as a table"} <= reached


@pytest.mark.parametrize("width", [320, 1440])  # WCAG 2.2, 1.4.10: 320 pixels without scrolling sideways
def test_nothing_is_wider_than_the_screen(visit: Callable[..., Visit], site: str, width: int) -> None:
    page = visit(site, viewport={"width": width, "height": 900}).go(f"{G0101}&locality=CA/18").through().page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_colours_of_the_system_show_which_setting_is_chosen(visit: Callable[..., Visit], site: str) -> None:
    page = visit(site, forced_colors="active").go(G0101).page
    chosen, around = (
        page.eval_on_selector(what, "(one) => getComputedStyle(one).backgroundColor")
        for what in ("input[name=setting]:checked + span", "body")
    )
    assert chosen != around


def test_without_scripts_it_says_that_it_needs_them(browser: Any, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + G0101)
    assert "need scripts" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?code=%20g-0101%20&date=2026-02-01", "Medicare allows $39.75 for G0101"),
        ("?code=G0100&date=2026-02-01", "No release of this site has a code G0100. Near:"),
        ("?code=<b>x</b>", "Codes have five characters"),
        ("?code=G0101&date=1999-05-01", "1999-05-01 is before the first day that a known release prices"),
        ("?code=G0101&date=2026-02-31", "2026-02-31 isn't a day"),
        ("?code=G0101&date=2020-02-01", "RVU20A prices 2020-02-01, and this site doesn't hold it"),
        ("?code=G0101&date=2031-02-01", "No release is known yet that prices 2031-02-01"),
        ("?code=G0101&date=2026-02-01&locality=CA/99", "RVU26A has no locality CA/99, so this is the national price"),
        ("?code=G0101&date=2026-02-01&modifier=26", "Modifier 26 has no row of its own for G0101"),
        ("?code=G0101&date=2026-02-01&participant=us", "Participant us: RVU26A has non_qp and qp"),
        ("?code=G0101&date=2026-02-01&setting=moon", "there are nonfacility and facility"),
    ],
)  # fmt: skip
def test_what_a_person_mistypes_is_answered_in_words(page: Visit, query: str, said: str) -> None:
    page.said.clear()
    assert said in page.go(query).text()
    assert page.said == []


@pytest.mark.parametrize("harm", [lambda data: data[:-40], lambda data: data.replace(b'["A",44', b'["A",45')])
def test_a_damaged_data_file_shows_no_price(
    visit: Callable[..., Visit], site: str, harm: Callable[[bytes], bytes]
) -> None:
    page = visit(site)
    page.page.route("**/data/codes/**", lambda route: route.fulfill(body=harm(route.fetch().body())))
    page.go(G0101)
    assert "it's damaged, or the site has changed since" in page.text()
    assert "$" not in page.text()


def test_the_data_file_of_a_code_is_small(opened: Visit) -> None:
    assert max(size for url, size in opened.bodies.items() if "/data/codes/" in url) < 150_000


def test_no_script_or_style_but_its_own_may_run(opened: Visit) -> None:
    policy = opened.page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


# CMS's A9155 is in RVU25D and not in RVU26A, which has three A codes that RVU25D lacks: A4295, A4296, A4297.
def test_a_code_that_ended_says_what_appeared_then(page: Visit) -> None:
    assert (
        "With RVU26A, 3 codes of its subsection appeared: A4297, A4296, A4295."
        in page.go("?code=A9155&date=2026-02-01").text()
    )
    assert (
        page.page.get_attribute("main p a:text('What it paid')", "href")
        == "?code=A9155&date=2025-12-31&setting=nonfacility"
    )
    before = page.go("?code=A9155&date=2025-11-01").through()
    assert "Not in RVU26A any more. 3 codes of its subsection appeared then: A4297, A4296, A4295." in before.text()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """RVU25A and RVU25C, and between them RVU25B as a sample that lacks G9901."""
    folder = tmp_path_factory.mktemp("mixed")
    store = pfsetl.open_store(folder / "store")
    for label in ("RVU25A", "RVU25B", "RVU25C"):
        rows = [
            row
            for row in (*synthetic.CODES, synthetic.of_quarter(label))
            if label != "RVU25B" or row["hcpcs"] != "G9901"
        ]
        archive = synthetic.write_zip(folder / f"{label}.zip", synthetic.release(label, rows))
        part = label == "RVU25B"
        pfsetl.build(label, store=store, archive=archive, sample=part, accept=() if part else ("loss",))
    return pfsetl.open(store)


def test_what_a_sample_lacks_is_not_said_to_be_gone(
    mixed: Version, serve: Callable[[Version], str], visit: Callable[..., Visit]
) -> None:
    page = visit(serve(mixed))
    assert (
        "G9901 isn't in RVU25B, which prices this day and is here as a sample: CMS's may have it"
        in page.go("?code=G9901&date=2025-05-01").text()
    )
    assert "It's a sample, and the site has no earlier sample" in page.go("?release=RVU25B").through().text()
