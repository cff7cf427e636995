"""Whose conversion factor prices a service, and which one was paid on its day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import polars as pl

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing.rows import Key, Row
from pfsetl.tables.exact import decimal_of, scaled

Factors = tuple[tuple[str, int], ...]  # x 10,000 as paid on a day, by participant


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of a code and of its endoscopic bases for one participant, and the factor paid where one is declared."""

    participant: str
    rows: Mapping[Key, Row]
    paid: int | None
    notes: tuple[str, ...]
    changed: tuple[str, ...]  # what is said of a factor that isn't the one printed

    def factor_of(self, row: Row) -> int:
        """Return the conversion factor x 10,000 that a row is priced with."""
        return row.conversion_factor if self.paid is None else self.paid


def listed(
    rows: Sequence[Row], asked: str | None, release: Release, lacks: str, factors: Factors, known: Sequence[str]
) -> Listed:
    """Return the rows of a code, whose conversion factor counts, and the one paid by `factors`, if it's declared.

    Before 2026 one factor served everyone. `rows` begin with those of the code; `lacks` is a file that is missing,
    `known` is what is said of the release. Raises UsageError where it has the code for another participant only.
    """
    participant, notes = _participant(rows, asked, release, lacks)
    # NOTE: CMS lists codes without a price, and anesthesia, in the file of non-QPs alone.
    of = participant if participant in {row.participant for row in rows} else rows[0].participant
    own = {row.key: row for row in rows if row.participant == of}
    paid, printed = dict(factors).get(of), next(iter(own.values())).conversion_factor
    notes += [] if release.known else [f"{release.label}: {release.note}"]
    changed = []
    if paid is not None and paid != printed:
        said = f"conversion factor {decimal_of(paid, 4)} by conversion_factors.csv; the files of {release.label} print"
        changed.append(f"{said} {decimal_of(printed, 4)}")
    return Listed(participant, own, paid, (*notes, *known), tuple(changed))


def _participant(rows: Sequence[Row], asked: str | None, release: Release, lacks: str) -> tuple[str, list[str]]:
    code = rows[0].hcpcs
    there = list(dict.fromkeys(row.participant for row in rows if row.hcpcs == code))
    if "all" in there:
        notes = [f"{release.label} has one conversion factor for everyone"] if asked else []
        return "all", notes
    wanted = asked or "non_qp"
    if wanted not in there and not {row.status for row in rows} <= _without_price():
        only = f"participant {wanted}: {release.label} has {code} for {', '.join(there)} only."
        raise UsageError(f"{only} {lacks}".rstrip())
    return wanted, [] if asked else ["participant not given: non_qp"]


@cache
def _without_price() -> frozenset[str]:
    """Return the status codes under which a service has no price in RVUs."""
    return frozenset(row.code for row in declarations.rows(STATUS) if row.reason)


def factors_on(release: Release, day: date) -> Factors:
    """Return the conversion factors x 10,000 that were paid on a day, by participant; none where none is declared."""
    return tuple((name, factor) for name, first, last, factor in _paid(release) if first <= day <= last)


@lru_cache(maxsize=200)
def _paid(release: Release) -> tuple[tuple[str, date, date, int], ...]:
    table = calendar.release_calendar(release)
    factor = pl.col("conversion_factor").cast(pl.Decimal(9, 4))
    return tuple(table.select("participant", "effective_from", "effective_to", scaled(factor)).rows())
