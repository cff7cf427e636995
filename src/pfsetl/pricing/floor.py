"""The work index of a place by the law on a day of service, and what it would be under the other law."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pfsetl.declared import work_floor
from pfsetl.declared.work_floor import Law
from pfsetl.pricing.place import Indices, Place
from pfsetl.tables.exact import decimal_of


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
    other: Indices | None
    notes: tuple[str, ...]


def by_law(place: Place, day: date, as_of: date | None = None) -> tuple[Place, WorkIndex | None]:
    """Return a place with the work index that is law on a day, as known on `as_of`; the nation has none."""
    if place.national:
        return place, None
    law = work_floor.in_force(day, as_of)
    last = law or work_floor.last_before(day, as_of)
    chosen, index, said = (_alone if place.without_floor is None else _chosen)(place, law, last)
    notes = (f"{said}: {work_floor.rule(day, as_of)}",) if said else ()
    return chosen, replace(index, notes=notes)


def _chosen(place: Place, law: Law | None, last: Law | None) -> tuple[Place, WorkIndex, str]:
    """Return the index of the law where CMS prints both."""
    printed, without = place.indices, (place.without_floor or 0, *place.indices[1:])
    mine, other = (printed, without) if law else (without, printed)
    used, apart = decimal_of(mine[0], 3), mine != other
    said = f"work index {used}, {'with' if law else 'without'} the floor" if apart else ""
    both = decimal_of(printed[0], 3), decimal_of(without[0], 3)
    return replace(place, indices=mine), WorkIndex(bool(law), last, used, *both, other if apart else None, ()), said


def _alone(place: Place, law: Law | None, last: Law | None) -> tuple[Place, WorkIndex, str]:
    """Return the one index that CMS prints, whatever the law has, and say where the two contradict each other.

    One above the floor is the same with and without it; one at the floor is with it where no locality is lower.
    """
    used = decimal_of(place.indices[0], 3)
    below = last is None or used < last.floor
    raised = last is not None and used == last.floor and place.lowest_work == place.indices[0]
    against = (law and below) or (not law and raised)
    said = f"work index {used} is printed {'below' if below else 'at'} the floor, and paid as printed"
    with_floor, without = None if below else used, None if raised else used
    return place, WorkIndex(bool(law), last, used, with_floor, without, None, ()), said if against else ""
