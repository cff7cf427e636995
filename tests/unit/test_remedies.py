"""Every remedy that a message names works when it is followed as it stands: provoke, read, do what it says, it works.

Rows go where the message says, under the first line that it says; only their cells are the test's.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pfsetl.declared import declarations
from tests import synthetic as s
from tests.unit.test_declarations import pfsetl

Cells = dict[str, str]
LABEL = "RVU25A"
RVUS, GPCI = "PPRRVU2025_JAN.txt", "GPCI2025.csv"


def told_place(told: str, name: str) -> tuple[Path, list[str]]:
    """Return where a message says that rows of a file go, and the columns that it says."""
    found = re.search(rf"(\S*/{re.escape(name)}) \(first line ([^)]+)\)", told)
    assert found, f"{name} isn't placed in: {told}"
    return Path(found[1]), found[2].split(",")


def add(told: str, name: str, cells: Cells) -> None:
    """Add a row as a message says."""
    path, columns = told_place(told, name)
    assert set(cells) <= set(columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if not path.exists():
        writer.writeheader()
    writer.writerow({c: cells.get(c, "") for c in columns})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text.getvalue())


def shipped(name: str, **key: str) -> Cells:
    return next(dict(r) for r in declarations.rows(name) if all(r[c] == v for c, v in key.items()))


def participants(label: str, name: str, pricing: str = "2") -> s.Members:
    """A release with the file of a third participant."""
    rows = [s.changed(r, pricing=pricing, factor="33.4500") for r in s.CODES if r["status"] in "ACRT"]
    year = f"20{label[3:5]}"
    return {**s.release(label), name: s.pprrvu_csv("G32", rows, title=year, month="January")}


def with_rows(*rows: s.Row) -> s.Members:
    return {**s.release(LABEL), RVUS: s.pprrvu_txt("N171", rows)}


def replaced(label: str, name: str, old: bytes, new: bytes) -> s.Members:
    members = s.release(label)
    assert old in members[name]
    return {**members, name: members[name].replace(old, new)}


@dataclass(frozen=True)
class Case:
    """What is built, what the message says of it, and the rows that it asks for."""

    members: Callable[[], s.Members]
    says: str
    rows: list[tuple[str, Cells]]
    label: str = LABEL


AAPM = {"member": "pprrvu", "participant": "aapm", "from": "2027-01-01", "pattern": "pprrvu.*aapm", "required": "true",
        "formats": "txt csv xlsx", "example": "PPRRVU2027_Jan_AAPM.csv", "looks": "pprrvu"}  # fmt: skip
QP = shipped("members.csv", member="pprrvu", participant="qp")
ALABAMA_IS = {"carrier": "99999", "state": "AL"}
ROWS = {
    "the file of a third participant": Case(
        lambda: participants("RVU27A", "PPRRVU2027_Jan_AAPM.csv"),
        "If CMS has a new participant, it needs a row",
        [("members.csv", AAPM), ("participants.csv", {"participant": "aapm", "pricing_indicator": "2"})],
        "RVU27A",
    ),
    "the file of a third participant, named like another's": Case(
        lambda: participants("RVU27A", "PPRRVU2027_Jan_QPP_AAPM.csv"),
        "no other pattern in members.csv may fit it",
        [
            ("members.csv", AAPM),
            ("members.csv", QP | {"pattern": f"(?!.*aapm){QP['pattern']}"}),
            ("participants.csv", {"participant": "aapm", "pricing_indicator": "2"}),
        ],
        "RVU27A",
    ),
    "a name that fits two members": Case(
        lambda: s.release(LABEL) | {"RVU_GPCI_LOCCO.csv": s.locco_csv()},
        "narrow a pattern",
        [
            ("members.csv", shipped("members.csv", member="gpci") | {"pattern": "gpci(?!.*locco)"}),
            ("members.csv", shipped("members.csv", member="locality_county") | {"pattern": "^25locco"}),
        ],
    ),
    "a member of another name": Case(
        lambda: {("RVU.txt" if n == RVUS else n): data for n, data in s.release(LABEL).items()},
        "If CMS has changed its name, add it to the pattern of pprrvu",
        [("members.csv", shipped("members.csv", member="pprrvu", participant="all") | {"pattern": "^rvu$"})],
    ),
    "a status that isn't listed": Case(
        lambda: with_rows(*s.CODES, s.code("G9906", "Synthetic, of a new status", status="Z", work="1.00")),
        "if CMS has them now, add a row for each",
        [("codes/status.csv", {"code": "Z", "meaning": "new", "payable": "no", "reason": "bundled"})],
    ),
    "a contractor of the indices that isn't known": Case(
        lambda: {**s.release(LABEL), GPCI: s.gpci_csv("GPCI6", ({**s.ALABAMA, "mac": "99999"}, *s.PLACES[1:]))},
        "is in no known state",
        [("carriers.csv", ALABAMA_IS)],
    ),
    "a contractor of another member that isn't known": Case(
        lambda: replaced(LABEL, "ANES2025.csv", b"10112 ,00 ,ALABAMA", b"99999 ,00 ,ELSEWHERE"),
        "lines are in no known state",
        [("carriers.csv", ALABAMA_IS)],
    ),
    "a title of another year": Case(
        lambda: {**s.release(LABEL), GPCI: s.gpci_csv("GPCI7", year="2024")},
        "If CMS published it so, a row says why",
        [
            (
                "corrections.csv",
                {"release": LABEL, "member": "gpci", "format": "csv", "field": "2024", "action": "identity",
                 "what": "the title is that of 2024"},
            )
        ],
    ),
    "a broken rule": Case(
        lambda: with_rows(*s.CODES[1:], s.changed(s.VISIT, nonfacility_total="2.71")),
        "a row that says why publishes it with a warning",
        [],
    ),
    "formats that differ in a price": Case(
        lambda: {**s.release(LABEL), "GPCI2025.txt": s.gpci_txt("GPCI7", ({**s.ALABAMA, "pe": "0.876"}, *s.PLACES[1:]))},
        "If CMS published them so, a row says why",
        [],
    ),
    "a cell of a new form": Case(
        lambda: replaced(LABEL, GPCI, b"1.065", b"1.06512"),
        "add a row of pe_gpci that allows it",
        [("fields.csv", shipped("fields.csv", field="pe_gpci") | {"scale": "5"})],
    ),
    "a label that isn't of CMS's rule": Case(
        lambda: s.release(LABEL),
        "needs a row with the days on which it's in force",
        [("releases.csv", {"release": "RVU25A_SPECIAL", "year": "2025", "quarter": "1", "kind": "correction",
                           "effective_from": "2025-01-01", "effective_to": "2025-03-31"})],
        "RVU25A_SPECIAL",
    ),
    "a label beside a declared one": Case(
        lambda: s.release(LABEL),
        "add its row with the days on which it's in force",
        [("releases.csv", {"release": "RVU25AR9", "year": "2025", "quarter": "1", "kind": "correction",
                           "effective_from": "2025-01-01", "effective_to": "2025-03-31", "supersedes": "RVU25A"})],
        "RVU25AR9",
    ),
}  # fmt: skip


def spelled_out(told: str) -> Cells:
    """Return the cells of a row that a message spells out: `release RVU25A, member gpci, ... in FILE`."""
    found = re.search(r"release (\S+), member (\S+),(?: format (\S+),)? field (.+), action (\w+), in ", told)
    if found:
        names = ("release", "member", "format", "field", "action")
        return {name: cell or "" for name, cell in zip(names, found.groups(), strict=True)} | {"what": "CMS's own"}
    return {}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_a_message_asks_for_make_it_build(name: str, tmp_path: Path) -> None:
    case = ROWS[name]
    own = tmp_path / "own"
    own.mkdir()
    archive = s.write_zip(tmp_path / "archive.zip", case.members())
    build = ("build", case.label, "--archive", archive, "--sample", "--output", tmp_path / "store", "--schemas", own)
    code, _, told = pfsetl(*build)
    assert code in (1, 2)
    assert case.says in told
    for file, cells in case.rows or [("corrections.csv", spelled_out(told))]:
        add(told, file, cells)
    code, _, told = pfsetl(*build)
    assert code == 0, told
