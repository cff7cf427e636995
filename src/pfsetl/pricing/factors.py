"""Whose conversion factor prices a service, and which one was paid on its day."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing.service import Service

Row = dict[str, Any]
Key = tuple[str, str]  # code and modifier
Factors = tuple[tuple[str, Decimal], ...]  # as paid on a day, by participant
FACTOR = pl.Decimal(9, 4)


def participant_of(rows: Sequence[Row], service: Service, release: Release, lacks: str) -> tuple[str, list[str]]:
    """Return whose conversion factor counts; before 2026 one served everyone. `lacks` is a file that is missing."""
    there = list(dict.fromkeys(row["participant"] for row in rows if row["hcpcs"] == service.hcpcs))
    if "all" in there:
        notes = [f"{release.label} has one conversion factor for everyone"] if service.participant else []
        return "all", notes
    wanted = service.participant or "non_qp"
    if wanted not in there and not {row["status"] for row in rows} <= _without_price():
        only = f"participant {wanted}: {release.label} has {service.hcpcs} for {', '.join(there)} only."
        raise UsageError(f"{only} {lacks}".rstrip())
    return wanted, [] if service.participant else ["participant not given: non_qp"]


@cache
def _without_price() -> frozenset[str]:
    """Return the status codes under which a service has no price in RVUs."""
    return frozenset(row.code for row in declarations.rows(STATUS) if row.reason)


def factors_of(release: Release, day: date) -> Factors:
    """Return the conversion factors that were paid on a day, by participant; none where none is declared."""
    table = calendar.release_calendar(release).filter(pl.lit(day).is_between("effective_from", "effective_to"))
    return tuple(sorted(table.select("participant", pl.col("conversion_factor").cast(FACTOR)).rows()))


def as_paid(rows: Sequence[Row], factors: Factors, label: str) -> tuple[dict[Key, Row], list[str]]:
    """Put the factor that was paid in place of the one the release was printed with, and say where they differ."""
    paid = dict(factors)
    own = {}
    for row in rows:
        factor = paid.get(row["participant"], row["conversion_factor"])
        own[row["hcpcs"], row["modifier"]] = {**row, "conversion_factor": factor} if factors else row
    printed = rows[0]["conversion_factor"]
    factor = next(iter(own.values()))["conversion_factor"]
    if factor == printed or None in (factor, printed):
        return own, []
    return own, [f"conversion factor {factor} by conversion_factors.csv; the files of {label} print {printed}"]
