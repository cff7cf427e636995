"""The work index of a place by the law on a day of service, and what it would be under the other law."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import polars as pl

from pfsetl.declared import work_floor
from pfsetl.declared.work_floor import Law
from pfsetl.pricing.place import Place
from pfsetl.tables import work_index


@dataclass(frozen=True, slots=True)
class WorkIndex:
    """Which work index a price is made with and why; `law` is the act that has the floor, or had it last.

    `with_floor` and `without_floor` are None where CMS prints no such index; `other` are the indices with the one that
    isn't law, None where it's the same.
    """

    floored: bool
    law: Law | None
    used: Decimal
    with_floor: Decimal | None
    without_floor: Decimal | None
    other: pl.DataFrame | None
    notes: tuple[str, ...]


def by_law(place: Place, day: date, as_of: date | None = None) -> tuple[Place, WorkIndex | None]:
    """Return a place with the work index that is law on a day, as known on `as_of`; the nation has none."""
    if place.national:
        return place, None
    law = work_floor.in_force(day, as_of)
    last = law or work_floor.last_before(day, as_of)
    rule = work_floor.rule(day, as_of)
    both = place.gpci[work_index.WITHOUT][0] is not None
    return (_chosen if both else _alone)(place, work_index.by_law(place.gpci, day, as_of), law, last, rule)


def _chosen(place: Place, mine: pl.DataFrame, law: Law | None, last: Law | None, rule: str) -> tuple[Place, WorkIndex]:
    """Return the index of the law where CMS prints both."""
    printed, used = place.gpci, mine["work_gpci"][0]
    apart = bool(work_index.differ(printed).height)
    other = work_index.without_floor(printed) if law else printed
    notes = (f"work index {used}, {'with' if law else 'without'} the floor: {rule}",) if apart else ()
    indices = printed["work_gpci"][0], printed[work_index.WITHOUT][0]
    return replace(place, gpci=mine), WorkIndex(bool(law), last, used, *indices, other if apart else None, notes)


def _alone(place: Place, mine: pl.DataFrame, law: Law | None, last: Law | None, rule: str) -> tuple[Place, WorkIndex]:
    """Return the one index that CMS prints, whatever the law has, and say where the two contradict each other.

    One above the floor is the same with and without it; one at the floor is with it where no locality is lower.
    """
    used = mine["work_gpci"][0]
    below = last is None or used < last.floor
    raised = last is not None and used == last.floor and place.lowest_work_gpci == last.floor
    against = (law and below) or (not law and raised)
    side = "below" if below else "at"
    notes = (f"work index {used} is printed {side} the floor, and paid as printed: {rule}",) if against else ()
    with_floor, without = None if below else used, None if raised else used
    return place, WorkIndex(bool(law), last, used, with_floor, without, None, notes)
