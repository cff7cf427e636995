"""A locality lies in a state: contractor numbers change, (state, locality) stays."""

import re

import polars as pl
import pytest

from pfsetl.declared import declarations
from pfsetl.errors import ValueRefused
from pfsetl.tables import places

TOLD = places.known_states(None, None)


def at(*pairs: tuple[str, str], **columns: list[str]) -> pl.DataFrame:
    frame = pl.DataFrame(pairs, schema=["mac", "locality"], orient="row").with_row_index("line", 1)
    return frame.with_columns(pl.Series(name, cells) for name, cells in columns.items())


# contractor, locality, state: CMS's GPCI files of 2009, 2015, 2025 name the state beside each
@pytest.mark.parametrize(
    ("mac", "locality", "state"),
    [
        ("00510", "00", "AL"),
        ("10112", "00", "AL"),
        ("00831", "01", "AK"),
        ("02102", "01", "AK"),
        ("01192", "18", "CA"),
        ("01182", "18", "CA"),
        ("01112", "05", "CA"),
        ("31143", "01", "MA"),
        ("14212", "01", "MA"),
        ("06302", "00", "WI"),
        ("03602", "21", "WY"),
        # of releases before 2009, by CMS's list of carriers
        ("00521", "05", "NM"),
        ("00740", "02", "MO"),
        ("00740", "04", "KS"),
        ("00803", "01", "NY"),
        ("00820", "02", "SD"),
        ("00823", "09", "UT"),
        ("00865", "01", "PA"),
        ("00889", "02", "SD"),
        ("14330", "04", "NY"),
        ("31146", "18", "CA"),
    ],
)
def test_the_contractor_tells_the_state(mac: str, locality: str, state: str) -> None:
    assert places.with_state(at((mac, locality)), TOLD, "f.csv")["state"].to_list() == [state]


def test_every_state_with_a_locality_has_a_part_b_contractor_and_the_digits_of_its_macs() -> None:
    # 50 states, DC, Puerto Rico and the Virgin Islands; the Pacific islands are paid by Hawaii's contractor
    rows = declarations.texts("carriers.csv")
    states = {row["state"] for row in declarations.texts("localities.csv")}
    assert len(states) == 53
    assert {row["state"] for row in rows if len(row["carrier"]) == 3} == states
    assert {row["state"] for row in rows if row["carrier"].startswith("00")} >= states - {"CA", "ID", "ME", "MA", "NH",
                                                                                         "NC", "TN", "VT"}  # fmt: skip


def test_a_contractor_is_used_in_months_that_follow_each_other() -> None:
    rows = declarations.texts("carriers.csv")
    months = [cell for row in rows for cell in (row["used_from"], row["used_until"]) if cell]
    assert [m for m in months if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", m)] == []
    assert [r["carrier"] for r in rows if r["used_until"] and r["used_from"] > r["used_until"]] == []


@pytest.mark.parametrize(("mac", "first", "last"), [
    ("00590", "", "2009-01"),         # First Coast became Florida's MAC, 09102, in February 2009
    ("03102", "2006-12", ""),         # jurisdiction 3 was the first
    ("04402", "2008-06", "2012-10"),  # TrailBlazer
    ("04412", "2012-11", ""),         # Novitas
    ("10112", "2018-02", ""),         # Palmetto for Cahaba
])  # fmt: skip
def test_a_contract_that_changed_hands_is_dated(mac: str, first: str, last: str) -> None:
    (row,) = [r for r in declarations.texts("carriers.csv") if (r["carrier"], r["locality"]) == (mac, "")]
    assert (row["used_from"], row["used_until"]) == (first, last)


def test_a_state_in_the_file_itself_stays() -> None:
    assert places.with_state(at(("10112", "00"), state=["ZZ"]), TOLD, "f.csv")["state"].to_list() == ["ZZ"]


def test_an_undeclared_contractor_is_told_by_the_archive() -> None:
    told = places.known_states(at(("99999", "07"), state=["NV"]), None)
    assert places.with_state(at(("99999", "07")), told, "f.csv")["state"].to_list() == ["NV"]


def test_locality_county_names_the_state_once_per_block() -> None:
    counties = at(("99998", "01"), ("99998", "02"), ("99997", "00"), state_name=["ALABAMA", "", "WYOMING"])
    blank_is_null = counties.with_columns(pl.col("state_name").replace("", None))
    told = places.known_states(None, blank_is_null)
    assert sorted(told["state"]) == ["AL", "AL", "WY"]


def test_an_unknown_contractor_is_refused() -> None:
    with pytest.raises(ValueRefused, match=r"f.csv: line 2: contractor 99999 locality 01 .*schemas/carriers.csv"):
        places.with_state(at(("10112", "00"), ("99999", "01")), TOLD, "f.csv")


def test_of_two_names_that_a_contractor_nobody_knows_gives_a_place_the_first_counts() -> None:
    """Many contractors, because which of the names comes first was left to chance."""
    known = {"ALABAMA": "AL", "ARIZONA": "AZ"}
    gpci = pl.DataFrame(
        [("10112", "00", "AL", "ALABAMA"), ("03102", "00", "AZ", "ARIZONA")],
        schema=["mac", "locality", "state", "locality_name"], orient="row",
    )  # fmt: skip
    names = [("ALABAMA", "ARIZONA")[:: 1 if number % 2 else -1] for number in range(400)]
    rows = [(f"9{number:04}", "00", name) for number, both in enumerate(names) for name in both]
    frame = pl.DataFrame(rows, schema=["mac", "locality", "locality_name"], orient="row").with_row_index("line", 1)
    placed = places.with_likely_state(frame, places.known_states(None, None), gpci)
    assert placed["state"].to_list() == [known[both[0]] for both in names for _ in both]


def test_rows_keep_their_order() -> None:
    rows = at(("02102", "01"), ("10112", "00"), ("01182", "18"))
    assert places.with_state(rows, TOLD, "f.csv")["mac"].to_list() == ["02102", "10112", "01182"]


DOUBLE = at(("01182", "18"), ("01112", "18"), state=["CA", "CA"], amount=["160.05", "160.05"])


def test_southern_california_under_two_contractors_is_one_row() -> None:
    merged = places.merged(DOUBLE, ["state", "locality"], ["amount"], "f.csv")
    assert merged.select("state", "locality", "mac", "macs", "amount").rows() == [
        ("CA", "18", "01112", "01112,01182", "160.05")
    ]


def test_two_contractors_with_other_values_are_refused() -> None:
    other = DOUBLE.with_columns(amount=pl.Series(["160.05", "160.06"]))
    with pytest.raises(ValueRefused, match=r"f.csv: state CA, locality 18 .*01112,01182\) with different amount"):
        places.merged(other, ["state", "locality"], ["amount"], "f.csv")


def test_distinct_localities_are_not_merged() -> None:
    rows = at(("01182", "18"), ("01182", "26"), state=["CA", "CA"], amount=["1", "2"])
    assert places.merged(rows, ["state", "locality"], ["amount"], "f.csv").height == 2
