"""The floor under the work index as law by date: `schemas/work_index_floor.csv`, Social Security Act 1848(e)(1)(E).

Congress has ended and restored it many times, so what was law on a day depends on the day from which it's seen.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache

from pfsetl.declared import declarations
from pfsetl.declared.records.calendar import WORK_FLOOR

FILE = "work_index_floor.csv"


@dataclass(frozen=True, slots=True)
class Law:
    """One act: on which days of service it raises lower work indices to the floor, and when it was enacted."""

    act: str
    first: date
    last: date
    floor: Decimal
    enacted_on: date
    certainty: str
    source: str

    def __str__(self) -> str:
        return f"{self.act}, enacted {self.enacted_on}: {self.source}"


@dataclass(frozen=True, slots=True)
class End:
    """A day after which no act that was enacted by then had the floor, and the act that restored it later, if any."""

    law: Law
    restored: Law | None


@lru_cache(maxsize=20_000)
def in_force(day: date, as_of: date | None = None) -> Law | None:
    """Return the act that has the floor on a day of service, of those enacted by `as_of`; None where there is none."""
    known = (law for law in laws() if as_of is None or law.enacted_on <= as_of)
    return max((law for law in known if law.first <= day <= law.last), key=lambda law: law.enacted_on, default=None)


@lru_cache(maxsize=20_000)
def last_before(day: date, as_of: date | None = None) -> Law | None:
    """Return the act whose floor ended last before a day, of those enacted by `as_of`."""
    known = (law for law in laws() if as_of is None or law.enacted_on <= as_of)
    return max((law for law in known if law.last < day), key=lambda law: law.last, default=None)


def ends_within(first: date, last: date) -> list[End]:
    """Return the ends of the floor that part the days from `first` to `last`, as the law stood on the day after."""
    found = []
    for law in laws():
        following = law.last + timedelta(days=1) if law.last < date.max else law.last
        if first <= law.last < last and in_force(following, following) is None:
            found.append(End(law, in_force(following)))
    return found


def rule(day: date, as_of: date | None = None) -> str:
    """Say what the law on a day is, with the act and its source, as it was known on `as_of`."""
    known = f" as known on {as_of}" if as_of else ""
    if law := in_force(day, as_of):
        return f"the law of {day}{known} has a floor of {law.floor} ({law})"
    ended = last_before(day, as_of)
    until = f"; it ended on {ended.last} ({ended})" if ended else ""
    return f"the law of {day}{known} has no floor{until}"


@cache
def laws() -> tuple[Law, ...]:
    """Return the acts in the order of their days."""
    found = (
        Law(
            row.act,
            row.from_ or date.min,
            row.to or date.max,
            row.floor,
            row.enacted_on or date.min,
            row.certainty,
            row.source,
        )
        for row in declarations.rows(WORK_FLOOR)
    )
    return tuple(sorted(found, key=lambda law: (law.first, law.enacted_on)))
