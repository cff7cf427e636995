"""The first release of 2027, made of the files of RVU26A in the shapes that CMS may give it.

Factors are those of CMS's proposed rule for 2027 (91 FR 43842); the anesthesia factors follow them.

>>> sorted(SHAPES)[:3]
['another factor', 'both indices', 'column added']
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from tests import synthetic as s
from tests.relabel import Members, relabel

OLD, NEW = "RVU26A", "RVU27A"
FACTORS = {"nonQPP": "33.4009", "QPP": "33.5675"}  # of 2026
PROPOSED = {"nonQPP": "32.8409", "QPP": "33.1693"}
OTHERS = {"nonQPP": "34.1234", "QPP": "34.4321"}
ANESTHESIA = ("20.49754", "20.599835")  # the national ones of 2026, non-QP and QP, in the headings of ANES2026
GPCI, ANES, LOCCO = "GPCI2027.csv", "ANES2027.csv", "27LOCCO.csv"
PAID = {whose: f"PPRRVU2027_Jan_{whose}.csv" for whose in FACTORS}
WITHOUT, WITH = 4, 5  # columns of GPCI2026
CENT = Decimal("0.01")
COLUMN = "NEW IND"
STATUS = "Z"
BIRMINGHAM = ("0.995", "1.000", "0.900", "0.600")


def unchanged(members: Members) -> Members:
    """RVU26A under the names, titles and headings of RVU27A, with the factors of 2026; it has no OPPSCAP."""
    return {name: data for name, data in relabel(members, OLD, NEW).items() if "OPPSCAP" not in name}


def both_indices(members: Members, factors: Mapping[str, str] = PROPOSED) -> Members:
    """As RVU26A, with the factors of 2027: the work index with and without the floor."""
    made = unchanged(members)
    for whose, old in FACTORS.items():
        made[PAID[whose]] = made[PAID[whose]].replace(f",{old},".encode(), f",{factors[whose]},".encode())
    ratios = [Decimal(factors[whose]) / Decimal(FACTORS[whose]) for whose in ("QPP", "nonQPP")]
    head, *rows = s.cells_of(made[ANES])
    head = [_scaled(cell, ratios) for cell in head]
    rows = [
        [*row[:3], *(str((Decimal(c) * r).quantize(CENT)) if c else c for c, r in zip(row[3:], ratios, strict=True))]
        for row in rows
    ]
    return made | {ANES: s.csv_bytes([head, *rows])}


def _scaled(heading: str, ratios: list[Decimal]) -> str:
    for national, ratio in zip(ANESTHESIA, reversed(ratios), strict=True):
        heading = heading.replace(national, str((Decimal(national) * ratio).quantize(Decimal("0.0001"))))
    return heading


def another_factor(members: Members) -> Members:
    """Factors that nobody has proposed."""
    return both_indices(members, OTHERS)


def only_without_floor(members: Members) -> Members:
    """One work index, without the floor; the anesthesia factors go with it."""
    made = both_indices(members)
    lost = {
        (row[0].strip(), row[2]): Decimal(row[WITH]) - Decimal(row[WITHOUT])
        for row in s.cells_of(made[GPCI])
        if row[WITH].replace(".", "").isdigit()
    }
    head, *anes = s.cells_of(made[ANES])
    for row in anes:
        # NOTE: about four fifths of an anesthesia factor are the work index.
        less = 16 * lost.get((row[0].strip(), row[1].strip()), Decimal(0))
        row[3:] = [str((Decimal(cell) - less).quantize(CENT)) if cell else cell for cell in row[3:]]
    return made | {GPCI: _without(made[GPCI], WITH), ANES: s.csv_bytes([head, *anes])}


def only_with_floor(members: Members) -> Members:
    """One work index, with the floor, as RVU26C prints it."""
    made = both_indices(members)
    return made | {GPCI: _without(made[GPCI], WITHOUT)}


def column_added(members: Members) -> Members:
    """A column at the end of both PPRRVU files that nobody knows."""
    made = both_indices(members)
    return made | {name: _more(made[name]) for name in PAID.values()}


def new_status(members: Members) -> Members:
    """A status that no list of CMS's codes has, on the last G code of both PPRRVU files that is paid."""
    made = both_indices(members)
    return made | {name: _with_status(made[name]) for name in PAID.values()}


def new_locality(members: Members) -> Members:
    """Alabama in two localities, in every member that names localities."""
    made = both_indices(members)
    at = ["10112", "AL", "01", "BIRMINGHAM"]
    return made | {
        GPCI: _after_alabama(made[GPCI], lambda row: [*at, *BIRMINGHAM]),
        LOCCO: _after_alabama(made[LOCCO], lambda row: ["10112", "01", "", "BIRMINGHAM", "JEFFERSON", *row[5:]]),
        ANES: _after_alabama(made[ANES], lambda row: ["10112 ", "01 ", "BIRMINGHAM", *row[3:]]),
    }


def new_participant(members: Members) -> Members:
    """A third PPRRVU file, of a participant that nobody knows."""
    made = both_indices(members)
    return made | {"PPRRVU2027_Jan_ACO.csv": made[PAID["QPP"]]}


SHAPES: dict[str, Callable[[Members], Members]] = {
    "unchanged": unchanged,
    "another factor": another_factor,
    "both indices": both_indices,
    "only without floor": only_without_floor,
    "only with floor": only_with_floor,
    "column added": column_added,
    "new status": new_status,
    "new locality": new_locality,
    "new participant": new_participant,
}


def _without(data: bytes, column: int) -> bytes:
    return s.csv_bytes([cell for at, cell in enumerate(row) if at != column] for row in s.cells_of(data))


def _heading(rows: list[list[str]]) -> int:
    return next(at for at, row in enumerate(rows) if row[0] == "HCPCS")


def _more(data: bytes) -> bytes:
    rows = s.cells_of(data)
    head = _heading(rows)
    rows[head].append(COLUMN)
    return s.csv_bytes([*row, "1" if row[0] else ""] if at != head else row for at, row in enumerate(rows))


def _with_status(data: bytes) -> bytes:
    rows = s.cells_of(data)
    last = next(row for row in reversed(rows) if row[3] == "A" and row[0].startswith("G"))
    last[3] = STATUS
    return s.csv_bytes(rows)


def _after_alabama(data: bytes, row_of: Callable[[list[str]], list[str]]) -> bytes:
    rows = s.cells_of(data)
    at = next(at for at, row in enumerate(rows) if row[0].strip() == "10112")
    return s.csv_bytes([*rows[: at + 1], row_of(rows[at]), *rows[at + 1 :]])
