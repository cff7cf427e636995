"""Which columns money is made of, and what no check can decide of them, with the reason.

`undecidable.csv` has a row for each: `kinds` and `columns` are regular expressions that match whole, `formats` is
`one` where a second format decides it, `any` where nothing does, `part` in an archive that is said to be a part only;
`rows` and `moved` are the most rows and the largest
change of a number that the reason holds for. A silent mutant is undecidable when one row covers all of it.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

MONEY = frozenset(
    f"rvu.{name}"
    for name in (
        "(rows)", "status", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu", "nonfacility_total_rvu",
        "facility_total_rvu", "nonfacility_na", "facility_na", "conversion_factor", "pctc", "global_days",
        "preoperative", "intraoperative", "postoperative", "multiple_procedure", "bilateral", "assistant_surgeon",
        "co_surgeons", "team_surgery", "endoscopic_base", "imaging_family", "calculation_flag",
        "opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu",
    )
) | {
    "gpci.(rows)", "gpci.work_gpci", "gpci.pe_gpci", "gpci.mp_gpci",
    "anesthesia.(rows)", "anesthesia.conversion_factor",
    "opps_cap.(rows)", "opps_cap.status", "opps_cap.nonfacility_amount", "opps_cap.facility_amount",
    "locality_county.(rows)",
    "releases.release",
}  # fmt: skip
"""What a price is computed from, or chosen by; the rest are names, contractors and notes."""
FORBIDDEN_KINDS = re.compile(r"member\.(foreign|named|retitled|participant|beside)|label\..*|cut\..*")
"""Silent ones of these are findings whatever column they change."""


def is_money(columns: Iterable[str]) -> bool:
    """Whether any of the columns is one that money is made of."""
    return any(c in MONEY for c in columns)


@cache
def _declared() -> tuple[Mapping[str, str], ...]:
    with Path(__file__).with_name("undecidable.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def undecidable(kind: str, formats: str, columns: Iterable[str], rows: int, moved: float, *, part: bool) -> str | None:
    """Return why no check can tell this mutation from what CMS may print, None where one should."""
    several = formats in ("all", "csv+txt")
    changed = list(columns)
    for row in _declared():
        if (several and row["formats"] == "one") or (row["formats"] == "part" and not part):
            continue
        if rows > int(row["rows"]) or (row["moved"] and moved > float(row["moved"])):
            continue
        if re.fullmatch(row["kinds"], kind) and all(re.fullmatch(row["columns"], c) for c in changed):
            return row["reason"]
    return None
