"""Rules across an office visit and what else one practitioner does that day: rows of `schemas/same_day.csv`.

Which services a rule is of are rows of `schemas/service_groups.csv`. A row whose state is `proposed` is in force on no
day: a final rule makes it a row with a first day.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import cache

from pfsetl.declared import declarations
from pfsetl.declared.records.same_day import SAME_DAY, SameDayRow
from pfsetl.pricing.apply import Order, amount_of, order_of, refused, stepped
from pfsetl.pricing.groups import in_group, members
from pfsetl.pricing.lines import Line, PricedLine
from pfsetl.pricing.reductions import find, named
from pfsetl.pricing.service import modifier_of
from pfsetl.tables.exact import share_of

CUT, SHARE, BESIDE, SESSION = "visit_and_procedure", "share_of_visit", "not_beside", "one_session"
OTHER_SESSION = "other_session"
IN_FORCE = "in_force"
PREVENTION = "prevention"
_OTHER_CUTS = ("endoscopy", "surgery")  # what a service is paid in part by already: the lower of both is paid


def cut_visits(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Pay the most expensive service of a visit and procedures in full, and the others in part.

    Every unit is a service. A line that another rule has cut already is paid the lower of the two, not both.
    """
    results = list(priced)
    for places in _days(priced) if _rows_of(CUT) else ():
        groups = {row.group for place in places for row in _fitting(CUT, priced[place].line)}
        if len(groups) < 2:
            continue
        rank = 1
        for place in sorted(places, key=lambda at: _by_price(priced[at])):
            results[place] = _cut(priced[place], rank)
            rank += priced[place].line.units
    return results


