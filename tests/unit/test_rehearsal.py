"""A year rehearsed: RVU27A made of a RVU26A in the shapes that CMS may give it, published or refused with a remedy.

The floor under the work index ends on 2027-01-01 (CMS's footnote in RVU26C). Amounts are worked out here.
"""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests import rehearsal
from tests import synthetic as s
from tests.declared import command as pfsetl
from tests.relabel import Members
from tests.unit.test_remedies import add, shipped, spelled_out

pytestmark = pytest.mark.long

DAY = "2027-01-15"
RVUS = ("1.21", "1.40", "0.09")  # of the synthetic visit
ALABAMA = ("0.988", "0.875", "0.566")  # CMS, GPCI2026 without the floor
FLOORED = ("1.000", "0.875", "0.566")
BIRMINGHAM = ("0.995", "0.900", "0.600")
FACTOR = "32.8409"
MEMBERS = shipped("members.csv", member="pprrvu", participant="qp")
ACO = {"participant": "aco", "pattern": "pprrvu.*aco", "from": "2027-01-01", "example": "PPRRVU2027_Jan_ACO.csv"}


def amount(rvus: tuple[str, ...], indices: tuple[str, ...], factor: str = FACTOR) -> float:
    """CMS's formula, rounded once."""
    total = sum(Decimal(r) * Decimal(g) for r, g in zip(rvus, indices, strict=True)) * Decimal(factor)
    return float(total.quantize(Decimal("0.01"), ROUND_HALF_UP))


class Year:
    """An archive of one shape, a store, and a folder for the rows that a message asks for."""

    def __init__(self, shape: str, members: Members, folder: Path, *how: str) -> None:
        self.own = folder / "own"
        self.own.mkdir()
        self.archive = s.write_folder(folder / "RVU27A", rehearsal.SHAPES[shape](members))
        self.store = folder / "store"
        self.how = how
        self.last = ""

    def build(self) -> int:
        """Build it and return the exit code; `last` is what was said."""
        to = ("--archive", self.archive, "--output", self.store, "--schemas", self.own)
        code, out, told = pfsetl("build", "RVU27A", *to, *self.how)
        self.last = out + told
        return code

    def price(self, hcpcs: str, locality: str) -> dict[str, Any]:
        """Price a service of January 2027."""
        asked = ("--date", DAY, "--locality", locality, "--json", "--output", self.store, "--schemas", self.own)
        code, out, told = pfsetl("price", hcpcs, *asked)
        assert code == 0, told
        found: dict[str, Any] = json.loads(out)
        return found


def with_spelled_out_rows(year: Year) -> None:
    """Add the rows that messages spell out, one after the other, until there is none more."""
    for _ in range(6):
        if not (row := spelled_out(year.last)):
            return
        add(year.last, "corrections.csv", row)
        year.build()


def with_what_declare_proposes(year: Year) -> None:
    """Do as the message says: pfsetl declare, into the folder of one's own."""
    assert f"pfsetl declare RVU27A --archive {year.archive}" in year.last
    year.own.rmdir()
    code, _, told = pfsetl("declare", "RVU27A", "--archive", year.archive, "--out", year.own)
    assert code == 0, told


def with_a_row_of_the_status(year: Year) -> None:
    """Add the status to CMS's list, as one that is paid."""
    add(year.last, "codes/status.csv", {"code": rehearsal.STATUS, "meaning": "new in 2027", "payable": "yes"})


def with_rows_of_the_participant(year: Year) -> None:
    """Declare the third participant."""
    told = year.last
    add(told, "members.csv", MEMBERS | ACO)
    add(told, "participants.csv", {"participant": "aco", "pricing_indicator": "1"})


REFUSED: dict[str, tuple[str, Callable[[Year], None]]] = {
    "unchanged": ("its conversion factor 33.4009 says 2026, but RVU27A is of 2027", with_spelled_out_rows),
    "column added": ("column 33 'NEW IND' isn't in G32", with_what_declare_proposes),
    "new status": ("rvu.known_status", with_a_row_of_the_status),
    "new participant": ("PPRRVU2027_Jan_ACO.csv is named as pprrvu for everyone", with_rows_of_the_participant),
}


def rehearse(shape: str, members: Members, folder: Path, hcpcs: str, rvus: tuple[str, ...], *how: str) -> None:
    """Build a shape, with the remedy where it's refused, and hold its prices against the law and the files."""
    year = Year(shape, members, folder, *how)
    code = year.build()
    if shape in REFUSED:
        says, follow = REFUSED[shape]
        assert (code, says in year.last, year.store.joinpath("versions").exists()) == (1, True, False), year.last
        follow(year)
        code = year.build()
    assert code == 0, year.last
    floored = shape == "only with floor"
    factor = {"unchanged": "33.4009", "another factor": "34.1234"}.get(shape, FACTOR)
    found = year.price(hcpcs, "AL/00")
    assert found["allowed"] == amount(rvus, FLOORED if floored else ALABAMA, factor)
    assert found["work_index"]["floor_in_force"] is False
    expected = None if shape == "only without floor" else amount(rvus, FLOORED, factor)
    assert found["work_index"]["amount_with_floor"] == expected
    said = "printed at the floor, and paid as printed" if floored else "without the floor"
    assert any(said in note for note in found["notes"]) == (shape != "only without floor")
    assert ("gpci.work_index_against_law" in year.last) == floored
    if shape == "new locality":
        assert year.price(hcpcs, "AL/01")["allowed"] == amount(rvus, BIRMINGHAM)


@pytest.fixture(scope="module")
def members() -> Members:
    """A few services in every locality."""
    return s.release("RVU26A", s.CODES, s.all_places("2026"))


@pytest.mark.parametrize("shape", rehearsal.SHAPES)
def test_a_shape_is_priced_by_the_law_of_2027_or_refused_with_a_remedy_that_works(shape, members: Members, tmp_path):
    rehearse(shape, members, tmp_path, "G9901", RVUS, "--sample")


def test_anesthesia_factors_with_a_floor_that_the_indices_lack_are_refused_by_that_name(members: Members, tmp_path):
    with_floor = rehearsal.both_indices(members)[rehearsal.ANES]
    year = Year("only without floor", members, tmp_path, "--sample")
    s.write_folder(year.archive, {rehearsal.ANES: with_floor})
    assert year.build() == 1
    assert "they follow from the work index raised to its floor, which these indices aren't" in year.last
    with_spelled_out_rows(year)
    assert year.build() == 0, year.last


def test_anesthesia_factors_may_follow_either_of_two_indices(members: Members, tmp_path):
    without_floor = rehearsal.only_without_floor(members)[rehearsal.ANES]
    year = Year("both indices", members, tmp_path, "--sample")
    s.write_folder(year.archive, {rehearsal.ANES: without_floor})
    assert year.build() == 0, year.last
