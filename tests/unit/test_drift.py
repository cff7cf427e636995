"""A release beside its neighbors: the law says in which years indices change (Social Security Act 1848(e)(1)(C))."""

from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from pfsetl.checks.drift import RELATIVE, Neighbour, drift, factors, repeated, work
from pfsetl.declared import registry

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


@pytest.mark.parametrize("order", [("non_qp", "qp"), ("qp", "non_qp")])
def test_a_factor_is_held_against_the_participants_whose_rows_it_follows_whatever_stands_first(order: tuple[str, str]):
    paid = {"all": Decimal("32.3465"), "non_qp": Decimal("33.4009"), "qp": Decimal("38.5675")}
    two, one = (
        pl.DataFrame({"participant": names, "conversion_factor": [paid[n] for n in names]})
        for names in ([*order], ["all"])
    )
    assert factors(one, "after", "RVU26A", two).examples == ()
    assert factors(two, "before", "RVU25D", one).examples == ("qp 32.3465 to 38.5675",)


def test_how_far_a_factor_may_move_is_said_as_it_is_declared(monkeypatch: pytest.MonkeyPatch):
    name = "conversion_factor_moves_at_most"
    bound = {name: replace(registry.thresholds()[name], value=0.025)}
    monkeypatch.setattr(registry, "thresholds", lambda: bound)
    assert "more than 2.5 % away" in factors(factor("32.3465"), "before", "RVU24D", factor("33.2875")).description


# --- relative values of another year ------------------------------------------------------------------------------


def rvu(participant: str = "all", rows: int = 1000, changed: int = 0, unpriced: int = 0) -> pl.DataFrame:
    """Rows with relative values, the first `changed` of them others; and rows without any, the same every year."""
    values = [[participant, f"G{n:04}", "", "1.00", "2.00", "0.50", "0.10"] for n in range(rows)]
    values[:changed] = [[*row[:3], "1.01", *row[4:]] for row in values[:changed]]
    values += [[participant, f"E{n:04}", "", "0.00", "0.00", "0.00", "0.00"] for n in range(unpriced)]
    frame = pl.DataFrame(values, schema=["participant", "hcpcs", "modifier", *RELATIVE], orient="row")
    return frame.with_columns(pl.col(RELATIVE).cast(pl.Decimal(8, 2)))


@pytest.mark.parametrize("changed", [1, 499])
def test_files_of_another_year_with_some_values_changed_are_named(changed):
    told = repeated(rvu(changed=changed), "after", "RVU26A", rvu())
    assert (told.check, told.severity, told.violations) == ("values_repeated_after", "warn", 1000 - changed)
    assert f"{1000 - changed:,} of 1,000 rows have the relative values of RVU26A" in told.description


def test_values_of_which_cms_repeats_as_many_as_it_ever_did_are_no_finding():
    # RVU17A and RVU18A: 973 of 9,005 rows.
    assert repeated(rvu(changed=892), "before", "RVU17A", rvu()).violations == 0


def test_rows_without_relative_values_are_the_same_every_year_and_do_not_count():
    assert repeated(rvu(changed=1000, unpriced=5000), "before", "RVU25D", rvu(unpriced=5000)).violations == 0


def test_the_participants_of_two_eras_are_compared():
    assert repeated(rvu("non_qp", changed=1), "before", "RVU25D", rvu("all")).violations == 999


def test_of_a_few_rows_nothing_follows():
    assert repeated(rvu(rows=999), "before", "RVU25D", rvu(rows=999)).violations == 0


# --- work RVUs that slipped ---------------------------------------------------------------------------------------


def valued(work_rvu: str, participant: str = "all") -> pl.DataFrame:
    row = {"participant": [participant], "hcpcs": ["G0101"], "modifier": [""], "work_rvu": [Decimal(work_rvu)]}
    return pl.DataFrame(row)


@pytest.mark.parametrize(("was", "now"), [("0.45", "4.50"), ("4.50", "0.45"), ("0.45", "45.00")])
def test_a_work_rvu_whose_point_slipped_is_named(was: str, now: str):
    told = work(valued(now, "non_qp"), "before", "RVU25D", valued(was))
    assert (told.check, told.severity, told.violations) == ("work_moved_before", "warn", 1)
    assert told.examples == (f"G0101 {was} to {now}",)


def test_work_rvus_that_moved_as_cms_has_moved_them_are_no_finding():
    """RVU11A gives 51741 a sixth of RVU09A's work, RVU20A 93562 26 77 times RVU18A's hundredth."""
    assert work(valued("0.17"), "before", "RVU09A", valued("1.14")).violations == 0
    assert work(valued("0.77"), "before", "RVU18A", valued("0.01")).violations == 0
