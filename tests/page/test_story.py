"""History, why it changed, and how it compares: what the page says of them, in a browser."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from pfsetl import Version
from pfsetl.declared import calendar
from pfsetl.errors import UsageError
from tests.kinds import Built
from tests.page.conftest import Visit

AS_OF = ("2024-03-01", "2024-03-20", "2025-12-31")


@pytest.fixture(scope="module")
def site(sample: Version, serve: Callable[[Version], str]) -> str:
    return serve(sample)


@pytest.fixture(scope="module")
def opened(visit: Callable[..., Visit], site: str) -> Visit:
    return visit(site).go("?code=G0101&date=2026-02-01").through()


def test_a_section_compares_as_the_design_has_it(opened: Visit) -> None:
    # of RVU26A's G codes: n 194, median 0.97, G0101's work of 0.44 at the 23rd percentile, highest 20.41
    text = opened.text()
    assert "Work RVU 0.44: 23rd percentile of 194 HCPCS Level II G codes" in text
    assert "2.2\u00d7 below the median of 0.97" in text
    assert "Highest: 20.41" in text


def test_any_measure_can_be_compared(opened: Visit, sample: Version) -> None:
    row = sample.scan("code_comparison", "RVU26A").filter(
        hcpcs="G0101", participant="non_qp", measure="facility_amount"
    )
    value, n, rank = row.select("value", "n", "rank").collect().row(0)
    opened.page.select_option("#measure", "facility_amount")
    assert f"Facility amount ${value}" in opened.text()
    assert f"of {n} HCPCS Level II G codes, rank {rank}" in opened.text()


def test_every_standing_is_that_of_code_comparison(opened: Visit, sample: Version) -> None:
    rows = sample.scan("code_comparison", "RVU26A").filter(participant="non_qp").collect()
    asked = rows.select("section", "measure", "hcpcs").rows()
    found = opened.page.evaluate(
        """async (asked) => {
          const release = pfs.facts.releases.at(-1), made = [];
          for (const [section, measure, code] of asked) {
            const all = await pfs.population.population(release, "non_qp", section);
            const {n, rank, percentile, value} = pfs.population.standing(all[measure], code);
            made.push([n, rank, percentile, value]);
          }
          return made;
        }""",
        asked,
    )
    expected = rows.select("n", "rank", "percentile", pl.col("value") * 100).rows()
    assert [tuple(row) for row in found] == [(n, rank, p, float(value)) for n, rank, p, value in expected]


def test_why_it_changed_is_split_into_rvus_and_factor(opened: Visit) -> None:
    # RVU25D: 1.17 RVU x 32.3465 = 37.85. RVU26A: 1.19 x 33.4009 = 39.75. 0.02 x 32.3465 = 0.65, 1.19 x 1.0544 = 1.25.
    assert "From RVU25D to RVU26A: $37.85 to $39.75: RVUs +$0.65, factor +$1.25." in opened.text()


def test_rvus_that_fell_and_a_factor_that_rose_are_told_apart(visit: Callable[..., Visit], site: str) -> None:
    # 1.32 RVU x 32.3465 = 42.70, 1.21 x 33.4009 = 40.42. -0.11 x 32.3465 = -3.56, 1.21 x 1.0544 = 1.28.
    text = visit(site).go("?code=G0279&date=2026-02-01").through().text()
    assert "From RVU25D to RVU26A: $42.70 to $40.42: RVUs \u2212$3.56, factor +$1.28." in text


def test_indicators_are_in_words(opened: Visit) -> None:
    assert "no global period" in opened.text()


def test_modifiers_show_what_the_version_has_of_them_or_that_it_has_nothing(
    visit: Callable[..., Visit], site: str, sample: Version
) -> None:
    text = visit(site).go("?code=G0105&date=2026-02-01").through().text()
    if "code_modifier" in {one.table for one in sample.resources}:
        assert "$189.05" in text  # 53: half of 378.10
    else:
        assert "The version has no table code_modifier" in text


def test_a_table_that_the_version_lacks_is_named(opened: Visit, sample: Version) -> None:
    assert ("no MUE file is loaded" in opened.text()) is ("mue" not in {one.kind for one in sample.companions})


@pytest.mark.parametrize("as_of", AS_OF)
def test_as_known_on_a_day_the_days_are_those_of_the_calendar(opened: Visit, as_of: str) -> None:
    spans = opened.page.evaluate("async (day) => pfs.over_time.asKnown(day)", as_of)
    found: dict[object, str | None] = {}
    expected: dict[object, str | None] = {}
    for day in pl.date_range(date(2023, 11, 15), date(2026, 1, 15), "5d", eager=True):
        found[day] = next((label for label, first, last in spans if first <= str(day) <= last), None)
        try:
            expected[day] = calendar.pricing_release(day, date.fromisoformat(as_of)).label
        except UsageError:
            expected[day] = None
    assert found == expected


def test_97761_shows_what_cms_and_the_tables_say(
    built: Built, serve: Callable[[Version], str], visit: Callable[..., Visit]
) -> None:
    site = serve(built("RVU26A"))
    page = visit(site).go("?code=97761&date=2026-02-01").through()
    text = page.text()
    assert page.text("#payment") == "$40.42"
    assert "It weighs 1.21 RVU" in text
    assert "Facility NA" in text
    assert "Work RVU 0.50: 34th percentile of 737 Medicine codes" in text
    assert "median of 0.78" in text
    assert page.go("?code=97760&date=2026-02-01").text("#payment") == "$46.09"
