"""How the values of a section lie: the codes of its statistics, counted in bins of one width."""

from decimal import Decimal

import polars as pl
import pytest

from pfsetl.tables import compare, derive, distribution
from tests.spec.rows import IN_FORCE, Row, rvu_rows

SECTION = {"section": "Medicine", "subsection": None}


def counted(
    *rows: Row, measure: str = "work_rvu", section: str = "Medicine", population: str = "valued"
) -> pl.DataFrame:
    rvu = rvu_rows(*(SECTION | row for row in rows))
    payments = derive.payment_national(rvu, IN_FORCE)
    values = compare.values(rvu, payments)
    found = distribution.section_values(values, compare.compared(values)[0])
    return found.filter(measure=measure, section=section, population=population).sort("bin")


def services(*works: str, **cells: object) -> list[Row]:
    return [{"hcpcs": f"9{at:04}", "work_rvu": work, **cells} for at, work in enumerate(works)]


def filled(bins: pl.DataFrame) -> list[tuple[int, int]]:
    return list(bins.filter(pl.col("codes") > 0).select("bin", "codes").iter_rows())


# The 95th percentile lies 0.7 of the way from 1.20 to 3.00, at 2.46: 30 bins of 0.05 end at 1.50, of 0.10 at 3.00.
SEVEN = services("0.19", "0.40", "0.50", "0.78", "0.78", "1.20", "3.00")


def test_thirty_bins_of_a_round_width_reach_the_95th_percentile():
    first = counted(*SEVEN).row(0, named=True)
    assert (first["lower"], first["upper"]) == (Decimal("0.00"), Decimal("0.10"))


def test_each_code_is_in_the_bin_that_holds_its_value():
    assert filled(counted(*SEVEN)) == [(2, 1), (5, 1), (6, 1), (8, 2), (13, 1), (31, 1)]


def test_a_value_on_an_edge_is_in_the_bin_that_starts_there():
    assert counted(*SEVEN).filter(lower=Decimal("0.40"))["codes"].to_list() == [1]


def test_what_lies_beyond_the_thirtieth_bin_is_in_one_without_end():
    # 24 codes of 1.00 and one of 500.00: the 95th percentile is 1.00, 30 bins of 0.05 reach 1.50
    last = counted(*services(*["1.00"] * 24, "500.00")).row(-1, named=True)
    assert [last[name] for name in ("bin", "lower", "upper", "codes")] == [31, Decimal("1.50"), None, 1]


def test_bins_without_a_code_are_there_with_zero():
    assert counted(*SEVEN)["bin"].to_list() == list(range(1, 32))


def test_there_is_no_bin_after_the_one_with_the_largest_value():
    # the 95th percentile of 0.10, 0.20 and 0.25 is 0.245: bins of 0.01, and 0.25 is in the 26th
    assert counted(*services("0.10", "0.20", "0.25"))["bin"].max() == 26


@pytest.mark.parametrize(("status", "paid"), [("A", 1), ("R", 1), ("T", 1), ("B", 0), ("C", 0), ("I", 0), ("N", 0)])
def test_the_second_population_is_what_medicare_pays(status, paid):
    assert counted(*services("1.00", status=status), population="paid")["codes"].sum() == paid


def test_both_populations_have_the_same_bins():
    rows = [*SEVEN, *services("9.00", status="N")]
    bins = [counted(*rows, population=each).drop("population", "codes") for each in ("valued", "paid")]
    assert bins[0].equals(bins[1])


def test_a_code_paid_in_one_of_its_rows_is_paid():
    whole, part = ({"hcpcs": "90001", "modifier": m, "status": s, "work_rvu": "1"} for m, s in (("", "C"), ("26", "A")))
    assert counted(whole, part, population="paid")["codes"].sum() == 1


def test_a_subsection_with_statistics_has_bins_of_its_own():
    row = {"hcpcs": "33016", "work_rvu": "4.40", "section": "Surgery", "subsection": "Cardiovascular"}
    assert filled(counted(row, section="Surgery: Cardiovascular")) == [(23, 1)]  # the widths are 0.20


def test_amounts_are_counted_in_dollars():
    # 2.00 RVU at a factor of 10.0000 (the rows' own) is 20 dollars: bins of 1.00
    assert filled(counted(*services("2.00"), measure="facility_amount")) == [(21, 1)]
