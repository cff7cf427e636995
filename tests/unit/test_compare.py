"""How a code compares in its section; expected figures are worked out by hand."""

from decimal import Decimal

import polars as pl
import pytest

from pfsetl.tables import compare

KEY = {"release": "RVU25A", "participant": "all"}


def rvus(**work: str) -> pl.DataFrame:
    """Rows of one section: code and work RVU; a code followed by `_26` is its professional row."""
    rows = [
        {**KEY, "hcpcs": name[:5], "modifier": name[6:], "section": "S", "subsection": None, "work_rvu": Decimal(value)}
        for name, value in work.items()
    ]
    decimal, text = pl.Decimal(9, 2), pl.String
    schema = dict.fromkeys((*KEY, "hcpcs", "modifier", "section", "subsection"), text) | {"work_rvu": decimal}
    zero = pl.lit("0").cast(decimal)
    return pl.DataFrame(rows, schema=schema).with_columns(nonfacility_total_rvu=zero, facility_total_rvu=zero)


def compared(rvu: pl.DataFrame) -> tuple[dict[str, object], pl.DataFrame]:
    names = ("nonfacility_amount", "facility_amount", "nonfacility_payment")
    amounts = rvu.select(*KEY, "hcpcs", "modifier", *(pl.col("work_rvu").alias(name) for name in names))
    stats, comparison = compare.compared(compare.values(rvu, amounts))
    work = pl.col("measure") == "work_rvu"
    return stats.filter(work, section="S").row(0, named=True), comparison.filter(work).sort("hcpcs")


FIVE = rvus(G0001="1.00", G0002="2.00", G0003="2.00", G0004="3.00", G0005="7.00")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("n", 5),
        ("mean", Decimal("3.0000")),
        ("min", Decimal("1.0000")),
        ("p10", Decimal("1.4000")),  # position 0.4 between 1 and 2
        ("p25", Decimal("2.0000")),
        ("median", Decimal("2.0000")),
        ("p75", Decimal("3.0000")),
        ("p90", Decimal("5.4000")),  # position 3.6 between 3 and 7
        ("p95", Decimal("6.2000")),
        ("max", Decimal("7.0000")),
        ("max_hcpcs", "G0005"),
    ],
)
def test_statistics_of_a_section(name: str, expected: object) -> None:
    assert compared(FIVE)[0][name] == expected


def test_an_even_population_has_its_median_between_two() -> None:
    assert compared(rvus(G0001="0.01", G0002="0.02"))[0]["median"] == Decimal("0.0150")


def test_percentile_counts_the_values_at_or_below() -> None:
    assert compared(FIVE)[1]["percentile"].to_list() == [20.0, 60.0, 60.0, 80.0, 100.0]


def test_the_largest_value_ranks_first_and_ties_share_a_rank() -> None:
    assert compared(FIVE)[1]["rank"].to_list() == [5, 3, 3, 2, 1]


def test_ratio_to_the_median() -> None:
    assert compared(FIVE)[1]["ratio_to_median"].to_list() == [0.5, 1.0, 1.0, 1.5, 3.5]


def test_a_code_counts_once_with_its_largest_row() -> None:
    stats, comparison = compared(rvus(G0001="1.00", G0001_26="4.00", G0002="2.00"))
    assert (stats["n"], comparison["value"].to_list()) == (2, [Decimal("4.00"), Decimal("2.00")])


def test_zeros_are_not_in_the_population() -> None:
    assert compared(rvus(G0001="0.00", G0002="2.00"))[0]["n"] == 1


def test_of_codes_that_tie_for_the_largest_the_first_is_named() -> None:
    assert compared(rvus(G0009="2.00", G0002="2.00"))[0]["max_hcpcs"] == "G0002"


def test_no_rows_give_no_statistics() -> None:
    rvu = rvus()
    names = ("nonfacility_amount", "facility_amount", "nonfacility_payment")
    amounts = rvu.select(*KEY, "hcpcs", "modifier", *(pl.col("work_rvu").alias(name) for name in names))
    assert [frame.height for frame in compare.compared(compare.values(rvu, amounts))] == [0, 0]
