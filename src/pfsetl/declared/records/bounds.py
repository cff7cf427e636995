"""Records of what a release has at least, and of the bounds that were measured of CMS's archives."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pfsetl.declared.records.shapes import FIELDS
from pfsetl.declared.records.sheet import (
    PARTICIPANT,
    STATE,
    TABLE,
    Clash,
    Count,
    Fits,
    Key,
    Name,
    Prose,
    Read,
    Reference,
    Sheet,
    Within,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRow:
    """How many rows, or different values of `columns`, a table has at least in releases of these days.

    With `value` it's about the rows with that value; `participants` are those whose file is meant, unless the table has
    rows of `without` too.
    """

    table: Name
    columns: tuple[Name, ...]
    value: Annotated[str, Fits(r"[0-9A-Za-z]{1,20}")] = ""
    participants: tuple[Name, ...] = ()
    without: Name = ""
    from_: date
    until: date | None = None
    at_least: Count
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.value and len(self.columns) > 1:
            raise ValueError(f"value {self.value!r} is of one column, not of {' '.join(self.columns)}. Write one.")


def _no_value(rows: Mapping[Key, FloorRow], read: Read) -> Iterator[Clash]:
    """Yield rows with a value that their column can't have, by the pattern of its field."""
    patterns = {row.field: row.pattern for row in read(FIELDS) if row.pattern}
    for key, row in rows.items():
        pattern = patterns.get(row.columns[0])
        if row.value and (pattern is None or not re.fullmatch(pattern, row.value)):
            asked = f"of the form {pattern}" if pattern else "asked of a field without a pattern in fields.csv"
            yield key, key, f"value {row.value!r} isn't {asked}, which {row.columns[0]} has. Correct it."


FLOORS = Sheet(
    "floors.csv",
    FloorRow,
    ("table", "columns", "value", "from"),
    days=("from", "until"),
    once_a_day=("table", "columns", "value", "participants"),
    refers=(
        Reference("table", (*TABLE, ("companions.csv", "companion"))),
        Reference("columns", (("contract", "column"), ("fields.csv", "field"))),
        Reference("participants", PARTICIPANT),
        Reference("without", PARTICIPANT),
        Reference("value", STATE, only=("columns", ("state",))),
    ),
    check=_no_value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """A measured bound; where `stops_from` is a day, crossing it stops the build of releases from that day on."""

    name: Literal[
        "opps_cap_agree_at_least", "opps_cap_of_a_locality_agree_at_least", "opps_cap_of_a_service_agree_at_least",
        "anesthesia_off_by", "anesthesia_far_off_by", "anesthesia_far_off_at_most",
        "anesthesia_of_a_locality_off_at_most", "anesthesia_share_over_the_next_at_least", "anesthesia_ratio_at_least",
        "anesthesia_ratio_at_most", "anesthesia_national_off_by", "conversion_factor_moves_at_most",
        "relative_values_repeated_at_most", "work_gpci_moves_at_most", "pe_gpci_moves_at_most",
        "mp_gpci_moves_at_most", "work_rvu_moves_at_most", "known_rows_missing_at_most", "revision_rows_lost_at_most",
        "payable_rows_gone_within_a_year_at_most", "unplaced_at_most",
    ]  # fmt: skip
    value: Annotated[float, Within(0, 10, decimals=6)]
    stops_from: date | None = None
    unit: Literal["share", "USD", "ratio", "rows"] | None = None
    meaning: Prose = ""
    source: Prose = ""


THRESHOLDS = Sheet("thresholds.csv", ThresholdRow, ("name",))
