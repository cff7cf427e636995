"""Figures of RVU26A that were computed independently of this project, and those of a public code page."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.kinds import Built

# section: codes with work RVUs, median, largest work RVU, its code
SECTIONS = {
    "Surgery": (5_735, "8.00", "106.19", "39503"),
    "Radiology": (613, "0.81", "11.57", "77435"),
    "Medicine": (737, "0.78", "23.92", "90951"),
    "Evaluation and Management": (142, "1.545", "18.46", "99468"),
    "Category III": (7, "1.31", "2.63", "0583T"),
}
WITHOUT_WORK = ["Anesthesia", "Category II"]


@pytest.fixture(scope="module")
def release(built: Built):
    """Return a table of RVU26A for those who don't qualify for the higher factor."""
    version = built("RVU26A")
    return lambda table: version.scan(table, "RVU26A").filter(participant="non_qp")


def one(rows: pl.LazyFrame) -> dict[str, Any]:
    return rows.collect().row(0, named=True)


@pytest.mark.parametrize(("section", "figures"), SECTIONS.items())
def test_section_statistics_of_work(release, section, figures):
    row = one(release("section_stats").filter(section=section, measure="work_rvu"))
    n, median, largest, code = figures
    assert (row["n"], row["median"], row["max"], row["max_hcpcs"]) == (n, Decimal(median), Decimal(largest), code)


@pytest.mark.parametrize("section", WITHOUT_WORK)
def test_sections_without_work_have_no_statistics_of_it(release, section):
    assert release("section_stats").filter(section=section, measure="work_rvu").collect().is_empty()


def test_97761_stands_at_the_34th_percentile_of_medicine(release):
    row = one(release("code_comparison").filter(hcpcs="97761", measure="work_rvu"))
    assert (row["section"], row["value"], row["n"], round(row["percentile"], 2)) == (
        "Medicine", Decimal("0.50"), 737, 34.33,
    )  # fmt: skip


def test_97761_is_1_6_times_below_the_median(release):
    row = one(release("code_comparison").filter(hcpcs="97761", measure="work_rvu"))
    assert (row["section_median"], round(row["ratio_to_median"], 3), round(1 / row["ratio_to_median"], 2)) == (
        Decimal("0.78"), 0.641, 1.56,
    )  # fmt: skip


def test_the_largest_code_of_its_section_has_rank_one(release):
    assert one(release("code_comparison").filter(hcpcs="90951", measure="work_rvu"))["rank"] == 1


@pytest.mark.parametrize(
    ("hcpcs", "percentile"), [("99213", 38), ("27447", 81), ("71046", 13), ("97760", 34), ("G0101", 23)]
)
def test_percentiles_are_those_of_the_public_code_pages(release, hcpcs, percentile):
    row = one(release("code_comparison").filter(hcpcs=hcpcs, measure="work_rvu"))
    assert round(row["percentile"]) == percentile


@pytest.mark.parametrize(("participant", "payment"), [("non_qp", "40.42"), ("qp", "40.62")])
def test_national_payment_of_97761(built: Built, participant, payment):
    # 1.21 RVUs x 33.4009 = 40.415089 and x 33.5675 = 40.616675
    rows = built("RVU26A").scan("payment_national", "RVU26A").filter(hcpcs="97761", participant=participant)
    assert one(rows)["nonfacility_payment"] == Decimal(payment)


def test_limiting_charge_of_97761(release):
    # 40.42 x 1.0925 = 44.15885
    assert one(release("payment_national").filter(hcpcs="97761"))["nonfacility_limiting_charge"] == Decimal("44.16")


def test_97761_is_not_performed_in_facilities(release):
    row = one(release("payment_national").filter(hcpcs="97761"))
    assert (row["nonfacility_na"], row["facility_na"]) == (False, True)


def test_g_codes_of_level_two(release):
    row = one(release("section_stats").filter(section="HCPCS Level II G", measure="work_rvu"))
    assert (row["n"], row["median"], row["max"]) == (194, Decimal("0.97"), Decimal("20.41"))


def test_g0101_is_compared_with_194_g_codes(release):
    row = one(release("code_comparison").filter(hcpcs="G0101", measure="work_rvu"))
    assert (row["n"], row["value"]) == (194, Decimal("0.44"))
