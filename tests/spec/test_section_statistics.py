"""How a code compares with its section: one value per code, the largest over its rows, greater than zero."""

import statistics
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from pfsetl.tables import compare, derive
from tests.spec.rows import IN_FORCE, Row, rvu_rows

SECTION = {"section": "Medicine", "subsection": None}
# Seven codes count: the code without RVUs doesn't, and 90006's value is that of its 26 row.
VALUES = {
    "90001": "0.50", "90002": "0.78", "90003": "0.78", "90004": "1.20", "90005": "3.00", "90006": "0.40",
    "90008": "0.19",
}  # fmt: skip
ROWS = [
    *({"hcpcs": code, "work_rvu": value, **SECTION} for code, value in VALUES.items() if code != "90006"),
    {"hcpcs": "90006", "modifier": "", "status": "C", **SECTION},
    {"hcpcs": "90006", "modifier": "26", "work_rvu": "0.40", **SECTION},
    {"hcpcs": "90007", "work_rvu": "0.00", **SECTION},
    {"hcpcs": "70001", "work_rvu": "9.00", "section": "Radiology", "subsection": None},
]
QUANTILES = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90, "p95": 95}


@pytest.fixture(scope="module")
def compared() -> tuple[pl.DataFrame, pl.DataFrame]:
    rvu = rvu_rows(*ROWS)
    return compare.compared(compare.values(rvu, derive.payment_national(rvu, IN_FORCE)))


@pytest.fixture(scope="module")
def medicine(compared) -> Row:
    return compared[0].filter(section="Medicine", measure="work_rvu").row(0, named=True)


def code(compared, hcpcs: str) -> Row:
    return compared[1].filter(hcpcs=hcpcs, measure="work_rvu").row(0, named=True)


def test_each_code_counts_once_and_only_with_a_value(medicine):
    assert medicine["n"] == 7


def test_a_code_without_a_value_is_not_compared(compared):
    assert compared[1].filter(hcpcs="90007", measure="work_rvu").is_empty()


def test_the_largest_of_a_codes_rows_stands_for_it(compared):
    assert code(compared, "90006")["value"] == Decimal("0.40")


def test_the_largest_value_and_its_code(medicine):
    assert (medicine["max"], medicine["max_hcpcs"]) == (Decimal("3.0000"), "90005")


def test_the_smallest_value(medicine):
    assert medicine["min"] == Decimal("0.1900")


def test_the_mean_is_rounded_to_four_places(medicine):
    # 6.85 / 7 = 0.978571...
    assert medicine["mean"] == Decimal("0.9786")


@pytest.mark.parametrize(("name", "percent"), QUANTILES.items())
def test_quantiles_are_interpolated_between_the_nearest_values(medicine, name, percent):
    cuts = statistics.quantiles([Fraction(v) for v in VALUES.values()], n=100, method="inclusive")
    assert Fraction(medicine[name]) == cuts[percent - 1]


def test_the_median_of_an_even_number_of_codes_lies_between_the_middle_two():
    rvu = rvu_rows(
        *({"hcpcs": f"9000{i}", "work_rvu": v, **SECTION} for i, v in enumerate(["0.10", "0.20", "0.35", "9"]))
    )
    stats, _ = compare.compared(compare.values(rvu, derive.payment_national(rvu, IN_FORCE)))
    assert stats.filter(measure="work_rvu")["median"].item() == Decimal("0.2750")


# Sorted: 0.19 0.40 0.50 0.78 0.78 1.20 3.00
@pytest.mark.parametrize(
    ("hcpcs", "at_or_below"), [("90008", 1), ("90001", 3), ("90002", 5), ("90003", 5), ("90004", 6), ("90005", 7)]
)
def test_percentile_is_the_share_of_codes_at_or_below(compared, hcpcs, at_or_below):
    assert code(compared, hcpcs)["percentile"] == pytest.approx(100 * at_or_below / 7, abs=1e-12)


@pytest.mark.parametrize(
    ("hcpcs", "rank"), [("90005", 1), ("90004", 2), ("90002", 3), ("90003", 3), ("90001", 5), ("90008", 7)]
)
def test_rank_one_is_the_largest_and_ties_share_the_better_rank(compared, hcpcs, rank):
    assert code(compared, hcpcs)["rank"] == rank


def test_ratio_to_median(compared):
    assert code(compared, "90001")["ratio_to_median"] == pytest.approx(0.50 / 0.78, abs=1e-12)


def test_of_codes_that_tie_for_the_largest_value_the_first_is_named():
    rvu = rvu_rows(*({"hcpcs": c, "work_rvu": "2", **SECTION} for c in ("90009", "90003", "90005")))
    stats, _ = compare.compared(compare.values(rvu, derive.payment_national(rvu, IN_FORCE)))
    assert stats.filter(measure="work_rvu")["max_hcpcs"].item() == "90003"


def test_participants_are_compared_apart():
    rows = [{"hcpcs": "90001", "participant": p, "work_rvu": v, **SECTION} for p, v in [("qp", "1"), ("non_qp", "2")]]
    rvu = rvu_rows(*rows)
    stats, _ = compare.compared(compare.values(rvu, derive.payment_national(rvu, IN_FORCE)))
    assert stats.filter(measure="work_rvu").sort("participant")["max"].to_list() == [Decimal(2), Decimal(1)]


@pytest.mark.parametrize("status", ["A", "B", "C", "I", "N", "R", "X"])
def test_every_status_counts(status):
    rvu = rvu_rows({"hcpcs": "90001", "work_rvu": "1", "status": status, "not_used": True, **SECTION})
    stats, _ = compare.compared(compare.values(rvu, derive.payment_national(rvu, IN_FORCE)))
    assert stats.filter(measure="work_rvu")["n"].item() == 1