def drop_beside(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Pay nothing for what isn't paid beside a visit with a modifier, unless another service of the day says so.

    Beside other services and none of its visits it's paid, and that is said: the visit may be on another claim.
    """
    rows = {place: row for place, one in enumerate(priced) if (row := _beside(one))}
    results = list(priced)
    days: dict[Hashable, list[Line]] = {}
    for one in priced if rows else ():
        days.setdefault(_practitioner(one.line), []).append(one.line)
    told: dict[Hashable, tuple[Line | None, bool]] = {}
    for place, row in rows.items():
        one = priced[place]
        day = _practitioner(one.line)
        if day not in told:
            told[day] = _in_the_way(row, days[day])
        visit, is_alone = told[day]
        if visit:
            text = f"not paid beside {visit.hcpcs} with modifier {' '.join(row.modifier)}"
            results[place] = stepped(one, row, 0, text)
        elif is_alone:
            text = f"as if a visit ({members(row.of)}) were on another claim: none is on this one"
            results[place] = stepped(one, row, amount_of(one), text, (1, 1))
    return results


def _beside(one: PricedLine) -> SameDayRow | None:
    for row in _rows_of(BESIDE) if one.allowed is not None else ():
        if in_group(row.group, one.line) and _in_force(row, one.line.date):
            return row
    return None


def _in_the_way(row: SameDayRow, day: Sequence[Line]) -> tuple[Line | None, bool]:
    """Return the visit of a day that a row's services aren't paid beside, and whether others are there and no visit."""
    visits = [line for line in day if in_group(row.of, line)]
    if not visits:
        return None, any(not in_group(row.group, line) for line in day)
    is_paid = not all(set(row.modifier) & set(line.modifiers) for line in visits)
    is_paid = is_paid or bool(row.unless and any(_is_of(row.unless, line) for line in day))
    return None if is_paid else visits[0], False


def name_sessions(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Say of all but the dearest of services that Medicare pays as one if they are of one session: no line tells."""
    results = list(priced)
    for row in _rows_of(SESSION):
        days: dict[Hashable, list[int]] = {}
        for place, one in enumerate(priced):
            if one.allowed is not None and _fits(row, one.line) and _is_of_session(row, one.line):
                days.setdefault(_practitioner(one.line), []).append(place)
        for places in days.values():
            first, *others = sorted(places, key=lambda at: order_of(priced[at]))
            text = "as a session of its own: of one session the highest base units and all time are paid, on line "
            for place in others:
                one = results[place]
                results[place] = stepped(one, row, amount_of(one), f"{text}{priced[first].line.number}")
    return results


def _is_of_session(row: SameDayRow, line: Line) -> bool:
    apart = any(modifier_of(name).kind == "repeat_or_separate" for name in line.modifiers)
    return _in_force(row, line.date) and not apart and not in_group(row.unless, line)


def _is_of(group: str, line: Line) -> bool:
    """Return whether a line's service is of a group; of prevention, too, if it has no coinsurance."""
    share = find("coinsurance", line) if group == PREVENTION else None
    return in_group(group, line) or (share is not None and share.numerator == share.denominator)


def session_apart(line: Line) -> SameDayRow | None:
    """Return the rule by which a line was done in another session than the day's other services, None without one."""
    return next(iter(_fitting(OTHER_SESSION, line)), None) if line.modifiers else None


def pay_shares(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Pay what is a percentage of a visit: on top of the visit named by a modifier, or as a line of its own.

    The share is of the visit as it's priced alone. A line of its own is paid once, for the dearest visit of the day.
    """
    visits: dict[Hashable, PricedLine] = {}
    for group in {row.of for row in _rows_of(SHARE) if row.of}:
        for one in sorted(priced, key=_by_price, reverse=True):
            if one.allowed is not None and in_group(group, one.line):
                visits[group, _practitioner(one.line)] = one
    return [_with_share(one, visits) for one in priced] if _rows_of(SHARE) else list(priced)


def _with_share(one: PricedLine, visits: Mapping[Hashable, PricedLine]) -> PricedLine:
    row = next(iter(_fitting(SHARE, one.line)), None)
    # NOTE: a code that is a percentage of another has no RVUs of its own.
    if row is None or (one.allowed is None and not (row.of and one.reason == "no_rvus")):
        return one
    visit = visits.get((row.of, _practitioner(one.line))) if row.of else one
    if visit is None:
        return refused(one, "no_visit_to_take_a_share_of")
    whole = (visit.line.payment or 0) if row.of else _before_cuts(one)
    part = share_of(whole, row.numerator, row.denominator)
    text = f"of line {visit.line.number}, {visit.line.hcpcs}" if row.of else "of the visit, on top of it"
    text += ", in an ACO" if row.aco else ""
    paid = replace(one, allowed=amount_of(one), reason=None)
    return stepped(paid, row, part if row.of else amount_of(one) + part, text)


def unapplied(line: Line) -> list[str]:
    """Say which proposed rules are of a line on its day and aren't applied, and that an ACO is named in vain."""
    now = [row for row in relations() if _in_force(row, line.date)]
    waiting = [
        row
        for row in relations()
        if row.proposed_from
        and row.proposed_from <= line.date
        and _fits(row, line)
        and row.rule not in {other.rule for other in now}
    ]
    notes = [f"proposed and not applied: {share.rule} by {share.source}" for share in waiting]
    if line.aco and not any(row.aco is not None and _fits(row, line) for row in now):
        notes.append("aco: no rule in force on this day asks for it; it changes nothing")
    return list(dict.fromkeys(notes))


def _cut(one: PricedLine, first: int) -> PricedLine:
    """Pay the units of a line by their ranks; a rank without a row is paid in full."""
    line, ranks = one.line, range(first, first + one.line.units)
    found = [_ranked(line, rank) for rank in ranks]
    rows = [row for row in found if row]
    if not rows:
        return one
    share = sum((_part(row) for row in found), Fraction(0)) / line.units
    after = share_of(_before_cuts(one), *share.as_integer_ratio())
    now = amount_of(one)
    text = "a visit and procedures of one day: " + (
        f"service {first} by price" if line.units == 1 else f"services {first} to {ranks[-1]} by price"
    )
    if now <= after:
        text += ", cut as much already" if share < 1 else ""
        return stepped(one, rows[-1], now, text, (1, 1))
    return stepped(one, rows[-1], after, text, share.as_integer_ratio())


def _ranked(line: Line, rank: int) -> SameDayRow | None:
    return next((row for row in _fitting(CUT, line) if row.rank_from <= rank <= (row.rank_to or rank)), None)


def _part(row: SameDayRow | None) -> Fraction:
    return Fraction(row.numerator, row.denominator) if row else Fraction(1)


def _days(priced: Sequence[PricedLine]) -> Iterable[list[int]]:
    """Return the places of the paid lines that the cut is of, together for one practitioner's day."""
    days: dict[Hashable, list[int]] = {}
    for place, one in enumerate(priced):
        if one.allowed is not None and _fitting(CUT, one.line):
            days.setdefault(_practitioner(one.line), []).append(place)
    return days.values()


def _practitioner(line: Line) -> Hashable:
    """One practitioner's day, an assistant's services apart from the surgeon's."""
    return line.date, line.practitioner, named("assistant_surgeon", line)


def _before_cuts(one: PricedLine) -> int:
    """Return a line's amount before other rules on several services of a day, and before this one."""
    return next((step.before for step in one.steps if step.rule in (*_OTHER_CUTS, CUT)), amount_of(one))


def _by_price(one: PricedLine) -> tuple[Fraction, tuple[int, Order]]:
    return Fraction(-_before_cuts(one), one.line.units), order_of(one)


def _fitting(rule: str, line: Line) -> list[SameDayRow]:
    return [row for row in _rows_of(rule) if _in_force(row, line.date) and _fits(row, line)]


def _fits(row: SameDayRow, line: Line) -> bool:
    named_here = not row.modifier or bool(set(row.modifier) & set(line.modifiers))
    return named_here and row.aco in (None, line.aco) and in_group(row.group, line)


@cache
def _rows_of(rule: str) -> tuple[SameDayRow, ...]:
    """Return the rows of a rule that are in force on any day."""
    return tuple(row for row in relations() if row.rule == rule and row.state == IN_FORCE)


def _in_force(row: SameDayRow, day: date) -> bool:
    return row.state == IN_FORCE and (row.from_ or date.max) <= day <= (row.to or date.max)


@cache
def relations() -> tuple[SameDayRow, ...]:
    """Return every row of `schemas/same_day.csv`."""
    return declarations.rows(SAME_DAY)
