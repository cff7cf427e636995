"""A release beside its neighbors: the law says in which years indices change (Social Security Act 1848(e)(1)(C))."""

from decimal import Decimal

import polars as pl
import pytest

from pfsetl.declared import registry
from pfsetl.tables.drift import Neighbour, drift

PLACES = [("AL", "00", "1.000", "0.875", "0.566"), ("CA", "18", "1.045", "1.173", "0.735")]
INDEX = pl.Decimal(6, 3)


def gpci(*rows: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.DataFrame(rows or PLACES, schema=["state", "locality", "work_gpci", "pe_gpci", "mp_gpci"], orient="row")
    return frame.with_columns(pl.col("^.*_gpci$").cast(INDEX))


def factor(value: str) -> pl.DataFrame:
    return pl.DataFrame({"participant": ["all"], "conversion_factor": [Decimal(value)]})


def found(
    label: str, mine: pl.DataFrame, near: str, theirs: pl.DataFrame, factors: tuple[str, str] = ("32.3465", "32.3465")
) -> dict[str, tuple[str, ...]]:
    release, other = registry.find(label), registry.find(near)
    tables = {"gpci": mine, "conversion_factor": factor(factors[0])}
    neighbour = Neighbour("before", near, other.year, theirs, factor(factors[1]))
    return {f.check: f.examples for f in drift(tables, release, [neighbour]) if f.violations}


MOVED = gpci(("AL", "00", "1.000", "0.876", "0.566"), PLACES[1])


def test_the_same_indices_in_a_year_without_an_update_are_no_finding():
    assert found("RVU25C", gpci(), "RVU25A", gpci()) == {}


@pytest.mark.parametrize(("label", "near"), [("RVU25C", "RVU25A"), ("RVU25A", "RVU24A"), ("RVU22D", "RVU22A")])
def test_an_index_that_moved_without_an_update_is_named(label, near):
    assert found(label, MOVED, near, gpci()) == {"indices_unchanged_before": ("AL/00 pe_gpci 0.875 to 0.876",)}


def test_an_index_that_moved_with_an_update_is_none():
    assert found("RVU26A", MOVED, "RVU25D", gpci()) == {}


def test_indices_that_all_stayed_although_an_update_was_due_are_named():
    assert found("RVU26A", gpci(), "RVU25D", gpci()) == {"indices_updated_before": ()}


def test_the_floor_comes_and_goes_by_acts_of_its_own():
    """RVU18A was printed without the floor of 1.000, which a law of February 2018 restored."""
    lifted = gpci(("AL", "00", "0.978", "0.875", "0.566"), PLACES[1])
    assert found("RVU18B", gpci(), "RVU18A", lifted) == {}


def test_california_moved_each_year_from_2017_to_2022():
    moved = gpci(PLACES[0], ("CA", "18", "1.046", "1.173", "0.735"))
    assert found("RVU22A", moved, "RVU21A", gpci()) == {}
    assert "indices_unchanged_before" in found("RVU25A", moved, "RVU24A", gpci())


@pytest.mark.parametrize(
    "row",
    [
        ("AL", "00", "1.120", "0.875", "0.566"),
        ("AL", "00", "1.000", "1.130", "0.566"),
        ("AL", "00", "1.000", "0.875", "5.566"),
    ],
)
def test_an_index_that_moved_farther_than_any_did_is_named(row):
    assert list(found("RVU26A", gpci(row, PLACES[1]), "RVU25D", gpci())) == ["indices_moved_before"]


def test_a_conversion_factor_ten_percent_away_is_named():
    """RVU13A's factor of 25.0008 was never paid."""
    assert found("RVU13A", gpci(), "RVU12D", gpci(), ("25.0008", "34.0376")) == {
        "moved_before": ("all 34.0376 to 25.0008",)
    }
    assert found("RVU25A", gpci(), "RVU24D", gpci(), ("32.3465", "33.2875")) == {}
